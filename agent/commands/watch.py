"""`benchwipe status --watch` on a terminal: the whole screen, of which only what changed is written."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from agent.devices.control import NotRunning, ask
from agent.views.screen import Row, Size, Style, frame, wanting

LOOK_S = 1.0
RESIZE_S = 0.25
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l\x1b[2J", "\x1b[0m\x1b[?25h\x1b[2J\x1b[H\x1b[?1049l"
COLOURS: Mapping[Style, str] = {
    "": "0",
    "title": "0;1",
    "good": "0;1;32",
    "bad": "0;1;7;31",
    "busy": "0;36",
    "hand": "0;1;33",
    "faint": "0;2",
}
PLAIN: Mapping[Style, str] = {
    **dict.fromkeys(COLOURS, "0"),
    "title": "0;1",
    "good": "0;1",
    "bad": "0;1;7",
    "hand": "0;1",
}


class Painter:
    """Knows what stands on the terminal, and gives what turns it into the next frame."""

    def __init__(self, *, colour: bool, encoding: str) -> None:
        """`encoding`: characters that it lacks become ASCII ones."""
        self._styles = COLOURS if colour else PLAIN
        self._encoding = encoding
        self._standing: tuple[Row, ...] = ()

    def changes(self, new: tuple[Row, ...]) -> str:
        """Empty where nothing changed; everything after another size."""
        before, text = self._standing, ""
        if [len(row) for row in before] != [len(row) for row in new]:
            before, text = tuple(tuple((" ", "") for _ in row) for row in new), "\x1b[0m\x1b[2J"
        text += "".join(self._row(number, *rows) for number, rows in enumerate(zip(before, new, strict=True), start=1))
        self._standing = new
        return text

    def _row(self, number: int, before: Row, new: Row) -> str:
        text, pen, place = "", None, -1
        for column, (old, cell) in enumerate(zip(before, new, strict=True), start=1):
            if old == cell:
                continue
            if place != column:
                text += f"\x1b[{number};{column}H"
            if pen != cell[1]:
                text += f"\x1b[{self._styles[cell[1]]}m"
            text, pen, place = text + self._known(cell[0]), cell[1], column + 1
        return text

    def _known(self, char: str) -> str:
        try:
            char.encode(self._encoding)
        except (UnicodeEncodeError, LookupError):
            return in_ascii(char)
        return char


class Bell:
    """The terminal's bell, once for each look that finds something new for a person; where the station allows sound."""

    def __init__(self) -> None:
        self._known: frozenset[str] | None = None

    def rings(self, answer: Mapping[str, Any] | None) -> bool:
        """Say whether the bell rings. What stood there when this began is no news, nor what only went away."""
        if answer is None:
            return False
        before, self._known = self._known, wanting(answer)
        return bool(answer.get("sound")) and before is not None and bool(self._known - before)


_ASCII = {
    "\u00b7": ".",
    "\u25cb": "o",
    "\u25ba": ">",
    "\u2195": "^",
    "\u2261": "=",
    "\u221a": "v",
    "\u2248": "~",
    "\u258c": "#",
    "\u00e5": "a",
    "\u00c5": "A",
    "\u00f8": "o",
    "\u00d8": "O",
    "\u00e6": "a",
    "\u00c6": "A",
    "\u00e9": "e",
    "\u2588": "#",
    "\u2591": ".",
}


def in_ascii(char: str) -> str:
    """Replace a shape or a letter by the ASCII character that comes nearest."""
    return _ASCII.get(char, "?")


def watch(state_dir: Path, language: str, *, colour: bool) -> None:
    """Watch until Ctrl-C (KeyboardInterrupt) or SIGTERM (SystemExit); the terminal is as it was then."""
    out = sys.stdout
    painter = Painter(colour=colour and "NO_COLOR" not in os.environ, encoding=out.encoding or "ascii")
    bell = Bell()
    with _whole_screen(out.write, out.flush):
        while True:
            answer = _answer(state_dir)
            if bell.rings(answer):
                out.write("\a")
                out.flush()
            words = str((answer or {}).get("language", language))
            end = time.monotonic() + LOOK_S
            while time.monotonic() < end:
                text = painter.changes(frame(answer, _size(out.fileno()), words))
                if text:
                    out.write(text)
                    out.flush()
                time.sleep(RESIZE_S)


def _answer(state_dir: Path) -> dict[str, Any] | None:
    try:
        return ask(state_dir, {"ask": "status"})
    except NotRunning:
        return None


def _size(fd: int) -> Size:
    size = os.get_terminal_size(fd)
    return Size(size.columns or 80, size.lines or 24)


@contextlib.contextmanager
def _whole_screen(write: Callable[[str], object], flush: Callable[[], object]) -> Iterator[None]:
    """Typed keys are not shown, and not left for the shell either: a scanner may type into this terminal."""
    before = signal.signal(signal.SIGTERM, _end)
    try:
        with _no_echo(sys.stdin):
            try:
                write(ENTER)
                yield
            finally:
                with contextlib.suppress(OSError, ValueError):
                    write(LEAVE)
                    flush()
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _no_echo(stream: Any) -> Iterator[None]:  # noqa: ANN401 - sys.stdin, or what stands in its place
    try:
        fd = stream.fileno()
        kept = termios.tcgetattr(fd)
    except (OSError, ValueError, AttributeError, termios.error):  # not a terminal, or closed
        yield
        return
    quiet = [*kept[:3], kept[3] & ~(termios.ECHO | termios.ICANON), *kept[4:]]
    try:
        termios.tcsetattr(fd, termios.TCSANOW, quiet)
        yield
    finally:
        with contextlib.suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(fd, termios.TCSAFLUSH, kept)


def _end(_: int, __: FrameType | None) -> None:
    raise SystemExit(0)
