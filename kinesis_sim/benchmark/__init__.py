"""Suites that measure a policy: cases, the loop that runs one, and running many."""
