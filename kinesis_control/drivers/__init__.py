"""Muscle transports: one file per link."""
