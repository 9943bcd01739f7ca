"""A worked example: a robot with a line-based TCP protocol, added to Kinesis without touching its tree."""
