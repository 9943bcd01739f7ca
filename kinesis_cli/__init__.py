"""The kinesis command."""
