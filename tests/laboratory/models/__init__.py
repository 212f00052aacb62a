"""Drives in Python: what they keep, what they answer and how they fail. Written from the specifications alone."""
