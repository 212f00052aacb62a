"""The daemon's status -> a screenful of text: what to do next, what happened, and every bay. Pure.

No clock stands on it and nothing blinks: what did not change on the bench does not change on the screen. Each kind of
line has a place of its own, whose size depends on the terminal alone: an alarm, a longer sentence, somebody who signs
in move no bay. Shapes are of code page 437, which the Linux console's own fonts hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agent.certificates.local_time import local
from agent.phrases import hint, phrase, reason
from agent.views.bay_boxes import Tongue, boxes
from agent.views.cells import Cell, Row, Size, Style, cells, filled, wrapped
from agent.views.looks import LOOKS, TROUBLE, UNKNOWN, Look, look, wanting

__all__ = ["LOOKS", "UNKNOWN", "Cell", "Look", "Row", "Size", "Style", "frame", "look", "wanting"]


OF_A_BAY = ("bay", "dock", "sensor", "door")
"""How the names of alarms begin that are of a bay."""


@dataclass(frozen=True)
class Places:
    """How many rows each part has, from top to bottom; the bays have what is left between the last two.

    `next`: what to do now. `beside`: what is expected of others, and what happened. `alarms`: at the bottom.
    """

    next: int
    beside: int
    alarms: int


def places(size: Size) -> Places:
    """Give each part its rows of the terminal, whose first is the head."""
    two = 3 if size.columns < 60 else 2  # the longest instructions of a shift, with names and numbers filled in
    if size.rows < 6:
        return Places(max(0, size.rows - 1), 0, 0)
    if size.rows < 12:
        return Places(1, 0, 1)
    if size.rows < 22:
        return Places(two, 1, 1) if size.rows < 20 else Places(two, 2, 2)
    return Places(two, 2, 3) if size.rows < 40 else Places(two, 5, 5)


def frame(answer: Mapping[str, Any] | None, size: Size, language: str) -> tuple[Row, ...]:
    """Draw exactly `size.rows` rows of `size.columns` cells. `answer` None: no daemon answers."""
    if answer is None or "bays" not in answer:
        return filled([(), cells(phrase(language, "no_daemon"), "title")], size)
    share, tongue = places(size), Tongue(language, answer.get("commands") or {})
    first, answered = _next(answer, size, tongue)
    top = [*answered[: max(0, share.next - len(first))], *first]
    top += [()] * (share.next - len(top))
    top += _beside(answer, size, tongue)[: max(0, share.next + share.beside - len(top))]
    top += [()] * (share.next + share.beside - len(top))
    room = max(0, size.rows - 1 - share.next - share.beside - share.alarms)
    below = boxes(answer["bays"], Size(size.columns, room), tongue)
    below += [()] * (room - len(below))
    below += _alarms(answer, Size(size.columns, share.alarms), tongue)
    covered = len(top) - share.next - share.beside  # an instruction longer than any covers what it must; nothing moves
    return filled([_head(answer, size, tongue), *top, *below[covered:]], size)


def _head(answer: Mapping[str, Any], size: Size, tongue: Tongue) -> Row:
    uplink = answer.get("uplink")
    told = ""
    if uplink is not None:
        key = "uplink_connected" if uplink["connected"] else "uplink_waits"
        told = tongue.say(key, count=uplink.get("outbox_depth") or 0)
    name = cells(str(answer.get("station", "")), "title")
    who = cells("".join(f"  {word}" for word in _who(answer, tongue)), "")
    gap = size.columns - len(name) - len(who) - len(told)
    return (*name, *who, *cells(" " * gap + told if gap > 0 else "", "faint"))


def _who(answer: Mapping[str, Any], tongue: Tongue) -> Iterator[str]:
    """Who is signed in, since when, and for which delivery: they stand on every certificate that is begun now."""
    who, lot = answer.get("operator"), answer.get("lot")
    if who:
        yield str(who.get("name") or who.get("id"))
    if lot:
        yield str(lot.get("code"))
    since = next((p.get("since") for p in answer.get("people", ()) if p.get("turned_to")), None)
    if who and (at := _clock(since)):
        yield tongue.say("word_since", at=at)


def _clock(text: object) -> str:
    at: datetime | None = local(text) if isinstance(text, str) else None
    return f"{at:%H:%M}" if at else ""


def _next(answer: Mapping[str, Any], size: Size, tongue: Tongue) -> tuple[list[Row], list[Row]]:
    """(what is expected now, which is never cut; what was answered to the last scan, which makes room for it)."""
    said = [str(words) for words in answer.get("next") or ()] or [
        str(answer.get("said") or tongue.say("station_ready"))
    ]
    first = [cells(line, "title") for line in wrapped(said[-1], size.columns)][-max(1, size.rows - 1) :]
    return first, [cells(line) for words in said[:-1] for line in wrapped(words, size.columns)]


def _beside(answer: Mapping[str, Any], size: Size, tongue: Tongue) -> list[Row]:
    """What is expected of others, what no bay's row shows, and what happened, the newest first; each a whole line."""
    told: list[tuple[str, Style]] = []
    for person in answer.get("people", ()):
        if not person.get("turned_to"):
            who, lot = person.get("operator") or {}, person.get("lot") or {}
            name = "  ".join(str(v) for v in (who.get("name") or who.get("id"), lot.get("code")) if v)
            told.append((f"{name}: {' '.join(map(str, person.get('next') or ()))}", "hand"))
    told += [(words, "hand") for words in filter(None, (_pending(one, tongue) for one in answer.get("pending", ())))]
    told += [(str(words), "") for words in answer.get("happened", ())]
    return [cells(line, style) for words, style in told for line in wrapped(words, size.columns)]


def _pending(one: Mapping[str, Any], tongue: Tongue) -> str:
    key = f"pending_{one.get('what')}"
    told = tongue.say(key, **{name: value or "-" for name, value in one.items() if name != "what"})
    return "" if told == key else told


def _alarms(answer: Mapping[str, Any], size: Size, tongue: Tongue) -> list[Row]:
    """As many as there is room for, each whole; how many more there are, if any.

    Open labels first, in the technician's words; then what the station calls an alarm.
    """
    texts = [_label(label, tongue) for label in answer.get("labels", ())]
    codes = answer.get("alarm_codes") or {}
    standing = [(name, text) for name, text in answer.get("alarms", {}).items() if not name.startswith("label-")]
    texts += [_alarm(name, str(text), codes.get(name), tongue) for name, text in standing]
    found = [wrapped(f"{TROUBLE} {text}", size.columns) for text in texts]
    if sum(map(len, found)) > size.rows:  # what to do is worth more than why
        short = [_label(label, tongue) for label in answer.get("labels", ())]
        short += [_alarm(name, str(text), codes.get(name), tongue, why=False) for name, text in standing]
        found = [wrapped(f"{TROUBLE} {text}", size.columns) for text in short]
    rows: list[str] = []
    while found and len(rows) + len(found[0]) + (len(found) > 1) <= size.rows:
        rows += found.pop(0)
    if found and not rows and size.rows > 1:  # one line of it, rather than none
        rows += found.pop(0)[: size.rows - 1]
    if found:
        rows.append(f"{TROUBLE} {tongue.say('more_alarms', count=len(found))}")
    return [cells(line, "hand") for line in rows[: size.rows]]


def _label(label: Mapping[str, Any], tongue: Tongue) -> str:
    key = "label_not_printed" if label.get("state") == "not-printed" else "scan_label"
    return tongue.say(key, number=label["number"])


def _alarm(name: str, text: str, code: str | None, tongue: Tongue, *, why: bool = True) -> str:
    """In the person's words by its code, with what it is about; else as the station tells it."""
    because = reason(tongue.language, code) if code else ""
    if not code or not because:
        return text
    kind, _, about = name.partition("-")
    if about and kind in OF_A_BAY:
        about = tongue.say("label_bay", bay=about)
    what = hint(tongue.language, code, **tongue.commands)
    return " ".join(filter(None, (f"{about}:" if about else "", because if why else "", what, f"({code})")))
