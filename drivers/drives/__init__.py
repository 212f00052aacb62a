"""Drivers of where drives come from: base.py is the contract, simulated.py ships, every other file is a device."""
