"""What is tried in the guest. Run by `make bench`; `make test` leaves it out and says so."""
