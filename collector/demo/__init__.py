"""A simulated year of two municipalities: files and certificates as they come, and the commands that take them."""
