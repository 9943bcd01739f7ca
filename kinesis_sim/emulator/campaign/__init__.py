"""The fault campaign: cases as data, run on an emulated android, judged by what really happened to it (docs/robot/faults.md)."""
