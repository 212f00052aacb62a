"""Tests of the effect report."""
