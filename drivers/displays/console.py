"""The display of a bench without one: lines on standard error."""

from __future__ import annotations

import sys

import msgspec

from drivers.displays.base import Display


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing to set."""


class Driver(Display):
    """One line for each that is shown, the bay before it."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name

    def write(self, lines: tuple[str, ...], *, bay: str | None) -> None:
        """Write the lines to standard error. It may be gone (a closed terminal): nothing to tell anybody then."""
        before = f"[{bay}] " if bay is not None else ""
        try:
            sys.stderr.write("".join(f"{before}{line}\n" for line in lines))
            sys.stderr.flush()
        except (OSError, ValueError):
            return
