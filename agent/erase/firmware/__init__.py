"""Erasing by a drive's own firmware: what is sent, when it counts, and what proves it (docs/firmware.md)."""

from agent.erase.firmware.techniques import FIRMWARE_TECHNIQUES, HOW, How

__all__ = ["FIRMWARE_TECHNIQUES", "HOW", "How"]
