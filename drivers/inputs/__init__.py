"""Drivers of scanners and keypads: base.py is the contract, simulated.py ships, every other file is a device."""
