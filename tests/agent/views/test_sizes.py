"""The screen at every size that stands on a bench: nothing is cut that a person needs, and nothing moves.

What is looked at are the characters of another project's terminal (pyte), written by the real painter.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyte
import pytest

from agent.commands.watch import Painter
from agent.phrases import LANGUAGES, phrase
from agent.views.screen import Size, frame
from agent.views.waiting import What
from tests.agent.views.test_screen import answer, bay

SIZES = (Size(40, 20), Size(80, 24), Size(200, 60))
COUNTS = (1, 4, 8, 24)
WHATS: tuple[What, ...] = What.__args__  # type: ignore[attr-defined]
STATES = {
    "asset": "waiting",
    "serial": "countdown",
    "answer": "countdown",
    "release": "quarantined",
    "put_back": "empty",
}
LATER = {"ends_at": 1796048400.0, "left_s": 3000.0}
LONG = (
    "KK-004712 er i bås B02. Et drev mere? Scan dets bås. Bås B02: scan JA eller NEJ. Drev ...123456. Husk det andet."
)


@pytest.fixture(params=SIZES, ids=lambda s: f"{s.columns}x{s.rows}")
def size(request: pytest.FixtureRequest) -> Size:
    made: Size = request.param
    return made


def serial(n: int) -> str:
    return f"S3Z9NB0K12{n:02}{(n * 7919) % 10**6:06}AB"


def waiting(n: int, what: What) -> dict[str, Any]:
    """A bay that waits for just that."""
    names = {"label": f"bench-01-{n:06}", "box": "DESTRUER" if what == "box" else None}
    told = {"what": what, "who": None, "serial": serial(n) if what == "put_back" else None, **names}
    state = STATES.get(what, "finished")
    facts: dict[str, Any] = {"asks": {"serial": "serial", "answer": "confirm"}.get(what), "waits_for": told}
    if state == "finished":
        facts |= {"outcome": "failed" if what == "box" else "erased", "certificate": names["label"]}
    if what == "take_out":
        facts |= {"reason": "x", "reason_code": "BW-S12", "outcome": "refused"}
    return bay(f"B{n:02}", state, drive={"model": "Wheel", "serial": serial(n)}, asset=f"KK-00{n:04}", **facts)


def working(n: int) -> dict[str, Any]:
    progress = {"bytes_done": 45, "bytes_total": 100, "mb_per_s": 90.0, **LATER}
    return bay(f"B{n:02}", "erasing", drive={"model": "Wheel", "serial": serial(n)}, asset=f"KK-00{n:04}", **progress)


def on_terminal(told: dict[str, Any], size: Size, language: str = "da") -> pyte.Screen:
    screen = pyte.Screen(size.columns, size.rows)
    stream = pyte.Stream(screen)
    stream.feed(Painter(colour=True, encoding="utf-8").changes(frame(told, size, language)))
    return screen


def text(screen: pyte.Screen) -> str:
    return " ".join(" ".join(line.split()) for line in screen.display)


def at(screen: pyte.Screen) -> dict[str, tuple[int, int]]:
    """Where each bay's name stands."""
    found = {}
    for row, line in enumerate(screen.display):
        for n in range(1, 25):
            column = line.find(f"B{n:02} ") - 1
            if column >= 0 and f"B{n:02}" not in found and row > 3:
                found[f"B{n:02}"] = (row, column)
    return found


def box(screen: pyte.Screen, name: str) -> str:
    """The words of one bay's box."""
    places = at(screen)
    row, column = places[name]
    rows = sorted({r for r, _ in places.values()} | {screen.lines})
    columns = sorted({c for _, c in places.values()} | {screen.columns + 2})
    end, right = rows[rows.index(row) + 1], columns[columns.index(column) + 1]
    return " ".join(" ".join(line[column : right - 2].split()) for line in screen.display[row:end])


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_bay_is_there_with_what_it_waits_for(count: int, language: str, size: Size) -> None:
    whats = [WHATS[n % len(WHATS)] for n in range(count)]
    screen = on_terminal(answer(*[waiting(n + 1, what) for n, what in enumerate(whats)]), size, language)
    assert len(at(screen)) == count
    for n, what in enumerate(whats, start=1):
        given = {"label": f"{n:06}", "box": "DESTRUER", "serial": serial(n)}
        whole = phrase(language, f"word_waits_{what}", **given)
        short = phrase(language, f"word_short_{what}", **{**given, "serial": serial(n)[-6:]})
        found = box(screen, f"B{n:02}")
        assert whole in found or short in found, (what, found)
        if count <= 4 or size.columns == 200:
            assert whole in found, (what, found)


@pytest.mark.parametrize("count", COUNTS)
def test_the_serial_number_is_there_where_it_is_compared(count: int, size: Size) -> None:
    bays = [waiting(n + 1, "answer" if n % 2 else "serial") for n in range(count)]
    for n in range(1, count + 1):
        said = phrase("da", "scan_yes_or_no", bay=f"B{n:02}", drive=f"...{serial(n)[-6:]}")
        screen = on_terminal(answer(*bays, next=[said]), size)
        assert said in text(screen)
        told = box(screen, f"B{n:02}")
        assert serial(n) in told or serial(n)[-6:] in told or (size.columns == 40 and count == 24)
        if size.columns > 40 or count <= 4:
            assert serial(n) in told


def events(count: int) -> Iterator[dict[str, Any]]:
    alarm = {f"device-{n}": "English words" for n in range(4)}
    yield {"alarms": dict(list(alarm.items())[:1])}
    yield {"alarms": alarm, "alarm_codes": dict.fromkeys(alarm, "BW-D05")}
    yield {"labels": [{"number": f"bench-01-{n:06}", "state": "unknown"} for n in range(3)]}
    yield {"next": [LONG]}
    yield {"happened": [f"Mærkat bench-01-{n:06} bliver printet." for n in range(9)]}
    yield {"operator": {"id": "ida", "name": "Ida Sørensen"}, "lot": {"code": "LOT-2026-47"}}
    others = [{"operator": {"id": f"p{n}"}, "turned_to": False, "next": ["Scan dit ID-kort."]} for n in range(3)]
    yield {"people": others, "pending": [{"what": "label", "label": "bench-01-000003"}]}


@pytest.mark.parametrize("count", [*COUNTS, 7, 10, 12, 20, 21])
def test_nothing_that_happens_moves_a_bay(count: int, size: Size) -> None:
    bays = [working(n + 1) for n in range(count)]
    calm = at(on_terminal(answer(*bays), size))
    assert len(calm) == count
    for event in events(count):
        assert at(on_terminal(answer(*bays, **event), size)) == calm, event
    other = [waiting(n + 1, WHATS[n % len(WHATS)]) for n in range(count)]
    assert at(on_terminal(answer(*other), size)) == calm


@pytest.mark.parametrize("count", COUNTS)
def test_an_instruction_is_never_cut_and_nothing_that_happened_displaces_it(count: int, size: Size) -> None:
    bays = [working(n + 1) for n in range(count)]
    for event in events(count):
        screen = on_terminal(answer(*bays, **{**event, "next": ["Hej, Ida.", LONG]}), size)
        assert LONG in text(screen)
    quiet = on_terminal(answer(*bays, next=["Scan leveringen."], happened=["Mærkat bench-01-000004 er ude."]), size)
    lines = [" ".join(line.split()) for line in quiet.display]
    assert lines.index("Mærkat bench-01-000004 er ude.") > lines.index("Scan leveringen.")


@pytest.mark.parametrize("rows", range(1, 26))
@pytest.mark.parametrize("columns", [20, 26, 40, 80])
def test_hidden_bays_are_counted_right_and_those_that_wait_too(columns: int, rows: int) -> None:
    bays = [waiting(n + 1, "take_out") if n % 3 == 0 else working(n + 1) for n in range(24)]
    screen = on_terminal(answer(*bays, next=["X"]), Size(columns, rows))
    seen = at_any_row(screen)
    told = text(screen)
    hidden = [n for n in range(1, 25) if f"B{n:02}" not in seen]
    if hidden and rows > 8 and columns >= 40:
        waits = sum(n % 3 == 1 for n in hidden)
        assert phrase("da", "more_waiting" if waits else "more_bays", count=len(hidden), waiting=waits) in told
    if not hidden:
        assert "båse til" not in told


def at_any_row(screen: pyte.Screen) -> set[str]:
    return {f"B{n:02}" for n in range(1, 25) if any(f"B{n:02} " in line for line in screen.display)}


@pytest.mark.parametrize("count", COUNTS)
def test_a_bay_that_waits_for_a_person_looks_otherwise_than_one_that_works(count: int, size: Size) -> None:
    bays = [waiting(n + 1, "answer") if n % 2 else working(n + 1) for n in range(count)]
    screen = on_terminal(answer(*bays), size)
    looks: dict[int, set[tuple[str, str, bool]]] = {}
    for n, (_, (row, column)) in enumerate(sorted(at(screen).items())):
        cell = screen.buffer[row][column + 1]
        looks.setdefault(n % 2, set()).add(
            (screen.display[row][max(0, column - 2) : column + 1].strip(), cell.fg, cell.bold)
        )
    assert len(looks[0]) == 1
    if count > 1:
        assert looks[0].isdisjoint(looks[1])
        assert {shape for shape, _, _ in looks[1]} == {"?"}


def test_a_wide_screen_is_used_by_columns() -> None:
    for count, columns in ((1, 1), (4, 2), (8, 3), (24, 3)):
        places = at(on_terminal(answer(*[working(n + 1) for n in range(count)]), Size(200, 60)))
        assert len({column for _, column in places.values()}) == columns


@pytest.mark.parametrize("count", COUNTS)
def test_when_it_will_be_done_is_told_wherever_there_is_room(count: int, size: Size) -> None:
    screen = on_terminal(answer(*[working(n + 1) for n in range(count)]), size)
    if count <= 4 or size.columns == 200 or (count == 8 and size.columns == 80):
        assert text(screen).count("færdig ca.") == count
    assert text(screen).count("45 %") == count


def test_reasons_and_alarms_are_in_the_persons_language_whoever_wrote_them_down() -> None:
    failed = bay("B01", "finished", outcome="failed", reason="Parts could not be read", reason_code="BW-E02")
    told = answer(failed, alarms={"bay-B01": "no answer"}, alarm_codes={"bay-B01": "BW-E16"}, commands={"yes": "OK"})
    for language, words, bay_word in (("da", "Dele af drevet", "Bås B01:"), ("en", "Parts of the drive", "Bay B01:")):
        shown = text(on_terminal(told, Size(80, 24), language))
        assert words in shown
        assert bay_word in shown
        assert "no answer" not in shown
