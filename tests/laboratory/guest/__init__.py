"""What runs in the guest, and how the guest is built."""
