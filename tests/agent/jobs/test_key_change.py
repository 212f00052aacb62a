"""A signing key is made by itself once in a station's life; another one is a person's word, and names the old one."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from agent import state_folder
from agent.certificates import key_traces, keys
from agent.certificates.certificate import Certificate, sign, verify
from agent.certificates.jws import read_unverified, thumbprint
from agent.errors import KeyLost, KeyProblem, LedgerProblem
from agent.jobs.key_change import replace
from agent.jobs.ledger import Ledger
from agent.jobs.registrar import Registrar
from agent.settings import Settings
from tests.agent.samples import record


def issue(state: Path) -> Certificate:
    """The next certificate of that folder's station, as its programs make one."""
    with closing(Registrar(Settings(), state)) as station:
        station.recover()
        return station.ledger.issue(
            lambda position: station._sign(  # the position's words are certify's to copy
                record(position, gap=position.gap, replaces=position.replaces), position
            ),
            strays=station.reconciler.strays,
        )


def key_of(state: Path) -> str:
    return thumbprint(keys.load(state / keys.FILE_NAME).public_key())


def only_the_public_half_is_left(state: Path) -> None:
    keys.load_or_make(state)


def only_certificates_are_left(state: Path) -> None:
    issue(state)
    for path in state.iterdir():
        if path.is_file():
            path.unlink()


def only_the_ledger_is_left(state: Path) -> None:
    issue(state)
    shutil.rmtree(state / "certificates")
    (state / key_traces.FILE_NAME).unlink()


def only_a_damaged_public_half_is_left(state: Path) -> None:
    keys.load_or_make(state)
    (state / key_traces.FILE_NAME).write_text("{")


def only_a_damaged_ledger_is_left(state: Path) -> None:
    only_the_ledger_is_left(state)
    (state / "ledger.sqlite3").write_bytes(b"garbage" * 1000)


@pytest.mark.parametrize(
    "left",
    [
        only_the_public_half_is_left,
        only_certificates_are_left,
        only_the_ledger_is_left,
        only_a_damaged_public_half_is_left,
        only_a_damaged_ledger_is_left,
    ],
)
def test_a_key_that_was_there_is_never_made_anew_by_itself(tmp_path: Path, left: Callable[[Path], None]) -> None:
    left(tmp_path)
    (tmp_path / keys.FILE_NAME).unlink(missing_ok=True)
    for make in (keys.load_or_make, keys.make):
        with pytest.raises(KeyLost, match="had a signing key") as lost:
            make(tmp_path)
        assert "key init --replace" in lost.value.line()
    assert not (tmp_path / keys.FILE_NAME).exists()


def test_a_ledger_without_any_work_does_not_stand_in_the_way_of_the_first_key(tmp_path: Path) -> None:
    Ledger(tmp_path).close()
    assert keys.make(tmp_path)


def test_another_key_in_its_place_is_refused(tmp_path: Path) -> None:
    keys.load_or_make(tmp_path / "one")
    keys.load_or_make(tmp_path / "two")
    shutil.copy(tmp_path / "two" / keys.FILE_NAME, tmp_path / "one" / keys.FILE_NAME)
    with pytest.raises(KeyLost, match="and the station's was"):
        keys.load_or_make(tmp_path / "one")


def test_a_station_of_before_writes_its_public_half_down_at_its_next_start(tmp_path: Path) -> None:
    key = keys.load_or_make(tmp_path)
    (tmp_path / key_traces.FILE_NAME).unlink()
    keys.load_or_make(tmp_path)
    known = key_traces.remembered(tmp_path)
    assert known is not None
    assert thumbprint(known) == thumbprint(key.public_key())


@pytest.mark.parametrize("lost", [True, False])
def test_a_new_chain_names_the_old_key_and_goes_on_counting(tmp_path: Path, lost: bool) -> None:
    made = [issue(tmp_path), issue(tmp_path)]
    old = keys.load(tmp_path / keys.FILE_NAME)
    if lost:
        (tmp_path / keys.FILE_NAME).unlink()
    done = replace(tmp_path, "bench-01")
    assert done.old == thumbprint(old.public_key())
    assert (done.kept is None) is lost
    first, second = issue(tmp_path), issue(tmp_path)
    assert (first.record.sequence, first.record.previous) == (3, made[1].id)
    assert first.record.replaces is not None
    assert (first.record.replaces.key, first.record.replaces.last) == (done.old, made[1].id)
    assert second.record.replaces is None
    verify(first.compact, {thumbprint(done.new): done.new})
    with closing(Registrar(Settings(), tmp_path)) as station:
        assert station.reconciler.look(newest=None).conflicts == (), "the old certificates are still this station's"
        assert station.certificate(made[0].id) == made[0]
        told = [json.loads(row.payload) for row in station.ledger.outbox.waiting(100) if row.kind == "event"]
    assert [event["event"] for event in told] == ["key-replaced"]
    detail = told[0]["detail"]
    assert (detail["replaces"], detail["key"], detail["last"]) == (done.old, thumbprint(done.new), made[1].id)
    assert read_unverified(detail["statement"].encode(), typ="benchwipe-key-replaced+jws").key_id == detail["key"]


def test_a_key_that_is_replaced_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    before = keys.load_or_make(tmp_path).private_bytes_raw()
    kept = replace(tmp_path, "bench-01").kept
    assert kept is not None
    assert kept.stat().st_mode & 0o777 == 0o600
    assert keys.load(kept).private_bytes_raw() == before


def test_a_key_that_was_never_there_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(KeyProblem, match="no key to replace"):
        replace(tmp_path, "bench-01")
    assert list(tmp_path.iterdir()) == []


def test_the_key_of_a_running_daemon_is_not_replaced(tmp_path: Path) -> None:
    before = keys.load_or_make(tmp_path).private_bytes_raw()
    lock = state_folder.hold(tmp_path)
    with pytest.raises(state_folder.AlreadyRunning):
        replace(tmp_path, "bench-01")
    os.close(lock)
    assert keys.load(tmp_path / keys.FILE_NAME).private_bytes_raw() == before


def test_a_program_that_still_has_the_old_key_signs_nothing_with_it(tmp_path: Path) -> None:
    issue(tmp_path)
    with closing(Registrar(Settings(), tmp_path)) as station:
        replace(tmp_path, "bench-01")
        with pytest.raises(LedgerProblem, match="was replaced while this program ran"):
            station.ledger.issue(lambda position: station._sign(record(position), position))
    assert len(list((tmp_path / "certificates").glob("*.jws"))) == 1
    assert issue(tmp_path).record.sequence == 2


@pytest.mark.parametrize("after", ["ledger", "aside", "key"])
def test_whatever_is_cut_off_while_a_key_is_replaced_it_can_be_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    """Cut off after the ledger knew, after the old key was put aside, after the new one was written."""
    made, old = issue(tmp_path), key_of(tmp_path)

    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if after == "ledger":
            patched.setattr("agent.jobs.key_change._put_aside", cut)
        elif after == "aside":
            patched.setattr("agent.jobs.key_change.files.replace", cut)
        else:
            patched.setattr("agent.jobs.key_change.key_traces.remember", cut)
        with pytest.raises(KeyboardInterrupt):
            replace(tmp_path, "bench-01")
    with pytest.raises((KeyLost, LedgerProblem)):
        issue(tmp_path)
    assert replace(tmp_path, "bench-01").old == old
    following = issue(tmp_path)
    assert (following.record.sequence, following.record.previous) == (2, made.id)
    assert following.record.replaces is not None
    assert following.record.replaces.key == old
    assert following.key_id == key_of(tmp_path)


def test_a_stray_of_the_old_key_is_still_taken_in(tmp_path: Path) -> None:
    first = issue(tmp_path)
    with closing(Registrar(Settings(), tmp_path)) as station:
        position = station.ledger.chain.position()
        stray = sign(record(position), station.key)
        (station.ledger.certificates_dir / stray.file_name).write_bytes(stray.compact)
    replace(tmp_path, "bench-01")
    following = issue(tmp_path)
    assert (following.record.sequence, following.record.previous) == (3, stray.id)
    assert stray.record.previous == first.id
