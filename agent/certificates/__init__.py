"""What may be claimed, signed and shown."""
