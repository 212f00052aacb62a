"""Stations made known: the authority, codes, TLS of the pages, the broker's files, revocation; with real parts."""
