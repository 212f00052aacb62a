"""`make demo`: a whole bench of simulated devices, a real broker, the real programs, and what must come of it."""
