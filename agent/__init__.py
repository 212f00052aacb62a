"""The station: what happens, in what order, and what is remembered."""

__version__ = "0.1.0"
