"""What each outcome looks like: one shape for one meaning, drawn on labels, typed on terminals, shown on web pages.

A shape means the same wherever it stands, and nothing else has it: no state of a bay, no command of the sheet. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.certificates.certificate import Claim
from drivers.printers.languages.label import Shape


@dataclass(frozen=True)
class Sign:
    """One shape in three media. `typed` is of code page 437, which the Linux console's own fonts hold.

    That page has no boxes: a bracket is the side of one, and two cells are the widest that the smallest screen has.
    """

    drawn: Shape
    typed: str
    shown: str


SIGNS: Mapping[Claim, Sign] = {
    "erased": Sign(Shape.TICK, "\u221a", "\u2714"),
    "unread": Sign(Shape.FRAMED_TICK, "[\u221a", "\u2611"),
    "attested": Sign(Shape.SIGNED, "[=", "\u25a4"),
    "failed": Sign(Shape.CROSS, "X", "\u2716"),
    "again": Sign(Shape.HALF, "\u258c]", "\u25e7"),
    "aborted": Sign(Shape.HALF, "\u258c]", "\u25e7"),
    "refused": Sign(Shape.HOLLOW, "[]", "\u25a1"),
}
"""Tick: erased. In a frame: nobody read it back. Cross: to be destroyed. Half full: begun, to be erased again. Empty:
nothing was done. Two lines: a person's word."""
