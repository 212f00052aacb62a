"""Tests of the audit: books that hold, thirteen damages that are found, and random histories."""
