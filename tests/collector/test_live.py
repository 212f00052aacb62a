"""The live page's memory: newest word wins, stale wills do not, and nobody can fill it."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from collector.certificates import words
from collector.fleet import pages
from collector.fleet.live import MOST_ALARMS, MOST_BAYS, MOST_STATIONS, SILENT_S, Live, Station
from collector.moments import now, text


def say(live: Live, suffix: str, message: object, station: str = "bench-01", *, retained: bool = False) -> None:
    live.read(f"er/1/{station}/{suffix}", msgspec.json.encode(message), retained=retained)


def state(live: Live, word: str, boot: str, number: int) -> bool | None:
    say(live, "state", {"state": word, "boot_id": boot, "conn_no": number})
    return only(live).online


def only(live: Live) -> Station:
    (station,) = live.snapshot()
    return station


def test_a_will_of_an_earlier_connection_is_ignored() -> None:
    live = Live()
    assert state(live, "online", "b", 2) is True
    assert state(live, "offline", "b", 1) is True
    assert state(live, "offline", "b", 2) is False
    assert state(live, "online", "b", 3) is True


def test_a_will_of_an_earlier_boot_is_ignored() -> None:
    live = Live()
    assert state(live, "online", "old", 9) is True
    assert state(live, "online", "new", 1) is True
    assert state(live, "offline", "old", 9) is True
    assert state(live, "offline", "new", 1) is False


def test_a_retained_word_has_no_age() -> None:
    live = Live(clock=lambda: 100.0)
    say(live, "state", {"state": "online", "boot_id": "b", "conn_no": 1}, retained=True)
    assert only(live).heard_at == float("-inf")
    say(live, "state", {"state": "online", "boot_id": "b", "conn_no": 1})
    assert only(live).heard_at == 100.0


def bay(name: str, word: str = "erasing", job: str | None = "j") -> dict[str, object]:
    return {"bay": name, "state": word, "drive": None, "job": job, "rev": 1, "ts": ""}


def test_progress_belongs_to_its_job_and_grows_old() -> None:
    now = [0.0]
    live = Live(clock=lambda: now[0])
    say(live, "bay/1/state", bay("1"))
    progress = {"bay": "1", "job": "j", "phase": "p", "bytes_done": 5, "bytes_total": 10, "mb_per_s": 1.0}
    say(live, "bay/1/progress", progress)
    assert only(live).bays["1"].moving(now[0])
    say(live, "bay/1/state", bay("1", "verifying"))
    assert only(live).bays["1"].done == 5, "the same job goes on"
    assert not only(live).bays["1"].moving(31.0)
    say(live, "bay/1/state", bay("1", "erasing", "another"))
    assert only(live).bays["1"].total == 0
    say(live, "bay/1/progress", {**progress, "bytes_done": 11})
    assert only(live).bays["1"].total == 0, "more than all is nonsense"


def test_a_bay_that_the_station_no_longer_has_goes_with_its_birth() -> None:
    live = Live()
    for name in ("1", "2"):
        say(live, f"bay/{name}/state", bay(name))
    birth = {"software": {}, "bays": ["1"], "capabilities": [], "policy_hash": "", "clock": {}, "outbox_depth": 0}
    say(live, "birth", {**birth, "key": {}, "boot_id": "b", "ts": ""})
    assert list(only(live).bays) == ["1"]


def test_memory_is_bounded_against_a_hostile_station() -> None:
    live = Live()
    alarm = {"severity": "warning", "code": "c" * 9000, "text": "t" * 5000, "since": ""}
    for i in range(300):
        say(live, f"bay/{i}/state", bay(str(i), "s" * 10_000))
        say(live, f"alarm/{i}", alarm)
    station = only(live)
    assert len(station.bays) == MOST_BAYS
    assert len(station.alarms) == MOST_ALARMS
    assert len(station.bays["0"].state) <= 40
    assert len(station.alarms["0"].text) <= 300
    for i in range(MOST_STATIONS + 50):
        say(live, "state", {"state": "online", "boot_id": "b", "conn_no": 1}, f"s{i}")
    assert len(live.snapshot()) == MOST_STATIONS


@pytest.mark.parametrize("payload", [b"", b"\xff", b"[]", b"{}", b"x" * 100_000, b"[" * 15_000, b'{"state":"online"}'])
@pytest.mark.parametrize("suffix", ["state", "birth", "bay/1/state", "bay/1/progress", "bay//state", "alarm/a", "x/y"])
def test_nonsense_leaves_no_trace(suffix: str, payload: bytes) -> None:
    live = Live()
    live.read(f"er/1/bench-01/{suffix}", payload)
    live.read(f"er/1/$collector/{suffix}", payload)
    live.read(suffix, payload)
    assert [s for s in live.snapshot() if s.bays or s.alarms or s.birth or s.online is not None] == []


def born(clock: dict[str, object], ts: str) -> dict[str, object]:
    told = {"software": {}, "bays": [], "capabilities": [], "policy_hash": "", "clock": clock, "outbox_depth": 3}
    return {**told, "key": {}, "boot_id": "b", "ts": ts}


def test_who_counts_as_online_and_says_nothing_is_silent() -> None:
    moment = [0.0]
    live = Live(clock=lambda: moment[0])
    say(live, "state", {"state": "online", "boot_id": "b", "conn_no": 1}, retained=True)
    assert not only(live).silent(SILENT_S), "it is given the time to say something"
    assert only(live).silent(SILENT_S + 1)
    moment[0] = SILENT_S
    say(live, "birth", born({}, ""))
    assert not only(live).silent(2 * SILENT_S)
    assert only(live).silent(2 * SILENT_S + 1)
    assert state(live, "offline", "b", 1) is False
    assert not only(live).silent(10 * SILENT_S), "who is away is not called silent"


@pytest.mark.parametrize(
    ("clock", "ahead_s", "shown"),
    [
        ({"synchronised": True}, 0, "set"), ({"synchronised": False}, 0, "unset"), ({}, 0, "unset"),
        ({"synchronised": "yes"}, 0, "unset"), ({"synchronised": True}, 3600, "off"),
        ({"synchronised": True}, -86400, "off"), ({"synchronised": True}, None, "set"),
    ],
)  # fmt: skip
def test_a_clock_is_judged_by_its_word_and_by_ours(clock: dict[str, object], ahead_s: float | None, shown: str) -> None:
    live = Live()
    ts = "nonsense" if ahead_s is None else text(now() + timedelta(seconds=ahead_s))
    say(live, "birth", born(clock, ts))
    assert pages._clock(clock, only(live).clock_off_s) == words.CLOCKS[shown]
    kept = Live()
    say(kept, "birth", born(clock, ts), retained=True)
    assert only(kept).clock_off_s is None, "a retained word is of any age"
