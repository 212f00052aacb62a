"""Ledger and files in a real folder: the station goes on from the highest of both, or stops to be mended."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates.certificate import Certificate, sign
from agent.certificates.record import Position
from agent.errors import LedgerConflict, LedgerProblem
from agent.jobs.adopt import carry_out, rehearse
from agent.jobs.key_change import replace
from agent.jobs.reconcile import Reconciler
from agent.jobs.registrar import Registrar
from agent.settings import Settings
from tests.agent.samples import record
from tests.patience import PROGRAM_S

Break = Callable[[Registrar, list[Certificate]], None]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Where the station keeps everything."""
    return tmp_path / "state"


@pytest.fixture
def station(state: Path) -> Iterator[Registrar]:
    """One that is open."""
    made = Registrar(Settings(), state)
    yield made
    made.close()


def issue(station: Registrar) -> Certificate:
    """The station's next certificate, by its own way."""
    return station.ledger.issue(lambda position: sign(record(position), station.key), strays=station.reconciler.strays)


def put(station: Registrar, certificate: Certificate) -> None:
    """A file that nobody recorded."""
    (station.ledger.certificates_dir / certificate.file_name).write_bytes(certificate.compact)


def sql(station: Registrar, *statements: str) -> None:
    """Behind the ledger's back."""
    with closing(sqlite3.connect(station.ledger.path)) as db, db:
        for statement in statements:
            db.execute(statement)


def file_of(station: Registrar, certificate: Certificate) -> Path:
    return station.ledger.certificates_dir / certificate.file_name


def outbox(station: Registrar) -> set[str]:
    return {row.id for row in station.ledger.outbox.waiting(1000) if row.kind == "cert"}


# Goes on


def test_after_a_ledger_of_before_was_put_back_every_number_is_given_once(state: Path) -> None:
    with closing(Registrar(Settings(), state)) as station:
        issue(station)
    shutil.copy(state / "ledger.sqlite3", state / "old")
    with closing(Registrar(Settings(), state)) as station:
        newer = [issue(station), issue(station)]
    (state / "old").replace(state / "ledger.sqlite3")
    with closing(Registrar(Settings(), state)) as station:
        station.recover(printers=("zebra",))
        assert issue(station).record.sequence == 4
        assert [row.sequence for row in station.ledger.chain.certificates()] == [1, 2, 3, 4]
        assert {c.id for c in newer} <= outbox(station)
        assert station.ledger.labels.of(newer[0].id) == [], "its label was printed when it was made"


KILLED = """
import os, signal, sys
from pathlib import Path
from agent import files
from agent.jobs.registrar import Registrar
from agent.settings import Settings
from tests.agent.jobs import test_reconcile
station = Registrar(Settings(), Path(sys.argv[1]))
write = files.write_once
def dies(path, data, **options):
    write(path, data, **options)
    os.kill(os.getpid(), signal.SIGKILL)
files.write_once = dies
test_reconcile.issue(station)
"""


def test_a_number_that_a_killed_process_gave_is_not_given_again_by_one_that_runs_on(station: Registrar) -> None:
    """The daemon is up all the time; `benchwipe erase` beside it is killed between file and row."""
    issue(station)
    child = subprocess.run([sys.executable, "-c", KILLED, station.state_dir], check=False, timeout=PROGRAM_S)
    assert child.returncode == -signal.SIGKILL
    assert len(list(station.ledger.certificates_dir.glob("*.jws"))) == 2
    assert issue(station).record.sequence == 3
    assert [row.sequence for row in station.ledger.chain.certificates()] == [1, 2, 3]
    assert station.reconciler.look(newest=None).conflicts == ()


# Stops


def delete_a_file(station: Registrar, made: list[Certificate]) -> None:
    file_of(station, made[1]).unlink()


def delete_a_row(station: Registrar, made: list[Certificate]) -> None:
    sql(station, "DELETE FROM certificate WHERE sequence = 2")


def delete_a_row_and_its_file(station: Registrar, made: list[Certificate]) -> None:
    delete_a_row(station, made)
    delete_a_file(station, made)


def delete_the_last_rows_and_the_file_between(station: Registrar, made: list[Certificate]) -> None:
    sql(station, "DELETE FROM certificate WHERE sequence > 1")
    delete_a_file(station, made)


def sign_a_number_twice(station: Registrar, made: list[Certificate]) -> None:
    put(station, sign(record(Position(2, made[0].id), job="other"), station.key))


def sign_a_number_twice_without_rows(station: Registrar, made: list[Certificate]) -> None:
    sql(station, "DELETE FROM certificate WHERE sequence > 1")
    sign_a_number_twice(station, made)


def break_the_chain(station: Registrar, made: list[Certificate]) -> None:
    put(station, sign(record(Position(4, "f" * 64)), station.key))


def swap_rows(station: Registrar, made: list[Certificate]) -> None:
    sql(
        station,
        "UPDATE certificate SET sequence = 9 WHERE sequence = 1",
        "UPDATE certificate SET sequence = 1 WHERE sequence = 2",
        "UPDATE certificate SET sequence = 2 WHERE sequence = 9",
    )


def bring_a_file_of_another_station(station: Registrar, made: list[Certificate]) -> None:
    put(station, sign(record(Position(4, made[2].id)), Ed25519PrivateKey.generate()))


def damage_a_file(station: Registrar, made: list[Certificate]) -> None:
    compact = bytearray(made[1].compact)
    compact[100] ^= 1
    file_of(station, made[1]).write_bytes(compact)


def leave_garbage(station: Registrar, made: list[Certificate]) -> None:
    (station.ledger.certificates_dir / f"{'e' * 64}.jws").write_bytes(b"")


def damage_a_file_without_a_row(station: Registrar, made: list[Certificate]) -> None:
    delete_a_row(station, made)
    damage_a_file(station, made)


def give_the_last_row_another_number(station: Registrar, made: list[Certificate]) -> None:
    sql(station, "UPDATE certificate SET sequence = -7 WHERE sequence = 3")


def swap_rows_and_lose_a_file(station: Registrar, made: list[Certificate]) -> None:
    swap_rows(station, made)
    delete_a_file(station, made)


def delete_the_last_row_and_its_file(station: Registrar, made: list[Certificate]) -> None:
    """The outbox alone still has it: its number was given."""
    sql(station, "DELETE FROM certificate WHERE sequence = 3")
    file_of(station, made[2]).unlink()


BREAKS: list[Break] = [
    delete_a_file,
    delete_a_row,
    delete_a_row_and_its_file,
    delete_the_last_rows_and_the_file_between,
    sign_a_number_twice,
    sign_a_number_twice_without_rows,
    break_the_chain,
    swap_rows,
    bring_a_file_of_another_station,
    damage_a_file,
    leave_garbage,
    damage_a_file_without_a_row,
    give_the_last_row_another_number,
    swap_rows_and_lose_a_file,
    delete_the_last_row_and_its_file,
]


@pytest.mark.parametrize("broken", BREAKS)
def test_a_contradiction_stops_the_start_with_one_line_and_changes_nothing(station: Registrar, broken: Break) -> None:
    broken(station, [issue(station) for _ in range(3)])
    rows, names = station.ledger.chain.certificates(), sorted(p.name for p in station.ledger.certificates_dir.iterdir())
    with pytest.raises(LedgerConflict) as stopped:
        station.recover()
    assert "\n" not in stopped.value.line()
    assert "benchwipe ledger adopt" in stopped.value.line()
    assert station.ledger.chain.certificates() == rows
    assert sorted(p.name for p in station.ledger.certificates_dir.iterdir()) == names


@pytest.mark.parametrize("broken", BREAKS)
def test_a_persons_word_mends_it_and_loses_no_certificate(station: Registrar, broken: Break) -> None:
    made = [issue(station) for _ in range(3)]
    broken(station, made)
    before = {p.name for p in station.ledger.certificates_dir.iterdir()}
    lines = rehearse(station)
    assert lines
    with pytest.raises(LedgerConflict):
        station.recover()
    carry_out(station, lines)
    assert rehearse(station) == []
    station.recover()
    assert before <= {p.name.removesuffix(".damaged") for p in station.ledger.certificates_dir.iterdir()}
    assert {c.id for c in made} <= outbox(station)
    following = issue(station)
    assert following.record.sequence == max(row.sequence for row in station.ledger.chain.certificates())
    assert following.record.sequence not in {c.record.sequence for c in made}
    station.recover()


def test_what_is_agreed_to_must_still_be_what_is_done(station: Registrar) -> None:
    made = [issue(station) for _ in range(3)]
    delete_a_file(station, made)
    lines = rehearse(station)
    file_of(station, made[0]).unlink()
    with pytest.raises(LedgerProblem, match="changed meanwhile"):
        carry_out(station, lines)
    assert not file_of(station, made[1]).exists()


def test_a_file_whose_bytes_still_wait_for_the_collector_is_written_again(station: Registrar) -> None:
    made = [issue(station) for _ in range(3)]
    delete_a_file(station, made)
    carry_out(station, rehearse(station))
    assert file_of(station, made[1]).read_bytes() == made[1].compact


def test_a_file_that_is_gone_for_good_is_known_as_lost_and_its_number_stays_given(station: Registrar) -> None:
    made = [issue(station) for _ in range(3)]
    station.ledger.outbox.delivered(made[1].id)
    delete_a_file(station, made)
    lines = rehearse(station)
    assert [line for line in lines if "lost" in line] == lines
    carry_out(station, lines)
    station.recover()
    assert [row.sequence for row in station.ledger.chain.certificates()] == [1, 2, 3]


def flipped(compact: bytes) -> bytes:
    """One letter of its signature is another one: its number can still be read."""
    other = b"A" if compact[-20:-19] != b"A" else b"B"
    return compact[:-20] + other + compact[-19:]


@pytest.mark.parametrize("damage", [flipped, lambda compact: compact[:50], lambda _: b""])
def test_the_number_of_a_damaged_newer_file_is_not_given_again(
    station: Registrar, damage: Callable[[bytes], bytes]
) -> None:
    """A ledger of before was put back, and the card has damaged what the ledger does not know."""
    made = [issue(station) for _ in range(4)]
    sql(station, "DELETE FROM certificate WHERE sequence > 2", "DELETE FROM outbox")
    for certificate in made[2:]:
        file_of(station, certificate).write_bytes(damage(certificate.compact))
    carry_out(station, rehearse(station))
    assert station.ledger.chain.position().sequence == 5
    told = [row.payload for row in station.ledger.outbox.waiting(1000) if row.kind == "event"]
    assert told, "the collector hears that they are missing"


@pytest.mark.parametrize("first", [True, False])
def test_a_file_that_shows_no_number_takes_none_that_another_damaged_one_shows(station: Registrar, first: bool) -> None:
    """Whichever of them is looked at first: they are named by their hashes."""
    made = [issue(station) for _ in range(4)]
    sql(station, "DELETE FROM certificate WHERE sequence > 2", "DELETE FROM outbox")
    by_name = sorted(made[2:], key=lambda certificate: certificate.id, reverse=not first)
    damages: tuple[Callable[[bytes], bytes], ...] = (lambda _: b"", flipped)
    for certificate, damage in zip(by_name, damages, strict=True):
        file_of(station, certificate).write_bytes(damage(certificate.compact))
    carry_out(station, rehearse(station))
    assert station.ledger.chain.position().sequence > 4


def test_numbers_go_on_where_ledger_key_and_its_public_half_are_all_gone(state: Path) -> None:
    with closing(Registrar(Settings(), state)) as station:
        for _ in range(3):
            issue(station)
    for path in [*state.glob("ledger.*"), *state.glob("station.*")]:
        path.unlink()
    replace(state, "bench-01")
    with closing(Registrar(Settings(), state)) as station:
        carry_out(station, rehearse(station))
        station.recover()
        assert station.ledger.chain.position().sequence == 4


def test_a_whole_file_of_a_key_that_nobody_knows_is_left_as_it_is(station: Registrar) -> None:
    made = issue(station)
    (station.state_dir / "station.jwk").unlink()
    station.reconciler = Reconciler(station.ledger, Ed25519PrivateKey.generate().public_key())
    carry_out(station, rehearse(station))
    assert file_of(station, made).read_bytes() == made.compact
    assert rehearse(station) == []


def test_a_hole_that_is_mended_is_told_to_the_collector(station: Registrar) -> None:
    delete_a_row_and_its_file(station, [issue(station) for _ in range(3)])
    carry_out(station, rehearse(station))
    told = [row.payload for row in station.ledger.outbox.waiting(1000) if row.kind == "event"]
    assert len(told) == 1
    assert b'"gap"' in told[0]


def test_of_two_certificates_of_one_number_the_one_counts_that_the_next_one_names(station: Registrar) -> None:
    made = [issue(station) for _ in range(3)]
    sign_a_number_twice_without_rows(station, made)
    carry_out(station, rehearse(station))
    assert [row.id for row in station.ledger.chain.certificates()] == [c.id for c in made]
    assert len(outbox(station)) == 4, "the other one was signed, too: the collector must see it"


def test_while_it_contradicts_nothing_is_certified(station: Registrar) -> None:
    """A file appears while the daemon runs: the number that it has must not be given once more."""
    made = [issue(station) for _ in range(3)]
    put(station, sign(record(Position(5, made[2].id)), station.key))
    with pytest.raises(LedgerConflict):
        issue(station)
    assert len(list(station.ledger.certificates_dir.glob("*.jws"))) == 4
