"""The screen of all bays: everything on it, nothing beside it, and only what changed is written."""

from __future__ import annotations

from typing import Any

import pytest

from agent.commands.watch import Painter
from agent.jobs.bay import BayState
from agent.phrases import LANGUAGES
from agent.views.screen import LOOKS, UNKNOWN, Size, frame, look, wanting


def bay(name: str = "A1", state: str = "empty", **facts: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a row
    row = {
        "bay": name,
        "state": state,
        "drive": {"model": "Wheel", "serial": "S1"} if state != "empty" else None,
        "asset": None,
        "countdown_s": None,
        "bytes_done": None,
        "bytes_total": None,
        "mb_per_s": None,
        "outcome": None,
        "certificate": None,
        "reason": None,
        "reason_code": None,
    }
    return {**row, **facts}


def answer(*bays: dict[str, Any], **facts: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of the answer
    return {"station": "bench-01", "said": "", "bays": list(bays), "labels": [], "uplink": None, "alarms": {}, **facts}


def shown(told: dict[str, Any] | None, columns: int = 80, rows: int = 24, language: str = "en") -> list[str]:
    made = frame(told, Size(columns, rows), language)
    assert [len(row) for row in made] == [columns] * rows
    return ["".join(cell[0] for cell in row).rstrip() for row in made]


ERASING: dict[str, Any] = {"bytes_done": 45, "bytes_total": 100, "mb_per_s": 1e-6}


@pytest.mark.parametrize("state", [s.value for s in BayState if s is not BayState.FINISHED])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_has_a_shape_and_a_word_of_its_own(state: str, language: str) -> None:
    told = look(bay(state=state))
    assert told is not UNKNOWN
    assert any(told.shape in line for line in shown(answer(bay(state=state)), language=language))


def test_shape_and_word_tell_all_states_apart_without_colour() -> None:
    assert len({(told.shape, told.word) for told in LOOKS.values()}) == len(LOOKS)
    assert {LOOKS["erased"].shape} & {told.shape for name, told in LOOKS.items() if name != "erased"} == set()


def test_only_a_bay_that_is_done_shows_its_outcome() -> None:
    assert look(bay(state="finished", outcome="erased")).word == "label_erased"
    assert look(bay(state="erasing", outcome="erased")).word == "word_erasing"
    assert look(bay(state="finished", outcome="wonderful")) is UNKNOWN
    assert look(bay(state="finished", outcome="failed", reason_code="BW-E02")).word == "label_failed"
    assert look(bay(state="finished", outcome="failed", claim="again")).word == "label_again"


@pytest.mark.parametrize("count", [1, 4, 8, 12, 24])
@pytest.mark.parametrize("alarms", [0, 3, 9])
def test_up_to_24_bays_fit_on_80_by_24(count: int, alarms: int) -> None:
    bays = [bay(f"A{n}", "erasing", **ERASING) for n in range(1, count + 1)]
    lines = shown(answer(*bays, alarms={str(n): f"alarm {n}" for n in range(alarms)}))
    text = "\n".join(lines) + "\n"
    assert all(f" A{n} " in text for n in range(1, count + 1))
    assert text.count("45 %") == count
    assert ("and 7 more" in text) == (alarms == 9)


@pytest.mark.parametrize(("columns", "rows"), [(1, 1), (20, 5), (26, 3), (40, 10), (200, 60)])
def test_any_size_of_terminal_gets_a_frame_of_its_size(columns: int, rows: int) -> None:
    bays = [bay(f"A{n}", "erasing", **ERASING) for n in range(1, 25)]
    shown(answer(*bays, alarms={"x": "disk"}), columns, rows)
    shown(None, columns, rows)
    shown(answer(), columns, rows)


def test_bays_that_have_no_room_are_counted_and_not_forgotten() -> None:
    lines = shown(answer(*[bay(f"A{n}") for n in range(10)]), 26, 8)
    assert [line for line in lines if "more bays" in line] == ["and 6 more bays."]
    assert sum(" A" in line for line in lines) == 4


def test_a_bay_with_room_says_why_and_what_to_do_in_the_stations_language() -> None:
    failed = bay(
        state="finished", outcome="failed", reason="Parts", reason_code="BW-E02", certificate="bench-01-000001"
    )
    lines = shown(answer(failed), language="da")
    assert any("DESTRUER" in line and "bench-01-000001" in line for line in lines)
    assert "Læg drevet i kassen DESTRUER. (BW-E02)" in " ".join(line.strip() for line in lines)


def test_one_instruction_stands_on_top_and_a_missing_daemon_is_said() -> None:
    assert shown(answer(said="KK-1: now scan the bay."))[1] == "KK-1: now scan the bay."
    assert shown(answer())[1] == "Ready."
    assert shown(answer(), language="da")[1] == "Stationen er klar."
    assert shown(None, language="da")[1] == "Stationen svarer ikke. Prøver igen."


@pytest.mark.parametrize("evil", ["\x1b[2J", "\u202e", "e\u0301\u0301", "\u6f22", "\n"])
def test_nothing_that_a_drive_calls_itself_moves_a_cell(evil: str) -> None:
    lines = shown(answer(bay(evil, "waiting", drive={"model": evil, "serial": evil}), alarms={"x": evil}))
    assert "\x1b" not in "".join(lines)


def test_only_cells_that_changed_are_written() -> None:
    painter = Painter(colour=False, encoding="utf-8")
    size = Size(80, 24)
    told = answer(bay(state="erasing", **ERASING))
    assert painter.changes(frame(told, size, "en"))
    assert painter.changes(frame(told, size, "en")) == ""
    changed = answer(bay(state="erasing", **{**ERASING, "bytes_done": 46}))
    text = painter.changes(frame(changed, size, "en"))
    assert "6" in text
    assert len(text) < 60
    assert text.count("\x1b[") < 8
    assert "\x1b[2J" in painter.changes(frame(changed, Size(81, 24), "en"))


def test_without_colour_no_colour_is_written_and_ascii_terminals_get_ascii() -> None:
    text = Painter(colour=False, encoding="ascii").changes(
        frame(answer(bay(state="finished", outcome="failed"), bay("A2", "erasing", **ERASING)), Size(80, 24), "en")
    )
    assert text.isascii()
    assert not any(f"[0;{c}" in text or f";{c}m" in text for c in range(30, 50))


def test_open_labels_stand_below_in_the_technicians_words_and_once() -> None:
    labels = [{"number": "bench-01-000007", "state": "unknown"}]
    labels.append({"number": "bench-01-000008", "state": "not-printed", "detail": "paper out"})
    told = answer(labels=labels, alarms={"label-bench-01-000007": "in English", "dock": "no answer"}, said="Hej.")
    assert shown(told, language="da")[-3:] == [
        "! Mærkat bench-01-000007: kom den ud? Scan den. Ellers PRINT IGEN.",
        "! Mærkat bench-01-000008 kom ikke ud. Tjek printeren. PRINT IGEN.",
        "! no answer",
    ]


def test_a_person_is_wanted_for_outcomes_troubles_labels_and_alarms_and_for_nothing_else() -> None:
    calm = answer(bay("1", "empty"), bay("2", "waiting"), bay("3", "erasing", **ERASING), bay("4", "countdown"))
    assert wanting(calm) == wanting(None) == wanting({"error": "busy"}) == frozenset()
    label = {"number": "bench-01-000007", "state": "unknown", "copy": 0, "detail": ""}
    found = wanting(
        answer(
            bay("1", "finished", outcome="erased"),
            bay("2", "stalled"),
            labels=[label],
            alarms={"dock": "silent"},
        )
    )
    assert found == {
        "bay 1 label_erased",
        "bay 2 word_stalled",
        "label bench-01-000007 unknown",
        "alarm dock",
    }


def test_who_is_signed_in_and_for_which_delivery_stands_on_top_at_every_width() -> None:
    who = {"operator": {"id": "ida", "name": "Ida"}, "lot": {"code": "LOT-2026-47", "customer": "Kolding"}}
    uplink = {"connected": True, "outbox_depth": 0}
    for columns in (40, 80, 200):
        top = shown(answer(**who, uplink=uplink), columns)[0]
        assert "Ida  LOT-2026-47" in top
        assert ("connected, 0 waiting" in top) is (columns > 40)
    assert shown(answer(uplink=uplink))[0].split() == ["bench-01", "connected,", "0", "waiting"]


@pytest.mark.parametrize("columns", [20, 40, 80])
def test_an_instruction_that_is_longer_than_a_line_is_not_cut(columns: int) -> None:
    said = "Bay A1: it is the right drive. Bay A1: scan YES or NO. Drive ...123456."
    lines = shown(answer(bay(), said=said), columns, 24)
    assert said in " ".join(line for line in lines[1:8] if line)


def test_an_instruction_of_two_lines_moves_no_bay() -> None:
    one, two = (shown(answer(bay(), said=said)) for said in ("Scan YES.", "word " * 20))
    at = [line for line in one if " A1 " in line]
    assert [n for n, line in enumerate(one) if line == at[0]] == [n for n, line in enumerate(two) if line == at[0]]


def test_on_a_small_screen_the_end_of_the_instruction_stays() -> None:
    said = "Label bench-01-000123 is being printed. Bay A1: scan YES or NO."
    assert shown(answer(bay(), said=said), 20, 4)[-1].endswith("YES or NO.")


@pytest.mark.parametrize(("asks", "word"), [("serial", "scan serial number"), ("confirm", "answer YES/NO")])
def test_a_bay_that_waits_for_a_person_does_not_look_like_one_that_starts(asks: str, word: str) -> None:
    waits = bay(state="countdown", asks=asks)
    (row,) = [line for line in shown(answer(waits)) if " A1 " in line]
    assert word in row
    assert "erases in" not in row
    assert look(waits).style == "hand"
    assert look(bay(state="countdown", countdown_s=9.0)).word == "word_countdown"


def test_a_grade_stands_in_its_bays_row() -> None:
    rated = bay(state="finished", outcome="erased", grade="B", asset="KK-1")
    assert any("S1 KK-1 B Wheel" in line for line in shown(answer(rated)))
