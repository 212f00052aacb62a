"""Faults injected below real block devices: a loop device over a FUSE file system that misbehaves as it is told."""
