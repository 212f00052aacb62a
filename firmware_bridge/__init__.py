"""Commands that somebody else's firmware carries out, and what comes back."""
