"""The station: what happens, in what order, and what is remembered."""
