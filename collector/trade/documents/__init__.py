"""A settlement on paper and as files."""
