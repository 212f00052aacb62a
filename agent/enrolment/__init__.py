"""How a station becomes known to a collector, and stays so: its TLS certificate, asked for and renewed."""
