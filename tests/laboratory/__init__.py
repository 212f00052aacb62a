"""The virtual bench: a QEMU guest with a stock kernel, and drives modelled on the host (docs/bench.md)."""
