"""A display in memory and, if a file is named, in it: `bay<TAB>text` for each line shown, "-" for the whole bench."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from drivers.displays.base import Display
from drivers.errors import DeviceGone

KEEP = 1000


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`columns` and `rows` of 0: as wide and high as it takes."""

    file: str = ""
    columns: Annotated[int, msgspec.Meta(ge=0, le=200)] = 0
    rows: Annotated[int, msgspec.Meta(ge=0, le=50)] = 0


class Driver(Display):
    """`shown` is the last thousand of what was shown, `now` what stands there."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.columns = settings.columns or None
        self.rows = settings.rows or None
        self.shown: list[tuple[str | None, tuple[str, ...]]] = []
        self.now: dict[str | None, tuple[str, ...]] = {}
        self._file = settings.file

    def write(self, lines: tuple[str, ...], *, bay: str | None) -> None:
        """Add the lines to what was shown before, which is never rewritten."""
        self.now[bay] = lines
        self.shown = [*self.shown[-KEEP + 1 :], (bay, lines)]
        if not self._file:
            return
        try:
            with Path(self._file).open("a", encoding="utf-8") as file:
                file.write("".join(f"{bay or '-'}\t{line}\n" for line in lines))
        except OSError as error:
            raise DeviceGone(device=f"{self.name} ({self._file}: {error.strerror})") from error
