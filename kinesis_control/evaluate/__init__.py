"""Bags in, figures out."""
