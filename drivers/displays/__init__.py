"""Drivers of what technicians look at: base.py is the contract, simulated.py ships, every other file is a device."""
