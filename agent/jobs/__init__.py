"""What is remembered: jobs, their certificates, and the ledger."""
