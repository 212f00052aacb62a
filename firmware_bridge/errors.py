"""The mechanism under every error of the project.

    CodedError                      firmware_bridge/errors.py
    ├── BridgeError                 a command that a drive's or a dock's firmware did not carry out
    ├── drivers.errors.DriverError  a device of the bench that does not do what it should
    └── agent.errors.AgentError     the station itself: settings, ledger, certificates, uplink

Each class has a stable code (never reused, printed on displays, certificates and MQTT), a message made of its
typed fields, and a hint for the person in front of the bench.
"""

from __future__ import annotations

from typing import ClassVar


class CodedError(Exception):
    """An error that says what is wrong, where, and what a person can do."""

    code: ClassVar[str] = "BW-000"
    message: ClassVar[str] = "something went wrong"
    hint: ClassVar[str] = ""

    def __init__(self, **fields: object) -> None:
        self.fields = fields
        super().__init__(self.message.format(**fields))

    def line(self) -> str:
        """Form one line for a person: message, hint, code."""
        hint = f" {self.hint}" if self.hint else ""
        return f"{self}.{hint} ({self.code})"


class BridgeError(CodedError):
    """A command that a drive's or a dock controller's firmware did not carry out."""

    code = "BW-F00"
    message = "{command} was not carried out: {status}"
