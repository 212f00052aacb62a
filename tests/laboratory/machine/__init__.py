"""QEMU from the outside: starting, controlling, saving and restoring the guest."""
