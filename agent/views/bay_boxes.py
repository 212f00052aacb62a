"""The bays on a screen, each in its box: what it is, what it waits for, whose drive it has. Pure.

Where a box stands depends on the number of bays and the size alone, so that nothing that happens moves one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.phrases import hint, phrase, reason
from agent.views.bay import by_itself, ends_about, percent
from agent.views.cells import Cell, Row, Size, Style, cells, wrapped
from agent.views.looks import ASKING, WAITS, look

SHORT = 13  # characters of what a bay waits for, said in two words: all that a box of one line has room for
SERIAL = 20  # of a serial number, which stands on the second line of a box that has one
WIDE = 64  # with these, more columns are better than longer lines
MOST_LINES = 6
BAR = 24
WORD, ALIGNED = 13, 36  # the longest usual word, and how wide a box must be for its progress to stand under the others'
TIMED = 54  # and for its time to stand beside it
COMPARED = ("serial", "answer", "put_back")
INDENT = 3  # of the second line of a narrow box
MOST_OF_A_NAME = 8
LAST = 6  # characters of a serial number that the sentences name


@dataclass(frozen=True)
class Tongue:
    """The person's language, and what the commands are called at this bench."""

    language: str
    commands: Mapping[str, str]

    def say(self, key: str, **values: object) -> str:
        """Say a phrase."""
        return phrase(self.language, key, **{**self.commands, **values})


def boxes(bays: Sequence[Mapping[str, Any]], size: Size, tongue: Tongue) -> list[Row]:
    """Draw as many bays as fit, column by column; the last line counts those that do not."""
    if not bays or not size.rows:
        return []
    names = min(MOST_OF_A_NAME, max(len(str(bay.get("bay"))) for bay in bays))
    columns, lines = grid(len(bays), size, names)
    deep = min(-(-len(bays) // columns), size.rows // lines)
    if columns * deep < len(bays):
        deep = (size.rows - 1) // lines
    width = size.columns // columns
    shown, hidden = bays[: columns * deep], bays[columns * deep :]
    rows: list[list[Cell]] = [[] for _ in range(deep * lines)]
    for place, bay in enumerate(shown):
        for n, line in enumerate(_Box(bay, width - (columns > 1), names, tongue).rows(lines)):
            row = rows[place % deep * lines + n]
            row.extend([(" ", "")] * (place // deep * width - len(row)))
            row.extend(line)
    if hidden:
        rows.append(list(cells(_more(hidden, tongue), "hand")))
    return [tuple(row) for row in rows]


def grid(bays: int, size: Size, names: int) -> tuple[int, int]:
    """Choose (columns, lines for each bay), where the bays' names are so long.

    As few columns as let each bay have two lines, but more where the screen is wide.
    """
    narrowest = len("[]  ") + names + SHORT
    narrow = max(narrowest, INDENT + SERIAL + 1)
    wide = max(1, min(bays, size.columns // WIDE))
    fewest = -(-bays // -(-bays // wide))
    for width, least in ((narrow, 2), (narrowest, 1)):
        for columns in range(fewest, max(1, size.columns // width) + 1):
            lines = min(MOST_LINES, size.rows // -(-bays // columns))
            if lines >= least:
                return columns, lines
    return max(1, size.columns // narrowest), 1


def _more(hidden: Sequence[Mapping[str, Any]], tongue: Tongue) -> str:
    waiting = sum(waits(bay) for bay in hidden)
    if not waiting:
        return tongue.say("more_bays", count=len(hidden))
    return tongue.say("more_waiting", count=len(hidden), waiting=waiting)


def waits(bay: Mapping[str, Any]) -> bool:
    """Say whether a bay waits for a person."""
    return bool(bay.get("waits_for")) or look(bay).style in ("hand", "bad", "good")


class _Box:
    """One bay in its place."""

    def __init__(self, bay: Mapping[str, Any], width: int, names: int, tongue: Tongue) -> None:
        self.bay, self.width, self.tongue = bay, width, tongue
        self.look = look(bay)
        self.finished = bay.get("state") == "finished"
        self.asked, self.short = _asked(bay, tongue)
        name = f"{str(bay.get('bay'))[:names]:<{names}}"
        self.shape = self.look.shape if self.finished or not self.asked else WAITS
        self.head = f"{self.shape:<{3 if width >= ALIGNED else 2}}{name} "
        self.indent = " " * (len(self.head) if width >= ALIGNED else INDENT)

    def rows(self, lines: int) -> Iterator[Row]:
        """Its lines, the most urgent first."""
        first, rest = self._first(lines)
        yield first[: self.width]
        room, under = self.width - len(self.indent), [*rest, *self._identity(lines)]
        told = [(line, style) for words, style in under for line in wrapped(words, room)]
        told += self._why(lines - 1 - len(told), room)
        for words, style in told[: lines - 1]:
            yield cells(self.indent + words, style)[: self.width]

    def _first(self, lines: int) -> tuple[Row, list[tuple[str, Style]]]:
        """(the line, what of it has to stand on the next)."""
        style: Style = self.look.style if self.finished or not self.asked else "hand"
        head = cells(self.head, style)
        room = self.width - len(head)
        if not self.asked:
            word = self.tongue.say(self.look.word)
            told = cells(f"{word:<{WORD if self.width >= ALIGNED else 0}} ", style)
            return (*head, *told, *self._progress(room - len(told))), []
        word = f"{self.tongue.say(self.look.word)}  "
        asked = f"{WAITS} {self.asked}"
        if self.finished and len(word) + len(asked) <= room:
            return (*head, *cells(word, style), *cells(asked, "hand")), []
        if self.finished and lines > 1 and len(asked) <= self.width - len(self.indent):
            return (*head, *cells(word, style)), [(asked, "hand")]
        first, *more = wrapped(self.asked, room)
        if more and lines < 3:
            first, more = self.short, []
        serial = f" {last_of(self.bay)}" if lines == 1 and _compared(self.bay) else ""
        first = first if len(first) + len(serial) <= room else self.short
        serial = serial if len(first) + len(serial) <= room else ""
        return (*head, *cells(first, "hand"), *cells(serial)), [(" ".join(more), "hand")]

    def _progress(self, room: int) -> Row:
        """A countdown's seconds, a time where the drive tells no progress, or percent with as much of a bar as fits."""
        bay = self.bay
        if bay.get("countdown_s") is not None:
            return cells(f"{bay['countdown_s']:.0f} s", "title")
        if not bay.get("bytes_total"):
            return cells(str(bay.get("certificate") or ""))
        if bay.get("works_s") is not None:
            return cells(by_itself(bay["works_s"], bay.get("estimate_s"), self.tongue.language), "title")
        done = percent(bay["bytes_done"], bay["bytes_total"])
        after = f" {done:>3} %" + (f"  {self._ends()}" if self.width >= TIMED else "")
        bar = min(BAR, room - len(after))
        full = done * bar // 100 if bar > 3 else 0
        drawn = "\u2588" * full + "\u2591" * (bar - full) if bar > 3 else ""
        return (*cells(drawn, "busy"), *cells(after if drawn else after[1:], "title"))

    def _ends(self) -> str:
        return ends_about(self.tongue.language, self.bay.get("ends_at"), self.bay.get("left_s"))

    def _identity(self, lines: int) -> Iterator[tuple[str, Style]]:
        """The drive's own number first: it is what is compared; then the device, and when it will be done."""
        bay, drive = self.bay, self.bay.get("drive") or {}
        drives = bay.get("drives") or {}
        told = [drive.get("serial"), bay.get("asset"), bay.get("grade")]
        if drives:
            told.append(self.tongue.say("word_drive_of", **drives))
        told.append(drive.get("model"))
        if self.finished:
            told.append(bay.get("certificate"))
        if bay.get("reason_code") and lines == 2:
            told.insert(1, bay["reason_code"])
        words = " ".join(str(value) for value in told if value)
        if bay.get("bytes_total") and self.width < TIMED and bay.get("ends_at") is not None:
            ends, alone = self._ends(), " ".join(str(value) for value in told[:2] if value)
            if lines > 2:
                yield ends, "title"
            elif len(f"{alone} {ends}") <= self.width - len(self.indent):
                words = f"{alone} {ends}"
        if lines == 2:
            words = " ".join(wrapped(words, self.width - len(self.indent))[:1])
        yield words, ""

    def _why(self, lines: int, room: int) -> list[tuple[str, Style]]:
        """Why and what to do, with its code: whole, or only what to do, or only the code."""
        code = self.bay.get("reason_code")
        if not code or lines < 1:
            return []
        language, commands = self.tongue.language, self.tongue.commands
        why, what = reason(language, code, str(self.bay.get("reason"))), hint(language, code, **commands)
        for words in (f"{why} {what} ({code})", f"{what} ({code})", f"({code})"):
            told = wrapped(words, room)
            if len(told) <= lines:
                break
        return [(line, "") for line in told]


def _asked(bay: Mapping[str, Any], tongue: Tongue) -> tuple[str, str]:
    """(what a person has to do there, the same in two words); "" where nothing."""
    waiting = bay.get("waits_for")
    if not waiting:
        word = tongue.say(look(bay).word) if look(bay) in ASKING.values() else ""
        return word, word
    serial = str(waiting.get("serial") or "")
    values = {"label": str(waiting.get("label") or "").rpartition("-")[2], "box": waiting.get("box") or ""}
    return (
        tongue.say(f"word_waits_{waiting['what']}", **values, serial=serial),
        tongue.say(f"word_short_{waiting['what']}", **values, serial=serial[-LAST:]),
    )


def _compared(bay: Mapping[str, Any]) -> bool:
    waiting = bay.get("waits_for") or {}
    return waiting.get("what") in COMPARED or bay.get("asks") in ASKING


def last_of(bay: Mapping[str, Any]) -> str:
    """Give the last characters of the serial number, as the sentences name a drive."""
    serial = str((bay.get("drive") or {}).get("serial") or (bay.get("waits_for") or {}).get("serial") or "")
    return serial if len(serial) <= LAST else f"...{serial[-LAST:]}"
