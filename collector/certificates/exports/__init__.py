"""Certificates as files: CSV for people and for programs, XLSX, JSON Lines, a ZIP of pages and signed certificates.

Each is made from an iterator and given out in pieces: a hundred thousand rows need no more memory than one. What stands
in them comes from the signed records; a certificate that does not hold has its id and why, and claims nothing.
"""
