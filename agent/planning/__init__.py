"""What is known and decided before anything moves."""
