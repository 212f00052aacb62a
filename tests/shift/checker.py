"""Before each scan the screen is drawn, and behind it the bays are looked at: what moved was named, or nothing moved.

The screen is the one of `benchwipe status --watch`, on a terminal (pyte), at the size of a small one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyte

from agent.commands.watch import Painter
from agent.views.screen import Size, frame, places

SIZE = Size(80, 24)
NAMED = re.compile(r"\b[Bb]ay (A[0-9]+)\b")
A_BAY = re.compile(r"BAY-A?([0-9]+)")
ANSWERS = re.compile(r"YES|START|NO|UNDO|GRADE-.|DESTROY.*|SHIFT-.*")  # they act on what the screen names

Status = Mapping[str, Any]


def instruction(status: Status) -> str:
    """What a person reads above the bays: the answer to the last scan, and what is expected."""
    screen = pyte.Screen(SIZE.columns, SIZE.rows)
    pyte.Stream(screen).feed(Painter(colour=True, encoding="utf-8").changes(frame(status, SIZE, "en")))
    return " ".join(" ".join(screen.display[1 : 1 + places(SIZE).next]).split())


def told(row: Status) -> tuple[object, ...]:
    """All of a bay that a scan may move, and nothing that moves by itself."""
    asks = row["asks"] if row["asks"] in ("serial", "confirm") else None
    return (row["asset"], row["grade"], row["destination"], asks)


@dataclass
class Checker:
    """`looks`: how often it compared; `moved`: how often a scan moved a bay."""

    status: Callable[[], Status]
    looks: int = 0
    moved: int = 0
    _before: Status = field(default_factory=dict)
    _text: str = ""

    def look(self) -> None:
        """Before a scan."""
        self._before = self.status()
        self._text = instruction(self._before)

    def compare(self, code: str) -> None:
        """Behind it."""
        self.looks += 1
        self._the_screen_says_what_the_daemon_says()
        now = {row["bay"]: row for row in self.status()["bays"]}
        moved = {
            row["bay"]
            for row in self._before["bays"]
            if "empty" not in (row["state"], now[row["bay"]]["state"]) and told(row) != told(now[row["bay"]])
        }
        self.moved += len(moved)
        assert moved <= self._may_move(code, now), f"{code} moved {moved}, and the screen said: {self._text}"

    def _may_move(self, code: str, now: Mapping[str, Status]) -> set[str]:
        if found := A_BAY.fullmatch(code):
            return {f"A{found[1]}"}
        if code.startswith("DRIVES-") or not ANSWERS.fullmatch(code):
            return set()
        named = NAMED.findall(self._text)
        labels = {name for name, row in now.items() if row["certificate"] and row["certificate"] in self._text}
        return {*named[-1:], *labels}

    def _the_screen_says_what_the_daemon_says(self) -> None:
        last = " ".join(str(self._before["next"][-1]).split())
        assert last in self._text, f"the screen says {self._text!r}, and expected is {last!r}"
