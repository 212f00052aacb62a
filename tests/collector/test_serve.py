"""The whole collector as a process, with a real mosquitto: delivered exactly once, whatever is killed."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from paho.mqtt.enums import MQTTProtocolVersion

from agent.certificates.certificate import sign
from tests.collector.conftest import (
    Broker,
    Collector,
    PostgresServer,
    StationClient,
    chain_of,
    free_port,
    record,
    wait_for,
)
from tests.patience import PROGRAM_S

EVENT_PAYLOAD = {"boot_id": "b", "seq": 1, "event": "started", "mono_ms": 1, "ts": "", "clock": {}}


@pytest.fixture
def two(tmp_path: Path, broker: Broker) -> Iterator[tuple[Collector, Collector]]:
    """Two collectors over one database."""
    first = Collector(tmp_path, broker.port, name="c1")
    pair = first, Collector(tmp_path, broker.port, name="c2")
    try:
        yield pair[0].start(), pair[1].start()
    finally:
        for one in pair:
            one.kill()


def result(station: StationClient, name: str) -> str:
    return station.wait(name)[-1].result


def test_a_certificate_is_stored_and_its_receipt_says_so(
    collector: Collector, station: StationClient, key: Ed25519PrivateKey
) -> None:
    collector.enrol("bench-01", key)
    certificates = chain_of(key, 30)
    for one in certificates:
        station.deliver(one)
    assert {result(station, c.id) for c in certificates} == {"stored"}
    assert collector.ids() == {c.id for c in certificates}
    station.deliver(certificates[0])
    assert [r.result for r in station.wait(certificates[0].id, 2)] == ["stored", "duplicate"]
    joined = "intake_certificate c JOIN intake_certificatebytes b ON b.id = c.id"
    rows = collector.rows(f"SELECT c.id, b.compact, c.chain FROM {joined}")
    assert {row[0]: row[1] for row in rows} == {c.id: c.compact for c in certificates}
    assert {row[2] for row in rows} == {"ok"}


def test_a_station_enrolled_while_the_collector_runs_is_believed_at_once(
    collector: Collector, station: StationClient, key: Ed25519PrivateKey
) -> None:
    (one,) = chain_of(key, 1)
    station.deliver(one)
    receipt = station.wait(one.id)[0]
    assert (receipt.result, receipt.reason) == ("rejected", "station bench-01 is not enrolled")
    assert "is not enrolled" in collector.page("/quarantine").text
    collector.enrol("bench-01", key)
    station.deliver(one)
    assert station.wait(one.id, 2)[-1].result == "stored"
    assert "is not enrolled" not in collector.page("/quarantine").text


def test_a_rotated_key_is_accepted_beside_the_old_one_and_a_revoked_one_is_not(
    collector: Collector, station: StationClient, key: Ed25519PrivateKey
) -> None:
    new = Ed25519PrivateKey.generate()
    collector.enrol("bench-01", key)
    collector.enrol("bench-01", new)
    old_one, new_one = sign(record(), key), sign(record(2, "0" * 64), new)
    station.deliver(old_one)
    station.deliver(new_one)
    assert (result(station, old_one.id), result(station, new_one.id)) == ("stored", "stored")
    collector.command("station", "revoke", "bench-01")
    late = sign(record(3, new_one.id), new)
    station.deliver(late)
    assert result(station, late.id) == "rejected"


def test_no_payload_stops_it(collector: Collector, station: StationClient, key: Ed25519PrivateKey) -> None:
    collector.enrol("bench-01", key)
    garbage = [b"", b"\x00\xff", b"x" * 70_000, b"a.b.c", "ø".encode("latin-1"), b"{" * 60_000]
    for i, payload in enumerate(garbage):
        station.publish(f"cert/garbage-{i}", payload, retain=True)
        for suffix in ("state", "birth", "bay/1/state", "bay/1/progress", "alarm/x", "event"):
            station.publish(suffix, payload)
    for i, payload in enumerate(garbage):
        if payload:
            assert result(station, f"garbage-{i}") == "rejected"
    (one,) = chain_of(key, 1)
    station.deliver(one)
    assert result(station, one.id) == "stored"
    assert collector.is_healthy()
    assert "Traceback" not in collector.log


def test_a_broker_killed_and_started_again_loses_nothing(
    collector: Collector, broker: Broker, station: StationClient, key: Ed25519PrivateKey
) -> None:
    collector.enrol("bench-01", key)
    first, second = chain_of(key, 2)
    station.deliver(first)
    station.wait(first.id)
    broker.kill()
    wait_for(lambda: not collector.is_healthy(), what="/healthz tells")
    broker.start()
    station.until_receipt(second)
    assert collector.ids() == {first.id, second.id}


def test_a_collector_killed_in_the_middle_of_a_flood_ends_with_each_certificate_once(
    collector: Collector, station: StationClient, key: Ed25519PrivateKey
) -> None:
    collector.enrol("bench-01", key)
    certificates = chain_of(key, 300)
    for one in certificates:
        station.deliver(one)
    wait_for(lambda: station.receipts, what="the first receipts")
    collector.kill()
    collector.start()
    promised = {i for i, receipts in station.receipts.items() if receipts}
    assert promised <= collector.ids(), "a receipt was sent before its COMMIT"
    for one in certificates:
        if one.id not in station.receipts:
            station.deliver(one)
    for one in certificates:
        station.wait(one.id)
    assert collector.ids() == {c.id for c in certificates}


def test_two_collectors_keep_one_copy_and_one_that_is_killed_is_not_missed(
    two: tuple[Collector, Collector], station: StationClient, key: Ed25519PrivateKey
) -> None:
    one, other = two
    one.enrol("bench-01", key)
    certificates = chain_of(key, 80)
    for c in certificates[:40]:
        station.deliver(c)
    for c in certificates[:40]:
        told = sorted(r.result for r in station.wait(c.id, 2))
        assert told == ["duplicate", "stored"], "each certificate goes to both, and is stored once"
    other.kill()
    for c in certificates[40:]:
        station.deliver(c)
    for c in certificates[40:]:
        if c.id not in station.receipts:
            station.until_receipt(c)
    assert one.ids() == {c.id for c in certificates}
    rows = len(one.page("/api/v1/certificates?chain=ok&per_page=200").json()["certificates"])
    assert rows == 80


def test_without_mqtt_5_all_is_the_same(
    tmp_path: Path, broker: Broker, station: StationClient, key: Ed25519PrivateKey
) -> None:
    collector = Collector(tmp_path, broker.port, protocol="3.1.1")
    try:
        collector.start().enrol("bench-01", key)
        certificates = chain_of(key, 20)
        for c in certificates:
            station.deliver(c)
        assert {result(station, c.id) for c in certificates} == {"stored"}
        assert collector.ids() == {c.id for c in certificates}
    finally:
        collector.kill()


def test_presence_is_online_then_offline_and_sigterm_ends_it(collector: Collector, station: StationClient) -> None:
    wait_for(lambda: any(b'"online":true' in p for p in station.presence))
    assert collector.terminate() == 0
    wait_for(lambda: b'"online":false' in station.presence[-1])


def test_the_last_will_says_offline_when_it_is_killed(collector: Collector, station: StationClient) -> None:
    wait_for(lambda: station.presence)
    collector.kill()
    wait_for(lambda: b'"online":false' in station.presence[-1])


def test_it_starts_without_a_broker_and_finds_it_later(tmp_path: Path, key: Ed25519PrivateKey, broker: Broker) -> None:
    broker.kill()
    collector = Collector(tmp_path, broker.port)
    try:
        collector.start(healthy=False)
        health = collector.get("/healthz")
        assert health.status_code == 503
        assert "cannot be reached" in collector.page("/").text
        assert collector.page("/").status_code == 200
        broker.start()
        wait_for(collector.is_healthy)
        assert collector.terminate() == 0
    finally:
        collector.kill()


def test_events_are_stored_and_bays_appear_on_the_page(collector: Collector, station: StationClient) -> None:
    station.publish("state", b'{"state":"online","boot_id":"b","conn_no":3}', retain=True)
    station.publish("bay/1/state", b'{"bay":"1","state":"erasing","drive":null,"job":"j","rev":1,"ts":""}', retain=True)
    for _ in range(2):
        station.publish("event", msgspec.json.encode(EVENT_PAYLOAD))
    wait_for(lambda: collector.page("/api/v1/stations").json()["stations"][0]["bays"])
    wait_for(lambda: len(collector.rows("SELECT seq FROM intake_event")) == 1)
    station.publish("state", b'{"state":"offline","boot_id":"b","conn_no":2}', retain=True)
    station.publish("bay/2/state", b'{"bay":"2","state":"empty","drive":null,"job":null,"rev":1,"ts":""}', retain=True)
    wait_for(lambda: len(collector.page("/api/v1/stations").json()["stations"][0]["bays"]) == 2)
    assert collector.page("/api/v1/stations").json()["stations"][0]["state"] == "online", "a stale last will is ignored"


def test_a_database_that_goes_away_gives_no_receipt_and_comes_back(
    tmp_path: Path, broker: Broker, station: StationClient, key: Ed25519PrivateKey, own_postgres: PostgresServer
) -> None:
    own_postgres.stop()
    collector = Collector(tmp_path, broker.port, database=own_postgres.url)
    try:
        collector.start(healthy=False)
        assert collector.get("/healthz/web").status_code == 503
        assert collector.get("/certificates").status_code in (302, 503)
        own_postgres.start()
        wait_for(collector.is_healthy, PROGRAM_S)
        collector.enrol("bench-01", key)
        first, second = chain_of(key, 2)
        station.deliver(first)
        station.wait(first.id)
        own_postgres.stop()
        station.deliver(second)
        wait_for(lambda: "the database does not take it" in collector.log)
        assert second.id not in station.receipts
        own_postgres.start()
        assert station.wait(second.id, seconds=40)[0].result == "stored"
        assert collector.ids() == {first.id, second.id}
    finally:
        collector.kill()


def test_a_full_disk_gives_no_receipt_until_there_is_room(
    tmp_path: Path, broker: Broker, station: StationClient, key: Ed25519PrivateKey, small_disk: Path
) -> None:
    collector = Collector(tmp_path, broker.port, database=f"sqlite:///{small_disk}/collector.db")
    try:
        collector.start().enrol("bench-01", key)
        ballast = small_disk / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(b"\0" * 4096):
                pass
        certificates = chain_of(key, 40)
        for c in certificates:
            station.deliver(c)
        wait_for(lambda: "the database does not take it: database or disk is full" in collector.log)
        missing = [c for c in certificates if c.id not in station.receipts]
        assert missing
        ballast.unlink()
        for c in certificates:
            assert station.wait(c.id, seconds=40)[0].result in ("stored", "duplicate")
        assert collector.ids() == {c.id for c in certificates}
    finally:
        collector.kill()


def test_a_broker_that_falls_silent_is_noticed_and_left(
    tmp_path: Path, broker: Broker, station: StationClient, key: Ed25519PrivateKey
) -> None:
    collector = Collector(tmp_path, broker.port, keepalive_s=2)
    try:
        collector.start().enrol("bench-01", key)
        broker.pause()
        wait_for(lambda: not collector.is_healthy(), 20, "silence of two keepalives")
        broker.resume()
        wait_for(collector.is_healthy)
        (one,) = chain_of(key, 1)
        assert station.until_receipt(one)[0].result in ("stored", "duplicate")
    finally:
        broker.resume()
        collector.kill()


def test_the_embedded_broker_that_knows_no_mqtt_5_is_enough(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    port = free_port()
    settings = {"listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}}
    (tmp_path / "amqtt.json").write_bytes(msgspec.json.encode(settings))
    code = "import asyncio, json, sys; from amqtt.broker import Broker\n"
    code += (
        "async def main():\n b = Broker(json.load(open(sys.argv[1])))\n await b.start()\n await asyncio.sleep(600)\n"
    )
    code += "asyncio.run(main())"
    embedded = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "amqtt.json")], stderr=subprocess.DEVNULL)
    collector = Collector(tmp_path, port, protocol="3.1.1")
    try:
        collector.start().enrol("bench-01", key)
        station = StationClient(port, protocol=MQTTProtocolVersion.MQTTv311)
        certificates = chain_of(key, 20)
        for c in certificates:
            station.deliver(c)
        assert {result(station, c.id) for c in certificates} == {"stored"}
        station.close()
    finally:
        collector.kill()
        embedded.kill()
        embedded.wait()


DIES = """
import sys, time
from collector import boot, settings
boot.boot(settings.load(settings.Path(sys.argv[1])))
from {module} import {kind}
{kind}._run = lambda self: time.sleep(1)
from collector.cli import main
main(["serve", "--only", "{part}", "--config", sys.argv[1]])
"""


@pytest.mark.parametrize(
    ("part", "module", "kind"),
    [
        ("intake", "collector.intake.taking", "Intake"),
        ("intake", "collector.intake.link", "Link"),
        ("web", "collector.intake.link", "Link"),
        ("web", "collector.fleet.live", "Live"),
    ],
)
def test_a_process_whose_thread_is_gone_ends_with_a_status_that_is_restarted(
    tmp_path: Path, part: str, module: str, kind: str
) -> None:
    collector = Collector(tmp_path, free_port())
    collector.write()
    command = [sys.executable, "-c", DIES.format(module=module, kind=kind, part=part), str(collector.config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PROGRAM_S)
    assert done.returncode == 1, done.stderr
    assert f"thread {kind.lower()} is gone" in done.stderr
