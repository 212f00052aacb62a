"""A printer that prints into a folder: `<label id>.<language>` as it was sent, and `<label id>.png` as it came out.

Faults, by setting or by a word in `control_file`: "paper-out", "head-open", "gone" (nothing comes out), "dies" (power
lost in the middle: half a file, and nobody knows), "mute" (prints, and does not say so).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from drivers.deadline import Deadline
from drivers.errors import DriverUnavailable
from drivers.faults import NONE, Fault, fault_now
from drivers.printers.base import NotPrinted, Printed, Printer, PrinterSettings, PrintResult, Unknown
from drivers.printers.languages.dialogue import PrinterStatus

FAULTS = ("none", "paper-out", "head-open", "gone", "dies", "mute")
NOTHING_COMES_OUT: Mapping[str, str] = {"paper-out": "paper out", "head-open": "head open", "gone": "it is not there"}


class Settings(PrinterSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`folder` is made if it is missing."""

    folder: Annotated[str, msgspec.Meta(min_length=1)]
    control_file: str = ""
    fault: Literal["none", "paper-out", "head-open", "gone", "dies", "mute"] = "none"


class Driver(Printer):
    """Reads the bytes as a printer would: what it cannot read, it does not print."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.media = settings.media()
        self._settings = settings

    def print(self, data: bytes, *, label_id: str, within: Deadline) -> PrintResult:
        """Print into files, which appear whole or not at all, except when the power is lost."""
        fault = self._fault()
        if fault.kind in NOTHING_COMES_OUT:
            return NotPrinted(label_id, f"{self.name}: {NOTHING_COMES_OUT[fault.kind]}")
        folder = Path(self._settings.folder)
        name = re.sub(r"[^A-Za-z0-9._-]", "_", label_id).lstrip(".") or "label"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if fault.hits("dies"):
                (folder / f"{name}.{self.media.language}.part").write_bytes(data[: len(data) // 2])
                return Unknown(label_id, f"{self.name}: power lost in the middle")
            _write(folder / f"{name}.{self.media.language}", data)
            self._picture(folder / f"{name}.png", data)
        except OSError as error:
            return NotPrinted(label_id, f"{self.name}: {folder}: {error.strerror}")
        except ValueError as error:
            return NotPrinted(label_id, f"{self.name}: no label in these bytes: {error}")
        if fault.hits("mute"):
            return Unknown(label_id, f"{self.name}: sent, and no word of it since")
        return Printed(label_id)

    def status(self, *, within: Deadline) -> PrinterStatus:
        """Tell the status as the fault says."""
        kind = self._fault().kind
        if kind in NOTHING_COMES_OUT:
            return PrinterStatus(ready=False, problems=(NOTHING_COMES_OUT[kind],))
        return PrinterStatus(ready=None if kind == "mute" else True, waiting=0)

    def _fault(self) -> Fault:
        return fault_now(self._settings.control_file, Fault(self._settings.fault or NONE), FAULTS)

    def _picture(self, path: Path, data: bytes) -> None:
        from drivers.printers.languages import reading

        try:
            picture = reading.picture(data, self.media)
        except DriverUnavailable:  # no `labels` extra: the bytes alone then
            return
        _write(path, picture)


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(data)
    os.replace(temporary, path)
