"""Drivers of label printers: base.py is the contract, simulated.py ships, every other file is a device."""
