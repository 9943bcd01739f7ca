"""Measurements behind the numbers of the README: `kinesis bench`. Not tests: nothing here passes or fails by itself."""
