"""Recorded motions of people: files of any common format and skeleton become a SourceMotion, in metres, z up."""

from kinesis_control.motion.readers.reading import SUFFIXES, find_motions, read_motion

__all__ = ["SUFFIXES", "find_motions", "read_motion"]
