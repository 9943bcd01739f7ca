"""Limits, arming and faults: pure functions and small state machines."""
