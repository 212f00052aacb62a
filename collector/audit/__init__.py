"""What must hold of the books whatever happened: thirteen invariants, each looked at by itself (docs/trade.md)."""
