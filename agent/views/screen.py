"""The daemon's status -> a screenful of text: every bay with shape, word and colour, and one instruction. Pure.

No clock stands on it and nothing blinks: what did not change on the bench does not change on the screen. Shapes are of
code page 437, which the Linux console's own fonts hold.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agent.phrases import hint, phrase, reason
from agent.views.bay import by_itself, left_at, percent

Style = Literal["", "title", "good", "bad", "busy", "hand", "faint"]
Cell = tuple[str, Style]
Row = tuple[Cell, ...]

NARROWEST = 26  # columns of a bay: shape, name, word and percent
MOST_ALARMS = 3
BAR = 24
WORD, ALIGNED = 13, 36  # the longest usual word, and how wide a bay must be for its progress to stand under the others'


@dataclass(frozen=True)
class Look:
    """How a state is told, in three ways at once. `word` is a phrase's key."""

    shape: str
    word: str
    style: Style


LOOKS: Mapping[str, Look] = {
    "empty": Look("\u00b7", "word_empty", "faint"),
    "waiting": Look("\u25cb", "word_waiting", "hand"),
    "blocked": Look("\u00d7", "word_blocked", "hand"),
    "countdown": Look("\u25ba", "word_countdown", "busy"),
    "cycling": Look("\u2195", "word_cycling", "busy"),
    "proving": Look("\u25ba", "word_proving", "busy"),
    "erasing": Look("\u25ba", "word_erasing", "busy"),
    "verifying": Look("\u2261", "word_verifying", "busy"),
    "stalled": Look("!", "word_stalled", "hand"),
    "certifying": Look("\u2261", "word_certifying", "busy"),
    "quarantined": Look("!", "word_quarantined", "bad"),
    "erased": Look("\u221a", "label_erased", "good"),
    "unread": Look("\u2248", "label_unread", "hand"),
    "failed": Look("\u00d7", "label_failed", "bad"),
    "again": Look("\u25ac", "label_again", "hand"),
    "aborted": Look("\u25ac", "word_aborted", "hand"),
    "refused": Look("\u25cb", "label_refused", "hand"),
}
ASKING: Mapping[str, Look] = {
    "serial": Look("?", "word_asks_serial", "hand"),
    "confirm": Look("?", "word_asks_confirm", "hand"),
}
"""A bay that counts down only after a person has answered."""
UNKNOWN = Look("?", "word_unknown", "hand")


@dataclass(frozen=True)
class Size:
    """Of the terminal, in characters."""

    columns: int
    rows: int


def frame(answer: Mapping[str, Any] | None, size: Size, language: str) -> tuple[Row, ...]:
    """Draw exactly `size.rows` rows of `size.columns` cells. `answer` None: no daemon answers."""
    if answer is None or "bays" not in answer:
        words = phrase(language, "no_daemon")
        return _filled([(), _text(words, "title")], size)
    bays, alarms = answer["bays"], list(_alarms(answer, language))
    first, *more = _instruction(answer, size, language)
    head = [_head(answer, size, language), first]
    room = size.rows - len(head) - len(alarms)
    if room > _lowest(len(bays), size.columns) + 1:  # a second line stands where else nothing does
        head.append(more.pop(0) if more else ())
    head += more
    room = size.rows - len(head) - len(alarms)
    rows = [*head, *_bays(bays, Size(size.columns, max(room, 0)), language)]
    rows += [()] * (size.rows - len(rows) - len(alarms))
    return _filled([*rows[: max(0, size.rows - len(alarms))], *alarms], size)


def look(row: Mapping[str, Any]) -> Look:
    """Choose how a bay's row is told. An outcome is said only of a bay that is done."""
    state = str(row.get("state"))
    if state == "countdown" and row.get("asks") in ASKING:
        return ASKING[str(row["asks"])]
    if state == "erasing" and row.get("phase") == "proof":
        state = "proving"
    return LOOKS.get(str(row.get("claim") or row.get("outcome")) if state == "finished" else state, UNKNOWN)


def wanting(answer: Mapping[str, Any] | None) -> frozenset[str]:
    """List what waits for a person, each with what it is about: bays with an outcome or a trouble, labels, alarms.

    A bay that only waits for its first scan is none of them: whoever put the drive in stands there.
    """
    if answer is None or "bays" not in answer:
        return frozenset()
    bays = ((bay, look(bay)) for bay in answer["bays"] if bay.get("state") != "waiting")
    found = [f"bay {bay.get('bay')} {told.word}" for bay, told in bays if told.style in ("good", "bad", "hand")]
    labels = [f"label {label['number']} {label.get('state')}" for label in answer.get("labels", ())]
    return frozenset((*found, *labels, *(f"alarm {name}" for name in answer.get("alarms", {}))))


def _head(answer: Mapping[str, Any], size: Size, language: str) -> Row:
    uplink = answer.get("uplink")
    told = ""
    if uplink is not None:
        key = "uplink_connected" if uplink["connected"] else "uplink_waits"
        told = phrase(language, key, count=uplink.get("outbox_depth") or 0)
    name = _text(str(answer.get("station", "")), "title")
    who = _text("".join(f"  {word}" for word in _who(answer)), "")
    gap = size.columns - len(name) - len(who) - len(told)
    return (*name, *who, *_text(" " * gap + told if gap > 0 else "", "faint"))


def _who(answer: Mapping[str, Any]) -> Iterator[str]:
    """Who is signed in, and for which delivery: they stand on every certificate that is begun now."""
    who, lot = answer.get("operator"), answer.get("lot")
    if who:
        yield str(who.get("name") or who.get("id"))
    if lot:
        yield str(lot.get("code"))


def _instruction(answer: Mapping[str, Any], size: Size, language: str) -> list[Row]:
    """What was said last at the bench, on as many lines as it takes; its end, which is what to do now, is never cut."""
    said = str(answer.get("said") or phrase(language, "station_ready"))
    lines = textwrap.wrap(_narrow(said), max(1, size.columns)) or [""]
    return [_text(line, "title") for line in lines[-max(1, size.rows - 1) :]]


def _label(label: Mapping[str, Any], language: str) -> str:
    key = "label_not_printed" if label.get("state") == "not-printed" else "scan_label"
    return phrase(language, key, number=label["number"], reason=label.get("detail", ""))


def _alarms(answer: Mapping[str, Any], language: str) -> Iterator[Row]:
    """Open labels first, in the technician's words; then what the station calls an alarm."""
    texts = [_label(label, language) for label in answer.get("labels", ())]
    texts += [str(text) for name, text in answer.get("alarms", {}).items() if not name.startswith("label-")]
    for text in texts[: MOST_ALARMS if len(texts) <= MOST_ALARMS else MOST_ALARMS - 1]:
        yield _text(f"! {text}", "hand")
    if len(texts) > MOST_ALARMS:
        yield _text(f"! {phrase(language, 'more_alarms', count=len(texts) - MOST_ALARMS + 1)}", "hand")


def _bays(bays: Sequence[Mapping[str, Any]], size: Size, language: str) -> list[Row]:
    """One column of bays if that fits, with as many lines for each as there is room for; else more columns."""
    if not bays or not size.rows:
        return []
    columns, lines = _grid(len(bays), size)
    deep = min(-(-len(bays) // columns), size.rows // lines)
    width = size.columns // columns
    names = min(8, max(len(str(bay.get("bay"))) for bay in bays))
    rows: list[list[Cell]] = [[] for _ in range(deep * lines)]
    for place, bay in enumerate(bays[: columns * deep]):
        for n, line in enumerate(_box(bay, width - 2, names, lines, language)):
            row = rows[place % deep * lines + n]
            row.extend([(" ", "")] * (place // deep * width - len(row)))
            row.extend(line)
    missing = len(bays) - columns * deep
    if missing > 0:
        rows[-1] = list(_text(phrase(language, "more_bays", count=missing), "hand"))
    return [tuple(row) for row in rows]


def _grid(bays: int, size: Size) -> tuple[int, int]:
    """(columns, lines for each bay)."""
    most = max(1, size.columns // NARROWEST)
    for columns in range(1, most + 1):
        for lines in (3, 2, 1):
            if -(-bays // columns) * lines <= size.rows:
                return columns, lines
    return most, 1


def _lowest(bays: int, columns: int) -> int:
    return -(-bays // max(1, columns // NARROWEST))


def _box(bay: Mapping[str, Any], width: int, names: int, lines: int, language: str) -> list[Row]:
    told = look(bay)
    name = str(bay.get("bay"))
    word = phrase(language, told.word)
    first = _text(f"{told.shape} {name[:names]:<{names}} {word:<{WORD if width >= ALIGNED else 0}} ", told.style)
    rows = [(*first, *_progress(bay, width - len(first), wide=width >= 60))[:width]]
    if lines > 1:
        rows.append(_text(" " * (names + 3) + _detail(bay, language), "faint")[:width])
    return rows


def _progress(bay: Mapping[str, Any], width: int, *, wide: bool) -> Row:
    """A countdown's seconds, a time where the drive tells no progress, or percent with as much of a bar as fits."""
    if bay.get("countdown_s") is not None:
        return _text(f"{bay['countdown_s']:.0f} s", "title")
    if not bay.get("bytes_total"):
        return _text(str(bay.get("certificate") or ""), "")
    if bay.get("works_s") is not None:
        return _text(by_itself(bay["works_s"], bay.get("estimate_s")), "title")
    done = percent(bay["bytes_done"], bay["bytes_total"])
    left = left_at(bay["bytes_done"], bay["bytes_total"], bay["mb_per_s"])
    after = f" {done:>3} %" + (f" {left:>8}" if wide else "")
    bar = min(BAR, width - len(after))
    full = done * bar // 100 if bar > 3 else 0
    drawn = "\u2588" * full + "\u2591" * (bar - full) if bar > 3 else ""
    return (*_text(drawn, "busy"), *_text(after, "title"))


def _detail(bay: Mapping[str, Any], language: str) -> str:
    """Why and what to do; else what stands there."""
    code = bay.get("reason_code")
    if code:
        return f"{reason(language, code, str(bay.get('reason')))} {hint(language, code)} ({code})"
    drive = bay.get("drive") or {}
    shown = (bay.get("grade"), bay.get("asset"), drive.get("model"), drive.get("serial"))
    return " ".join(str(v) for v in shown if v)


def _text(words: str, style: Style) -> Row:
    return tuple((c, style) for c in _narrow(words))


def _narrow(words: str) -> str:
    """One cell a character; what steers a terminal, joins its neighbour or is two cells wide becomes "?"."""
    clean = unicodedata.normalize("NFC", words)
    return "".join(
        c if c.isprintable() and not unicodedata.combining(c) and unicodedata.east_asian_width(c) not in "WF" else "?"
        for c in clean
    )


def _filled(rows: Sequence[Row], size: Size) -> tuple[Row, ...]:
    """Cut and padded to the terminal."""
    blank: Cell = (" ", "")
    cut = [(*row[: size.columns], *[blank] * (size.columns - len(row))) for row in rows[: size.rows]]
    return (*cut, *[(blank,) * size.columns] * (size.rows - len(cut)))
