"""The uplink against a real mosquitto and a collector that knows the contract alone."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.errors import KeyProblem
from agent.jobs.ledger import Ledger
from agent.messages import Event
from agent.uplink import courier
from tests.agent.mosquitto import Mosquitto, free_port, passwords, wait_until
from tests.agent.uplink.fake_collector import stored
from tests.agent.uplink.uplink_bench import ALARM, QUICK, STATION, Bench, bay_state, progress
from tests.patience import SOON_S

ROOT = f"er/1/{STATION}"
PROTOCOLS = pytest.mark.parametrize("protocol", ["5", "3.1.1"])


@pytest.mark.parametrize(("protocol", "count"), [("5", 500), ("3.1.1", 100)])
def test_500_certificates_arrive_exactly_once_and_the_outbox_ends_empty(
    bench: Bench, protocol: str, count: int
) -> None:
    collector = bench.collector()
    issued = bench.issue(count)
    uplink = bench.uplink(protocol=protocol)
    bench.wait_empty()
    assert collector.certificates == {c.id: c.compact for c in issued}
    wait_until(lambda: uplink.status.outbox_depth == 0, "the status says so")
    assert uplink.status.last_receipt_at is not None


@PROTOCOLS
def test_a_broker_killed_with_acknowledged_messages_loses_none(bench: Bench, broker: Mosquitto, protocol: str) -> None:
    issued = bench.issue(60)
    # No collector: what the broker acknowledges now dies with it. It says "no subscribers" in 5, and success in 3.1.1.
    uplink = bench.uplink(protocol=protocol)
    wait_until(lambda: broker.log().count(f"Sending PUBACK to {STATION}") > 16, "uploads were acknowledged")
    broker.kill()
    wait_until(lambda: not uplink.status.connected, "the station noticed")
    broker.start()
    collector = bench.collector()
    bench.wait_empty()
    assert collector.certificates == {c.id: c.compact for c in issued}


def test_a_broker_killed_again_and_again_loses_none(bench: Bench, broker: Mosquitto) -> None:
    collector = bench.collector(answer=stored)
    issued = bench.issue(120)
    uplink = bench.uplink()
    for part in (20, 40, 60):
        wait_until(lambda part=part: len(collector.certificates) >= part, f"{part} arrived")  # type: ignore[misc]
        broker.kill()
        broker.start()
    bench.wait_empty()
    assert collector.certificates == {c.id: c.compact for c in issued}
    assert uplink.status.connected


def test_certificates_made_while_the_broker_is_away_wait_for_it(bench: Bench, broker: Mosquitto) -> None:
    uplink = bench.uplink()
    wait_until(lambda: uplink.status.connected, "connected")
    broker.kill()
    issued = bench.issue(5)
    uplink.wake()
    wait_until(lambda: not uplink.status.connected and uplink.status.last_error, "the status names the trouble")
    broker.start()
    collector = bench.collector()
    bench.wait_empty()
    assert set(collector.certificates) == {c.id for c in issued}
    assert uplink.status.last_error == ""


def test_a_certificate_of_another_process_is_found_without_a_wake(bench: Bench) -> None:
    collector = bench.collector()
    uplink = bench.uplink()
    wait_until(lambda: uplink.status.connected, "connected")
    (certificate,) = bench.issue(1)
    bench.wait_empty()
    assert set(collector.certificates) == {certificate.id}


def test_a_missing_receipt_makes_the_station_send_again_until_one_comes(bench: Bench) -> None:
    collector = bench.collector(answer=lambda _, times: None if times < 3 else "stored")
    (certificate,) = bench.issue(1)
    bench.uplink()
    bench.wait_empty()
    assert collector.arrivals[certificate.id] == 3


def test_a_receipt_that_comes_late_still_counts(bench: Bench) -> None:
    collector = bench.collector(answer=lambda *_: None)
    (certificate,) = bench.issue(1)
    bench.uplink()
    wait_until(lambda: collector.arrivals[certificate.id] >= 2, "sent twice")
    assert bench.ledger.outbox.depth() == 1
    collector.receipt(STATION, certificate.id, b'{"result":"stored","reason":"","stored_at":"x","sig":"","more":1}')
    bench.wait_empty()


def test_a_duplicate_receipt_clears_the_outbox_too(bench: Bench) -> None:
    bench.collector(answer=lambda *_: "duplicate")
    bench.issue(3)
    bench.uplink()
    bench.wait_empty()


def test_a_rejected_certificate_is_kept_reported_once_and_not_sent_again(bench: Bench) -> None:
    bad = bench.issue(1)[0].id
    good = bench.issue(3)
    collector = bench.collector(answer=lambda id_, times: "rejected" if id_ == bad else stored(id_, times))
    bench.uplink()
    bench.wait_empty()
    wait_until(lambda: bench.rejected, "reported")
    collector.receipt(STATION, bad, b'{"result":"rejected","reason":"again"}')
    time.sleep(3 * QUICK.receipt_s)  # long enough for another attempt to have been made
    assert bench.rejected == [(bad, "by order of the test")]
    assert collector.arrivals[bad] == 1
    assert set(collector.certificates) == {c.id for c in good}
    assert bench.ledger.outbox.quarantined() == [(bad, "by order of the test")]


def test_after_a_restart_a_rejected_certificate_is_reported_again(bench: Bench) -> None:
    (certificate,) = bench.issue(1)
    bench.ledger.outbox.quarantine(certificate.id, "unknown key")
    bench.uplink()
    wait_until(lambda: bench.rejected == [(certificate.id, "unknown key")], "reported")


def test_rows_that_nobody_answers_do_not_stop_the_others(bench: Bench) -> None:
    silent = {c.id for c in bench.issue(20)}
    rest = {c.id for c in bench.issue(20)}
    collector = bench.collector(answer=lambda id_, times: None if id_ in silent else stored(id_, times))
    bench.uplink()
    wait_until(lambda: rest <= set(collector.arrivals), "the rest arrived")
    wait_until(lambda: bench.ledger.outbox.depth() == len(silent), "the rest is done")


def test_never_more_than_sixteen_uploads_wait_for_an_answer(bench: Bench) -> None:
    collector = bench.collector(answer=lambda *_: None)
    bench.issue(60)
    slow = type(QUICK)(receipt_s=30.0, reconnect_s=0.05)
    bench.uplink(pace=slow)
    wait_until(lambda: len(collector.arrivals) >= 16, "sixteen arrived")
    time.sleep(0.5)  # long enough for a seventeenth
    assert len(collector.arrivals) == 16


@pytest.mark.parametrize(
    ("certificate", "payload"),
    [
        ("a" * 64, b'{"result":"stored"}'),
        ("A" * 64, b'{"result":"stored"}'),
        ("short", b'{"result":"stored"}'),
        ("b" * 64, b'{"result":"lost"}'),
        ("b" * 64, b"\xff\xfe"),
        ("b" * 64, b""),
        ("b" * 64, b"[" * 60_000),
    ],
)
def test_unknown_and_malformed_receipts_change_nothing(
    bench: Bench, caplog: pytest.LogCaptureFixture, certificate: str, payload: bytes
) -> None:
    caplog.set_level(logging.INFO, "benchwipe.uplink")
    collector = bench.collector()
    uplink = bench.uplink()
    wait_until(lambda: collector.last(f"{ROOT}/birth"), "connected, and subscribed before it")
    collector.receipt(STATION, certificate, payload)
    wait_until(lambda: "ignored a" in caplog.text, "a log line says that it was ignored")
    issued = bench.issue(1)
    uplink.wake()
    bench.wait_empty()
    assert set(collector.certificates) == {c.id for c in issued}


def test_a_malformed_receipt_for_a_waiting_certificate_leaves_it_in_the_outbox(bench: Bench) -> None:
    collector = bench.collector(answer=lambda *_: None)
    (certificate,) = bench.issue(1)
    bench.uplink()
    wait_until(lambda: collector.arrivals[certificate.id], "arrived")
    for payload in (b"", b"{}", b'{"result":"Stored"}', b'"stored"', b'{"result":["stored"]}'):
        collector.receipt(STATION, certificate.id, payload)
    wait_until(lambda: collector.arrivals[certificate.id] >= 2, "sent again")
    assert bench.ledger.outbox.depth() == 1


@PROTOCOLS
def test_a_denied_upload_stays_and_goes_when_it_is_allowed(
    bench: Bench, broker: Mosquitto, caplog: pytest.LogCaptureFixture, protocol: str
) -> None:
    rules = ("user collector", "topic readwrite er/1/#", "user bench", f"topic read {ROOT}/receipt/+")
    shown = tuple(f"topic readwrite {ROOT}/{kind}/#" for kind in ("state", "birth", "alarm", "bay"))
    broker.kill()
    broker.allow(*rules, *shown)
    broker.start()
    collector = bench.collector(username="collector")
    issued = bench.issue(30)
    uplink = bench.uplink(protocol=protocol, username="bench")
    alarm = f"{ROOT}/alarm/uplink-denied-cert"
    if protocol == "5":
        wait_until(lambda: collector.last(alarm) is not None, "one alarm")
        assert collector.last(alarm)["code"] == "BW-U01"
        assert "cert" in uplink.status.last_error
    wait_until(lambda: broker.log().count("Denied PUBLISH") > 40, "tried more than once")
    assert bench.ledger.outbox.depth() == 30
    assert len(collector.seen.get(alarm, [])) == (protocol == "5")
    assert caplog.text.count("alarm raised") == (protocol == "5")
    broker.allow(*rules, *shown, f"topic readwrite {ROOT}/cert/+")
    bench.wait_empty()
    assert set(collector.certificates) == {c.id for c in issued}
    wait_until(lambda: collector.last(alarm) is None, "the alarm is cleared")


def test_an_upload_that_nobody_listens_to_is_not_delivered(bench: Bench) -> None:
    bench.issue(2)
    uplink = bench.uplink()
    wait_until(lambda: "nobody takes cert" in uplink.status.last_error, "the status says so")
    assert bench.ledger.outbox.depth() == 2
    collector = bench.collector()
    bench.wait_empty()
    assert len(collector.certificates) == 2
    wait_until(lambda: uplink.status.last_error == "", "all is well again")


def test_a_collector_that_comes_online_is_served_at_once(bench: Bench) -> None:
    patient = type(QUICK)(receipt_s=3.0, receipt_longest_s=600.0, reconnect_s=0.05)
    collector = bench.collector(answer=lambda _, times: None if times < 2 else "stored")
    (certificate,) = bench.issue(1)
    bench.uplink(pace=patient)
    wait_until(lambda: collector.arrivals[certificate.id] == 1, "sent once")
    collector.presence("one", online=True)
    collector.presence("two", online=False)
    bench.wait_empty()
    assert collector.arrivals[certificate.id] == 2


def test_an_event_goes_with_the_brokers_acknowledgement(bench: Bench) -> None:
    collector = bench.collector()
    for number in range(3):
        bench.ledger.add_event("boot-1", lambda seq, number=number: event(seq, f"event {number}"))  # type: ignore[misc]
    bench.uplink()
    bench.wait_empty()
    wait_until(lambda: len(collector.seen.get(f"{ROOT}/event", [])) == 3, "arrived")
    assert [json.loads(p)["seq"] for p in collector.seen[f"{ROOT}/event"]] == [1, 2, 3]


def test_an_event_waits_while_nobody_listens_at_all(bench: Bench) -> None:
    bench.ledger.add_event("boot-1", lambda seq: event(seq, "alone"))
    uplink = bench.uplink()
    wait_until(lambda: "nobody takes event" in uplink.status.last_error, "the status says so")
    time.sleep(2 * QUICK.receipt_s)  # a second attempt
    assert bench.ledger.outbox.depth() == 1
    bench.collector()
    bench.wait_empty()


def test_events_that_no_collector_wants_do_not_stay_for_ever(bench: Bench) -> None:
    collector = bench.collector(topics=("er/1/+/cert/+",))
    bench.ledger.add_event("boot-1", lambda seq: event(seq, "unwanted"))
    bench.issue(1)
    bench.uplink()
    bench.wait_empty()
    assert len(collector.certificates) == 1


def event(seq: int, text: str) -> bytes:
    """An event as the engine makes one."""
    import msgspec

    return msgspec.json.encode(
        Event(boot_id="boot-1", seq=seq, event=text, mono_ms=1, ts="2026-11-22T20:00:00Z", clock={})
    )


@PROTOCOLS
def test_what_the_station_shows_stands_retained_at_the_broker(bench: Bench, protocol: str) -> None:
    uplink = bench.uplink(protocol=protocol, start=False)
    uplink.bay_state(bay_state(1, "idle"))
    uplink.bay_state(bay_state(2, "erasing"))
    uplink.alarm("printer/one", ALARM)
    uplink.start()
    wait_until(lambda: uplink.status.connected, "connected")
    collector = bench.collector()
    wait_until(lambda: collector.last(f"{ROOT}/bay/A1/state"), "the bay")
    wait_until(lambda: collector.last(f"{ROOT}/alarm/printer-one"), "the alarm")
    assert collector.last(f"{ROOT}/bay/A1/state")["rev"] == 2
    assert collector.last(f"{ROOT}/birth")["bays"] == ["A1"]
    assert collector.last(f"{ROOT}/state") == {"state": "online", "boot_id": "boot-1", "conn_no": 1}
    uplink.alarm("printer/one", None)
    wait_until(lambda: collector.seen[f"{ROOT}/alarm/printer-one"][-1:] == [b""], "cleared with an empty payload")


def test_a_restarted_broker_hears_everything_again(bench: Bench, broker: Mosquitto) -> None:
    uplink = bench.uplink()
    uplink.bay_state(bay_state(1))
    uplink.alarm("a", ALARM)
    wait_until(lambda: uplink.status.connected, "connected")
    broker.kill()
    wait_until(lambda: not uplink.status.connected, "noticed")
    uplink.alarm("a", None)
    broker.start()
    collector = bench.collector()
    wait_until(lambda: collector.last(f"{ROOT}/bay/A1/state"), "the bay")
    wait_until(lambda: collector.last(f"{ROOT}/state"), "the state")
    assert collector.last(f"{ROOT}/alarm/a") is None
    assert collector.last(f"{ROOT}/state")["conn_no"] >= 2


def test_an_alarm_of_an_earlier_run_is_cleared(bench: Bench) -> None:
    first = bench.uplink()
    first.alarm("gone", ALARM)
    collector = bench.collector()
    wait_until(lambda: collector.last(f"{ROOT}/alarm/gone"), "raised")
    first.stop(2.0)
    second = bench.uplink(start=False)
    second.alarm("kept", ALARM)
    second.start()
    wait_until(lambda: collector.last(f"{ROOT}/alarm/gone") is None, "cleared")
    assert collector.last(f"{ROOT}/alarm/kept") is not None


def test_progress_is_seldom_the_latest_and_not_retained(bench: Bench) -> None:
    collector = bench.collector()
    uplink = bench.uplink()
    wait_until(lambda: uplink.status.connected, "connected")
    topic, begun = f"{ROOT}/bay/A1/progress", time.monotonic()
    for done in range(1000):
        uplink.progress(progress(done))
        time.sleep(0.001)
    wait_until(lambda: collector.last(topic) and collector.last(topic)["bytes_done"] == 999, "the latest")
    most = (time.monotonic() - begun) / QUICK.progress_s + 2
    assert 2 <= len(collector.seen[topic]) <= most
    late = bench.collector()
    assert topic not in late.seen


def test_the_last_will_says_offline_when_the_process_is_killed(bench: Bench) -> None:
    collector = bench.collector()
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(bench.state_dir), str(bench.port)])
    try:
        wait_until(lambda: ("online", 1) in collector.states(STATION), "online")
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    wait_until(lambda: collector.state(STATION) == ("offline", 1), "offline, of the same connection")
    bench.uplink()
    wait_until(lambda: collector.state(STATION) == ("online", 2), "a later one is told apart")


CHILD = """
import sys, time
from pathlib import Path
from tests.agent.uplink.uplink_bench import Bench
bench = Bench(Path(sys.argv[1]), int(sys.argv[2]))
bench.uplink()
time.sleep(60)
"""


@PROTOCOLS
def test_a_clean_stop_says_offline_and_leaves_the_will_unused(bench: Bench, broker: Mosquitto, protocol: str) -> None:
    collector = bench.collector()
    uplink = bench.uplink(protocol=protocol)
    wait_until(lambda: collector.state(STATION) == ("online", 1), "online")
    begun = time.monotonic()
    uplink.stop(SOON_S)
    assert time.monotonic() - begun < SOON_S / 2
    wait_until(lambda: collector.state(STATION) == ("offline", 1), "offline")
    wait_until(lambda: f"Received DISCONNECT from {STATION}" in broker.log(), "the broker was told")
    assert collector.states(STATION) == [("online", 1), ("offline", 1)]
    assert not uplink.status.connected


def test_a_stop_is_bounded_while_the_broker_hangs(bench: Bench, broker: Mosquitto) -> None:
    uplink = bench.uplink()
    wait_until(lambda: uplink.status.connected, "connected")
    broker.hang()
    begun = time.monotonic()
    uplink.stop(1.0)
    taken = time.monotonic() - begun
    broker.go_on()
    assert taken < SOON_S / 2  # the broker would have hung on
    collector = bench.collector()
    wait_until(lambda: collector.state(STATION) == ("offline", 1), "the will says it instead")


def test_a_stop_is_bounded_while_connecting_to_a_hung_broker(bench: Bench, broker: Mosquitto) -> None:
    broker.hang()
    uplink = bench.uplink()
    time.sleep(0.2)  # well inside the connect, which takes 3 s to give up
    begun = time.monotonic()
    uplink.stop(1.0)
    assert time.monotonic() - begun < SOON_S / 2
    broker.go_on()


def test_a_broker_that_hangs_is_given_up_and_reached_again(bench: Bench, broker: Mosquitto) -> None:
    collector = bench.collector()
    uplink = bench.uplink(keepalive_s=1)
    wait_until(lambda: uplink.status.connected, "connected")
    issued = bench.issue(5)
    broker.hang()
    uplink.wake()
    wait_until(lambda: not uplink.status.connected, "given up")
    broker.go_on()
    bench.wait_empty()
    assert set(collector.certificates) == {c.id for c in issued}


def test_an_idle_connection_is_not_given_up(bench: Bench, broker: Mosquitto) -> None:
    uplink = bench.uplink(keepalive_s=1)
    wait_until(lambda: uplink.status.connected, "connected")
    wait_until(lambda: broker.log().count(f"Received PINGREQ from {STATION}") >= 4, "4 s of silence but for pings")
    assert broker.log().count(f"as {STATION} ") == 1
    assert uplink.status.connected


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_network_thread_is_replaced(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    uplink = bench.uplink(keepalive_s=1)
    wait_until(lambda: uplink.status.connected, "connected")
    collector = bench.collector()
    wait_until(lambda: collector.last(f"{ROOT}/birth"), "connected, and subscribed before it")
    client = uplink._courier._connection._client  # type: ignore[union-attr]

    def dies(*_: object) -> None:
        raise SystemExit  # as any exception in a callback, it ends paho's thread without a word

    client.on_message = dies
    (certificate,) = bench.issue(1)
    collector.receipt(STATION, certificate.id, b'{"result":"duplicate"}')
    wait_until(lambda: "network thread died" in caplog.text, "noticed")
    uplink.wake()
    bench.wait_empty()
    assert set(collector.certificates) <= {certificate.id}


def test_a_day_without_a_broker_is_a_few_lines_and_no_ledger_writes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path / "state", free_port())
    uplink = bench.uplink()
    wait_until(lambda: uplink._courier._attempts > 12, "a dozen attempts")
    bench.close()
    assert caplog.text.count("no connection to") == 1
    assert bench_number(bench) <= 2


def bench_number(bench: Bench) -> int:
    """The connection number that the next connection gets."""
    ledger = Ledger(bench.state_dir)
    try:
        return ledger.outbox.next_connection()
    finally:
        ledger.close()


def test_a_password_that_others_can_read_stops_the_start_and_is_never_shown(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    secret = bench.state_dir / "mqtt.password"
    secret.write_text("geheim-1234\n")
    secret.chmod(0o644)
    with pytest.raises(KeyProblem, match=r"mqtt\.password: .*open to others .*chmod 600"):
        bench.uplink(username="bench", password_file="mqtt.password")
    secret.chmod(0o600)
    uplink = bench.uplink(username="bench", password_file="mqtt.password")
    wait_until(lambda: uplink.status.connected, "connected")
    assert "geheim" not in caplog.text + repr(uplink.status)


def test_a_broker_that_wants_a_password_gets_it(tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    folder.mkdir()
    users = folder / "users"
    passwords(users, bench="geheim")
    broker = Mosquitto(folder, extra=f"password_file {users}\n")
    broker.start()
    bench = Bench(tmp_path / "state", broker.port)
    try:
        for name, text in (("wrong", "falsch"), ("right", "geheim\n")):
            path = bench.state_dir / name
            path.touch(0o600)
            path.write_text(text)
        wrong = bench.uplink(username="bench", password_file="wrong")
        wait_until(lambda: "Not authorized" in wrong.status.last_error, "refused")
        assert not wrong.status.connected
        wrong.stop(1.0)
        right = bench.uplink(username="bench", password_file="right")
        wait_until(lambda: right.status.connected, "connected")
    finally:
        bench.close()
        broker.kill()


def test_a_defect_in_a_callback_does_not_end_the_courier(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bad = bench.issue(1)[0].id
    calls: list[str] = []

    def breaks(row: str, _reason: str) -> None:
        calls.append(row)
        if len(calls) == 1:
            raise ValueError("a defect of ours")

    bench.report = breaks
    collector = bench.collector(answer=lambda id_, times: "rejected" if id_ == bad else stored(id_, times))
    uplink = bench.uplink()
    wait_until(lambda: len(calls) == 2, "reported again after the defect")
    assert "starts anew" in caplog.text
    issued = bench.issue(2)
    uplink.wake()
    bench.wait_empty()
    assert set(collector.certificates) == {c.id for c in issued}


def test_no_thread_and_no_descriptor_is_left_behind_by_reconnects(bench: Bench, broker: Mosquitto) -> None:
    uplink = bench.uplink()
    wait_until(lambda: uplink.status.connected, "connected")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        broker.kill()
        wait_until(lambda: not uplink.status.connected, "noticed")
        broker.start()
        wait_until(lambda: uplink.status.connected, "connected again")
    wait_until(lambda: len(os.listdir("/proc/self/fd")) <= before + 2, "descriptors are closed")


def test_a_station_says_again_and_again_who_it_is_and_what_waits_in_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "INTRODUCE_S", 0.2)
    collector = bench.collector()
    bench.uplink()
    wait_until(lambda: len(collector.seen.get(f"{ROOT}/birth", [])) >= 3, "it said so three times")
