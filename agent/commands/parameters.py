"""What a word on the command line may be: each type says in one line what is allowed."""

from __future__ import annotations

import errno
import math
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    ParamType = click.ParamType[Any]
else:
    ParamType = click.ParamType  # generic since click 8.4

LONGEST_WORD = 64
SHELLS_OWN = ("/dev/stdin", "/dev/fd/", "/proc/")
LONGEST_PATH = 4096
"""PATH_MAX of Linux, the final zero byte included."""


class PathParameter(ParamType):
    """A path, as a `Path`; it need not be there. What is there must be of the right kind."""

    name = "path"

    def __init__(self, *, file_okay: bool = True, dir_okay: bool = True) -> None:
        self._file_okay, self._dir_okay = file_okay, dir_okay

    def convert(self, value: str | Path, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Convert a word to a path. BadParameter names the path and what it is instead."""
        text = str(value)
        why = _no_path(text)
        if why:
            self.fail(f"{text!r} {why}", param, ctx)
        path = Path(text)
        try:
            mode = path.stat().st_mode
        except OSError as error:  # what is not there, or not this user's to look at, is told by whoever opens it
            if error.errno == errno.ELOOP:
                self.fail(f"{text!r} is a link that leads to itself", param, ctx)
            return path
        folder, file = stat.S_ISDIR(mode), not stat.S_ISDIR(mode)
        # A shell's own pipes have somebody at the other end; any other, in /dev/shm too, is waited on for ever.
        if (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)) and not text.startswith(SHELLS_OWN):
            self.fail(f"{text!r} is a pipe or a socket; a file or a folder is wanted", param, ctx)
        if folder and not self._dir_okay:
            self.fail(f"{text} is a folder; a file is wanted", param, ctx)
        if file and not self._file_okay:
            self.fail(f"{text} is a file; a folder is wanted", param, ctx)
        return path


class DeviceName(ParamType):
    """The path of a device, as it was typed. What stands there is judged later, and may be refused."""

    name = "device"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check a device's name. BadParameter for what cannot be a path at all."""
        why = _no_path(value)
        if why:
            self.fail(f"{value!r} {why}", param, ctx)
        return value


class Word(ParamType):
    """An asset tag or an operator's id: it stands on certificate and label."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check a word. BadParameter for an empty, a long or an unprintable one."""
        if not value.strip() or value != value.strip() or len(value) > LONGEST_WORD or not value.isprintable():
            allowed = f"allowed are 1 to {LONGEST_WORD} printable characters, no space at either end"
            self.fail(f"{value[:80]!r}: {allowed}", param, ctx)
        return value


class PeopleLanguage(ParamType):
    """The language of words for people."""

    name = "language"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check a language. BadParameter names those there are, and the option for a printer's."""
        from agent.phrases import LANGUAGES

        if value not in LANGUAGES:
            printers = "; a printer's language is named by --printer-language" if _has_printer(ctx) else ""
            self.fail(f"{value!r}: allowed is one of {', '.join(LANGUAGES)}{printers}", param, ctx)
        return value


def _has_printer(ctx: click.Context | None) -> bool:
    return ctx is not None and any(known.name == "printer_language" for known in ctx.command.params)


class Seconds(ParamType):
    """A duration."""

    name = "seconds"

    def __init__(self, least: float, most: float) -> None:
        self._least, self._most = least, most

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read a number of seconds. BadParameter outside the bounds, and for nan."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not self._least <= number <= self._most:
            self.fail(f"{value!r}: allowed is a number from {self._least:g} to {self._most:g}", param, ctx)
        return number


class SizeParameter(ParamType):
    """Width and height of a label in millimetres."""

    name = "size"

    def convert(
        self, value: str | tuple[int, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Read a label's size. BadParameter where no printer has such a label."""
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(r"([0-9]{1,4})x([0-9]{1,4})", value)
        if found is None or not (25 <= int(found[1]) <= 110 and int(found[2]) >= 15):
            allowed = "allowed is WIDTHxHEIGHT in millimetres, as 57x32 (width 25 to 110, height from 15)"
            self.fail(f"{value!r}: {allowed}", param, ctx)
        return int(found[1]), int(found[2])


def _no_path(text: str) -> str:
    """Why this can be no path; empty where it can."""
    if not text:
        return "is empty; a path is wanted"
    if "\0" in text:
        return "holds a zero byte; no path does"
    if len(text.encode(errors="surrogateescape")) >= LONGEST_PATH:
        return f"is longer than the {LONGEST_PATH - 1} bytes that a path may have"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "is not valid UTF-8"
    return ""
