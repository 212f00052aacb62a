"""Drivers of scanners, keypads and standard input: base.py is the contract, simulated.py ships, every other file is a device."""
