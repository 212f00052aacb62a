"""Key, ledger and certificates in one sealed file, and back."""
