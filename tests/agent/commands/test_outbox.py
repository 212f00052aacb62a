"""`benchwipe outbox`: what waits, what was refused, and what goes again, from a ledger that is really there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.certificates import jws, keys
from agent.certificates.certificate import Certificate
from agent.jobs.ledger import Ledger
from agent.jobs.outbox_rows import StatedEvent
from agent.jobs.statements import DISPOSITION
from tests.agent import samples
from tests.agent.commands.conftest import Call


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def ledger(state: Path) -> Iterator[Ledger]:
    made = Ledger(state)
    yield made
    made.close()


@pytest.fixture
def issued(ledger: Ledger, state: Path) -> list[Certificate]:
    """One that waits, one that was refused, one that has left."""
    key = keys.load_or_make(state)
    made = [samples.issue(ledger, key) for _ in range(3)]
    ledger.outbox.quarantine(made[1].id, "station bench-01 is not enrolled")
    ledger.outbox.delivered(made[2].id)
    return made


def test_the_list_says_of_each_row_what_it_is_and_why_it_was_refused(
    call: Call, state: Path, issued: list[Certificate]
) -> None:
    told = call("outbox", "list", "--state-dir", state, "--json")
    assert told.status == 0
    waits, refused = told.document["rows"]
    assert waits == {
        "id": issued[0].id, "kind": "cert", "number": "bench-01-000001", "state": "waiting", "attempts": 0,
        "reason": None,
    }  # fmt: skip
    assert (refused["id"], refused["state"]) == (issued[1].id, "rejected")
    assert refused["reason"] == "station bench-01 is not enrolled"
    plain = call("outbox", "list", "--state-dir", state)
    assert "bench-01-000002" in plain.out
    assert "is not enrolled" in plain.out
    assert plain.err == "1 wait, 1 refused\n"


def test_all_that_was_refused_goes_again_after_a_key_was_enrolled(
    call: Call, ledger: Ledger, state: Path, issued: list[Certificate]
) -> None:
    done = call("outbox", "resend", "--refused", "--state-dir", state)
    assert (done.status, done.err) == (0, f"cert {issued[1].id} waits to be sent\n")
    assert ledger.outbox.quarantined() == []
    assert call("outbox", "resend", "--refused", "--state-dir", state).err == "nothing was refused\n"


@pytest.mark.parametrize("words", [(), ("--refused", "bench-01-000001")])
def test_what_is_to_go_again_is_named_in_one_way(
    call: Call, state: Path, issued: list[Certificate], words: tuple[str, ...]
) -> None:
    done = call("outbox", "resend", *words, "--state-dir", state)
    assert done.status == 2
    assert "ids, or --refused" in done.err


def test_what_was_refused_and_what_was_forgotten_go_again_by_id_or_number(
    call: Call, state: Path, ledger: Ledger, issued: list[Certificate]
) -> None:
    assert call("outbox", "resend", issued[1].id, "bench-01-000003", "--state-dir", state).status == 0
    rows = {row.id: row for row in ledger.outbox.waiting(10)}
    assert set(rows) == {c.id for c in issued}
    assert rows[issued[2].id].payload == issued[2].compact
    assert rows[issued[2].id].topic == f"cert/{issued[2].id}"
    assert call("outbox", "resend", issued[0].id, "--state-dir", state).status == 0, "what waits, waits"
    assert ledger.outbox.depth() == 3


def test_a_statement_that_was_forgotten_goes_again(call: Call, state: Path, ledger: Ledger) -> None:
    compact = jws.sign(b"{}", keys.load_or_make(state), typ=DISPOSITION)
    ledger.add_event("boot", lambda _: StatedEvent(b"{}", compact))
    (name,) = [row.id for row in ledger.outbox.waiting(10) if row.kind == "statement"]
    ledger.outbox.delivered(name)
    assert call("outbox", "resend", name, "--state-dir", state).status == 0
    (row,) = [row for row in ledger.outbox.waiting(10) if row.kind == "statement"]
    assert (row.payload, row.topic) == (compact, f"statement/{name}")


@pytest.mark.parametrize("name", ["f" * 64, "bench-01-000009", "../station", "", "\udcff"])
def test_of_several_none_goes_again_where_one_is_unknown(
    call: Call, state: Path, ledger: Ledger, issued: list[Certificate], name: str
) -> None:
    told = call("outbox", "resend", issued[1].id, name, "--state-dir", state)
    assert told.status == 2
    assert len(told.err.splitlines()) == 1
    assert [row.id for row in ledger.outbox.waiting(10)] == [issued[0].id]


def test_a_certificate_whose_file_holds_other_bytes_is_not_sent(
    call: Call, state: Path, ledger: Ledger, issued: list[Certificate]
) -> None:
    file = state / "certificates" / issued[2].file_name
    file.write_bytes(issued[1].compact)
    told = call("outbox", "resend", issued[2].id, "--state-dir", state)
    assert (told.status, "not those of that certificate" in told.err) == (2, True)
    file.unlink()
    assert call("outbox", "resend", issued[2].id, "--state-dir", state).status == 2
    assert len(ledger.outbox.waiting(10)) == 1


@pytest.mark.parametrize("words", [("list",), ("list", "--json"), ("resend", "x")])
def test_where_there_is_no_ledger_none_is_made(call: Call, state: Path, words: tuple[str, ...]) -> None:
    told = call("outbox", *words, "--state-dir", state)
    assert told.status == 2
    assert "there is no ledger" in told.err
    assert not state.exists()
    if "--json" in words:
        assert "error" in json.loads(told.out)
