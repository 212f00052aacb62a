"""Sent is not printed: what the station knows of its labels, over scans, reprints, full disks and restarts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agent.bench.events import LabelResult, ReprintRequested
from agent.bench.labels import MOST_RECALLED
from agent.certificates.certificate import Certificate
from agent.certificates.record import Disposition
from agent.errors import IllegalTransition
from agent.jobs.label_proof import NEXT, LabelRow, LabelState, advance, label_named, next_copy, settled
from agent.scan import dialogue
from agent.scan.context import Context
from agent.scan.flow import Step
from agent.settings import Device
from tests.agent.engine_rig import Rig, settings

S = LabelState
NUMBER = "bench-01-000001"
WITH_PRINTER = msgspec.structs.replace(
    settings(certificate_url="https://c.example/c/"), printer=(Device(name="zebra", driver="simulated"),)
)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path / "state", WITH_PRINTER)
    yield made
    made.close()


def result(rig: Rig, state: LabelState, *, copy: int = 0, number: str = NUMBER) -> None:
    rig.engine.handle(LabelResult(number, "zebra", copy, state, "" if state is S.PRINTED else "paper out"))


def erased(rig: Rig) -> str:
    """One drive erased; its certificate's id."""
    rig.arrive("A1")
    return rig.erase("A1").id


@pytest.mark.parametrize("here", list(S))
@pytest.mark.parametrize("to", list(S))
def test_a_label_moves_only_as_its_table_says(here: LabelState, to: LabelState) -> None:
    row = LabelRow(number=NUMBER, printer="p", certificate_id="0", state=here)
    if to in NEXT[here]:
        assert advance(row, to, detail="why").state is to
    else:
        with pytest.raises(IllegalTransition):
            advance(row, to)


@pytest.mark.parametrize(
    ("states", "copies", "expected"),
    [
        ((), (), 0),
        ((S.NOT_PRINTED,), (0,), 0),
        ((S.NOT_PRINTED,), (2,), 2),
        ((S.UNKNOWN,), (0,), 1),
        ((S.NOT_PRINTED, S.PRINTED), (0, 0), 1),
        ((S.SCANNED,), (3,), 4),
    ],
)
def test_a_reprint_is_a_copy_as_soon_as_something_may_have_come_out(
    states: tuple[LabelState, ...], copies: tuple[int, ...], expected: int
) -> None:
    rows = [
        LabelRow(number=NUMBER, printer=f"p{i}", certificate_id="0", state=state, copy=copy)
        for i, (state, copy) in enumerate(zip(states, copies, strict=True))
    ]
    assert next_copy(rows) == expected


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (NUMBER, NUMBER),
        ("benchwipe:" + "ab" * 32, "ab" * 32),
        ("https://c.example/c/" + "ab" * 32, "ab" * 32),
        (NUMBER + " W62AB003 ERASED " + "ab" * 32, "ab" * 32),
        ("bench-01-000001 No serial number SLETTET, IKKE LAEST TILBAGE " + "ab" * 32, "ab" * 32),
        ("W62AB003 ERASED " + "ab" * 32, None),
        ("https://evil.example/" + "ab" * 32, None),
        ("ab" * 32, None),
        ("bench-02-000001", None),
        ("KK-004711", None),
    ],
)
def test_a_label_is_told_from_any_other_code(text: str, name: str | None) -> None:
    assert label_named(text, station_id="bench-01", certificate_url="https://c.example/c/") == name


def test_the_intent_to_print_is_in_the_ledger_before_the_printer_gets_anything(rig: Rig) -> None:
    seen: list[list[LabelState]] = []
    real = rig.effects.print_label

    def look(
        certificate: Certificate,
        copy: int,
        given: Disposition | None = None,
        bay: str = "",
        *,
        whole: bool = True,
    ) -> None:
        seen.append([row.state for row in rig.ledger.labels.of(NUMBER)])
        real(certificate, copy, given, bay)

    rig.effects.print_label = look  # type: ignore[method-assign]  # the test looks where the printer would be
    erased(rig)
    assert seen == [[S.SENT]]


def test_a_printed_label_asks_for_nothing_but_to_be_put_on(rig: Rig) -> None:
    erased(rig)
    result(rig, S.PRINTED)
    assert rig.effects.said[-1] == "put_label"
    assert (rig.effects.alarms, rig.engine.labels.open) == ({}, ())


@pytest.mark.parametrize("code", ["number", "qr"])
def test_an_unknown_label_is_asked_for_and_its_scan_is_the_proof(rig: Rig, code: str) -> None:
    identifier = erased(rig)
    result(rig, S.UNKNOWN)
    assert rig.effects.said[-1] == "scan_label"
    assert rig.effects.alarms[f"label-{NUMBER}"].code == "BW-L02"
    assert rig.scan(NUMBER if code == "number" else f"https://c.example/c/{identifier}") == "put_label"
    assert settled(rig.ledger.labels.of(NUMBER))
    assert (rig.effects.alarms, rig.engine.labels.open) == ({}, ())
    result(rig, S.UNKNOWN)  # the printer's word comes late: the scan counts for more
    assert rig.effects.alarms == {}


def test_paper_out_is_no_copy_and_unknown_is_one(rig: Rig) -> None:
    erased(rig)
    result(rig, S.NOT_PRINTED)
    assert rig.effects.alarms[f"label-{NUMBER}"].code == "BW-L01"
    assert rig.scan("REPRINT", "BAY-A1") == "printing_label"
    result(rig, S.UNKNOWN)
    rig.scan("REPRINT", NUMBER)
    rig.scan("REPRINT", NUMBER)  # while it is printed: nothing more is sent
    result(rig, S.UNKNOWN)  # of the first copy, late: it says nothing of this one
    assert rig.ledger.labels.of(NUMBER)[0].state is S.SENT
    result(rig, S.PRINTED, copy=1)
    rig.engine.handle(ReprintRequested(NUMBER))
    assert rig.effects.labels == [(NUMBER, 0), (NUMBER, 0), (NUMBER, 1), (NUMBER, 2)]
    assert rig.effects.alarms == {}


def test_a_label_whose_printing_was_journalled_and_not_proved_is_unknown_after_a_restart(rig: Rig) -> None:
    erased(rig)
    rig.restart()
    assert [(label.number, label.state) for label in rig.engine.labels.open] == [(NUMBER, S.UNKNOWN)]
    assert f"label-{NUMBER}" in rig.effects.alarms
    assert (rig.effects.said[-1], rig.effects.labels) == ("scan_label", [])
    rig.restart()
    assert f"label-{NUMBER}" in rig.effects.alarms
    assert rig.scan(NUMBER) == "put_label"
    rig.restart()
    assert rig.effects.alarms == {}


def test_a_certificate_that_lost_its_row_in_a_power_cut_gets_the_label_that_was_never_sent(rig: Rig) -> None:
    erased(rig)
    rig.ledger._db.execute("DELETE FROM certificate")
    rig.ledger._db.execute("DELETE FROM outbox")
    rig.ledger._db.execute("DELETE FROM label")
    rig.restart()
    assert rig.effects.labels == [(NUMBER, 0)]
    assert rig.ledger.labels.of(NUMBER)[0].state is S.SENT


def test_what_a_printer_said_is_not_lost_while_the_ledger_is_full(rig: Rig) -> None:
    erased(rig)
    rig.break_ledger("label")
    result(rig, S.PRINTED)
    rig.wait(6)
    assert rig.ledger.labels.of(NUMBER)[0].state is S.SENT
    rig.mend_ledger()
    rig.wait(6)
    assert rig.ledger.labels.of(NUMBER)[0].state is S.PRINTED


def test_nothing_is_printed_again_that_could_not_be_written_down(rig: Rig) -> None:
    erased(rig)
    result(rig, S.UNKNOWN)
    rig.break_ledger("label")
    rig.scan("REPRINT", NUMBER)
    assert rig.effects.labels == [(NUMBER, 0)]


@pytest.mark.parametrize("code", ["bench-01-000099", "benchwipe:" + "00" * 32])
def test_a_label_of_nobody_and_an_empty_bay_are_said(rig: Rig, code: str) -> None:
    assert rig.scan(code) == "unknown_label"
    assert rig.scan("REPRINT", "BAY-A2") == "unknown_label"


def test_a_forged_certificate_file_gets_no_label(rig: Rig) -> None:
    identifier = erased(rig)
    result(rig, S.UNKNOWN)
    file = rig.ledger.certificates_dir / f"{identifier}.jws"
    file.chmod(0o600)
    file.write_bytes(file.read_bytes()[:-4] + b"AAAA")
    assert rig.scan("REPRINT", NUMBER) == "unknown_label"
    assert len(rig.effects.labels) == 1


def test_reprint_is_forgotten_by_the_next_thing_that_is_begun() -> None:
    context = Context(step=Step.PRINT)
    for code in ("CANCEL", "KK-004711"):
        assert dialogue.scan(context, code, WITH_PRINTER, {}).context.step is not Step.PRINT
    kept = Context(step=Step.BAY, asset="KK-1")
    assert dialogue.scan(kept, "REPRINT", WITH_PRINTER, {}).context == context


def test_after_a_restart_every_label_can_be_printed_again_and_the_newest_are_asked_for(rig: Rig) -> None:
    identifier = erased(rig)
    rows = [
        LabelRow(number=f"bench-01-{n:06d}", printer="zebra", certificate_id=f"{n:064d}", state=S.SENT)
        for n in range(2, MOST_RECALLED + 9)
    ]
    rig.ledger.labels.save(rows)
    rig.restart()
    assert len(rig.engine.labels.open) == MOST_RECALLED
    assert {row.state for n in (1, 2, 40) for row in rig.ledger.labels.of(f"bench-01-{n:06d}")} == {S.UNKNOWN}
    rig.scan("REPRINT", f"https://c.example/c/{identifier}")
    assert rig.effects.labels == [(NUMBER, 1)]
