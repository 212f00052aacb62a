"""Facts as lines: for a bay, a screen, a certificate."""
