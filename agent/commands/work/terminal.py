"""What stands on a terminal while drives are worked on: one line a drive, written over again. Nothing elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TextIO

from agent.erase import Progress
from agent.views.bay import by_itself, ends_about, percent, span
from agent.views.certificate import printable

BAR = 24


def is_terminal(stream: TextIO | None) -> bool:
    """Say whether a person sits at the other end; a closed stream is none."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


class Screen:
    """The live lines. Whatever happens to the terminal, the work behind them goes on."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """`stream`: standard error, unless another is named."""
        stream = stream or sys.stderr
        self._stream = stream if is_terminal(stream) and os.environ.get("TERM") != "dumb" else None
        self._height = 0

    def show(self, lines: list[str]) -> None:
        """Put these lines in the place of the last ones."""
        if self._stream is None:
            return
        try:
            width = os.get_terminal_size(self._stream.fileno()).columns or 80
            up = f"\x1b[{self._height}A" if self._height else ""
            self._stream.write(up + "".join(f"\r\x1b[2K{line[: width - 1]}\n" for line in lines))
            self._stream.flush()
            self._height = len(lines)
        except (OSError, ValueError):  # the terminal was closed
            self._stream = None

    def clear(self) -> None:
        """Take the lines away."""
        height, self._height = self._height, 0
        if self._stream is not None and height:
            try:
                self._stream.write(f"\x1b[{height}A\r\x1b[J")
                self._stream.flush()
            except (OSError, ValueError):
                self._stream = None


DOING: Mapping[str, str] = {
    "proof": "how much it holds",
    "firmware": "erases itself",
    "verify": "reading back",
    "stalled": "DOES NOT ANSWER",
    "paused": "too hot: waiting",
}


def progress_line(device: str, at: Progress) -> str:
    """Write one drive's progress for a person: what is done now, how far it is, how fast, and what is left of it."""
    what = DOING.get(at.phase, f"pass {at.pass_number}/{at.passes}")
    done = percent(at.bytes_done, at.bytes_total)
    bar = "#" * (done * BAR // 100)
    errors = f", {at.errors} errors" if at.errors else ""
    if at.works_s is not None:
        whose = "the drive's own estimate" if at.estimate_s else "it does not say how long it takes"
        return f"{printable(device)}: {what:<12} {by_itself(at.works_s, at.estimate_s)} ({whose}){errors}"
    if at.paused_s is not None:
        return f"{printable(device)}: {what:<12} {span(at.paused_s)} so far, at {at.celsius or 0:.0f} C{errors}"
    speed = f"{at.mb_per_s:.0f} MB/s, {ends_about('en', at.ends_at, at.left_s)}"
    return f"{printable(device)}: {what:<12} [{bar:<{BAR}}] {done:>3} %, {speed}{errors}"
