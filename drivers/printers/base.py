"""What the station asks of a label printer. Sent is not printed: only what the printer says it printed is Printed.

    Printed      the printer said so
    NotPrinted   nothing came out, certainly: mend the cause and print again
    Unknown      something may have come out: the technician scans the label, and that scan is the proof

A printer is used from one thread only (its own executor), so that no status query runs into a transfer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from drivers.deadline import Deadline
from drivers.printers.languages.dialogue import PrinterStatus
from drivers.printers.languages.label import Media


@dataclass(frozen=True)
class Printed:
    """The printer said that it is done with this label."""

    label_id: str


@dataclass(frozen=True)
class NotPrinted:
    """Certainly nothing came out."""

    label_id: str
    reason: str


@dataclass(frozen=True)
class Unknown:
    """Sent at least in part, and no word that it was printed."""

    label_id: str
    reason: str


PrintResult = Printed | NotPrinted | Unknown


class PrinterSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every printer's driver takes: its language and the label in it."""

    language: Literal["zpl", "tspl", "epl", "escpos", "brother-ql"] = "zpl"
    width_mm: Annotated[int, msgspec.Meta(ge=30, le=110)] = 57
    height_mm: Annotated[int, msgspec.Meta(ge=20, le=300)] = 32
    dpi: Literal[203, 300] = 203
    gap_mm: Annotated[int, msgspec.Meta(ge=0, le=20)] = 3

    def media(self) -> Media:
        """Describe the label as its writers take it."""
        return Media(
            language=self.language,
            width_mm=self.width_mm,
            height_mm=self.height_mm,
            dpi=self.dpi,
            gap_mm=self.gap_mm,
        )


class Printer(ABC):
    """A label printer. `media` says what to render for it."""

    name: str
    media: Media

    @abstractmethod
    def print(self, data: bytes, *, label_id: str, within: Deadline) -> PrintResult:
        """Send a label that is written in `media.language`, and wait for what comes of it until the deadline.

        `label_id` names it in the result; printers that store files use it as their name. Raises nothing that a
        printer can do: a missing one is NotPrinted.
        """

    @abstractmethod
    def status(self, *, within: Deadline) -> PrinterStatus:
        """Ask the printer what it says of itself now. A missing or silent one is not ready."""

    def close(self) -> None:
        """Let go of the device. Calling it twice is harmless."""
        return
