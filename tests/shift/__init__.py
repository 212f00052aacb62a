"""A whole shift: a table of drives and mistakes, a technician who goes by it, an account that must tally."""
