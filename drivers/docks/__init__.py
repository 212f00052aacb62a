"""Drivers of dock controllers: base.py is the contract, simulated.py ships, every other file is a device."""
