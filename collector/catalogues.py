"""What pages say in Danish: the catalogues (.po) that people edit, compiled for Django. English is in the code itself.

`python -m collector.catalogues` compiles all; boot() compiles those that are missing or older than their text.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from pathlib import Path

from agent.phrases import po

LOG = logging.getLogger(__name__)
HOUSE = Path(__file__).parent


def texts() -> list[Path]:
    """List the catalogues: the house's own, and those of rooms that keep theirs."""
    return sorted(HOUSE.glob("**/locale/*/LC_MESSAGES/django.po"))


def compile_old() -> None:
    """Compile what is not compiled yet. A folder that cannot be written costs the Danish, and no page."""
    for text in texts():
        try:
            compiled = text.with_suffix(".mo")
            if not compiled.exists() or compiled.stat().st_mtime < text.stat().st_mtime:
                compile_one(text)
        except (OSError, ValueError) as error:
            LOG.warning("%s cannot be compiled, its pages stay English: %s", text, error)


def compile_one(text: Path) -> None:
    """Compile a catalogue. A process that reads it meanwhile finds the old one or the new one. Raise ValueError."""
    compiled = po.mo_bytes(po.read_po(text.read_text("utf-8")))
    beside = text.with_suffix(f".{os.getpid()}")
    try:
        beside.write_bytes(compiled)
        beside.replace(text.with_suffix(".mo"))
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


def main() -> int:
    """Compile every catalogue, and print one line for each that cannot be compiled."""
    wrong = False
    for text in texts():
        try:
            compile_one(text)
        except ValueError as error:
            print(f"{text}: {error}", file=sys.stderr)
            wrong = True
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
