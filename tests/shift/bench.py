"""The bench that a shift is worked on: hands and eyes, whatever stands behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Shown:
    """What the bench shows of a bay."""

    state: str
    outcome: str | None = None
    label: str = ""


class Bench(Protocol):
    """Hands and eyes: whatever the shift is worked on."""

    def put_in(self, number: int, bay: str, *, held: bool) -> None:
        """Put a drive in; one that is held stands still as soon as it is at work, until it is let go."""

    def pull(self, bay: str) -> None:
        """Take out what stands there, whatever it does."""

    def let_go(self, number: int) -> None:
        """A drive that was held works on. Harmless for others."""

    def spoil(self, number: int) -> None:
        """From now on it has bad sectors."""

    def at_work(self, number: int) -> bool:
        """Whether a drive that is held has come so far."""

    def scan(self, code: str) -> None:
        """What the scanner sends."""

    def said(self) -> str:
        """All that the bench has said so far."""

    def shown(self) -> Mapping[str, Shown]:
        """What the bays show."""

    def alarms(self) -> Sequence[str]:
        """What stands on the screen until somebody mends it."""

    def open_labels(self) -> Sequence[str]:
        """Numbers of the labels that nobody has proved."""

    def came_out(self, *words: str) -> bool:
        """Whether a label with all these words on it came out of the printer."""

    def paper(self, *, there: bool) -> None:
        """Of the label printer."""

    def cable(self, *, plugged: bool) -> None:
        """Of the dock."""

    def cut_power(self) -> None:
        """The station's power goes and comes back; returns when it answers."""
