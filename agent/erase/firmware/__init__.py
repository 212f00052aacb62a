"""Erasing by a drive's own firmware: what is sent, when it counts, and what proves it (docs/firmware.md)."""
