"""`benchwipe check` says what the station works without: the helper unit of root."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from agent.commands.work import check
from agent.settings import Device, Settings, StationSettings, parse
from drivers.drives import uses_helper

BLOCK = Settings(source=(Device(name="disks", driver="block"),))


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(check, "SOCKET", tmp_path / "uses.sock")
    return tmp_path / "uses.sock"


def notes(settings: Settings = BLOCK) -> list[str]:
    return [note for note in check.find_notes(settings) if "benchwipe-uses" in note]


def test_a_helper_unit_that_does_not_run_is_said_with_its_remedy(path: Path) -> None:
    (note,) = notes()
    assert "does not answer" in note
    assert "systemctl enable --now benchwipe-uses.socket" in note


def test_a_helper_unit_that_hangs_up_is_said(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()

        def hang_up() -> None:
            listening.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        assert len(notes()) == 1


def test_one_that_answers_is_no_news(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        served = threading.Thread(target=uses_helper.serve, args=(listening,), kwargs={"idle_s": 2}, daemon=True)
        served.start()
        assert notes() == []
        served.join()


def test_a_bench_without_block_drives_needs_none(path: Path) -> None:
    assert notes(Settings(source=(Device(name="bench", driver="simulated"),))) == []


def test_a_station_without_an_address_is_told_what_its_codes_hold() -> None:
    told = [note for note in check.find_notes(Settings()) if "certificate_url" in note]
    assert len(told) == 1
    assert "number, the serial number and the outcome in words" in told[0]
    addressed = Settings(station=StationSettings(certificate_url="https://c.example/"))
    assert not any("certificate_url" in note for note in check.find_notes(addressed))


def begins(**about: object) -> str:
    """What the note says of a bench with a bay."""
    known = {
        "bay": [{"name": "A1", "port": "p1"}],
        "customer": [{"name": "Kolding", "policy": "nist-purge"}],
        "lot": [{"code": "LOT-1", "customer": "Kolding"}],
    }
    made = parse({"station": about, **known}, where="test")
    return next(note for note in check.find_notes(made) if note.startswith("drives begin"))


def test_it_is_said_under_which_policy_drives_begin() -> None:
    assert begins(mode="automatic") == "drives begin by being put in, without badge or lot, under policy nist-clear"
    assert begins() == (
        "drives begin by a scanned asset tag and bay, after lot, under the policy of the scanned lot (LOT-1 nist-purge)"
    )
    assert begins(lot="LOT-1", mode="automatic").endswith("under policy nist-purge (station.lot LOT-1)")


def test_each_broker_of_the_list_that_does_not_answer_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_server(("127.0.0.1", 0)) as gone:
        there, away = (one.getsockname()[1] for one in (listening, gone))
        gone.close()
        mqtt = {"host": "127.0.0.1", "port": away, "brokers": [f"127.0.0.1:{there}", "[::1]:1"]}
        found = [n for n in check.find_notes(parse({"mqtt": mqtt}, where="x")) if "does not answer now" in n]
    assert [note.partition(" does")[0] for note in found] == [f"mqtt: 127.0.0.1:{away}", "mqtt: [::1]:1"]
