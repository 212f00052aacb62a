"""The dock controller's own firmware: MicroPython on an RP2040. The host shares wire.py (docs/controller.md)."""
