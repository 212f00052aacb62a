"""Tests of where everybody begins."""
