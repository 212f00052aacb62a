"""Signed receipts, at a mosquitto that lets anybody publish anything; and statements, which wait for one too."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from agent.certificates import receipt
from agent.certificates.jws import thumbprint
from agent.messages import Receipt
from tests.agent.mosquitto import Mosquitto, wait_until
from tests.agent.uplink.fake_collector import FakeCollector, signed, stored
from tests.agent.uplink.uplink_bench import QUICK, STATION, Bench

KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
TRUSTED = {thumbprint(KEY.public_key()): KEY.public_key()}
WHEN = "2026-11-22T20:00:00Z"


def body(sig: str, result: str = "stored", stored_at: str = WHEN) -> bytes:
    return json.dumps({"result": result, "reason": "", "stored_at": stored_at, "sig": sig}).encode()


def forgeries(certificate: str) -> dict[str, bytes]:
    """Everything that somebody without the key, and with old receipts, can send for a certificate that waits."""
    good = signed(KEY, STATION, certificate, "stored")
    return {
        "unsigned": body(""),
        "unsigned, rejected": body("", "rejected"),
        "no JWS": body("a.b.c"),
        "a stranger's": body(signed(OTHER, STATION, certificate, "stored")),
        "of another station": body(signed(KEY, "bench-02", certificate, "stored")),
        "of another certificate": body(signed(KEY, STATION, "d" * 64, "stored")),
        "of another type": body(signed(KEY, STATION, certificate, "stored", typ="benchwipe-command+jws")),
        "replayed as rejected": body(good, "rejected"),
        "replayed as a duplicate": body(good, "duplicate"),
        "replayed with another moment": body(good, stored_at="2030-01-01T00:00:00Z"),
        "cut": body(good[:-2]),
        "a rejection as stored": body(signed(KEY, STATION, certificate, "rejected")),
    }


def test_nobody_without_the_collectors_key_takes_a_row_out_of_the_outbox(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.trusted = dict(TRUSTED)
    issued = {c.id: c.compact for c in bench.issue(2)} | bench.state(2)
    silent = bench.collector(answer=lambda *_: None)
    uplink = bench.uplink()
    wait_until(lambda: set(silent.arrivals) == set(issued), "all of it was sent")
    sent = [(name, payload) for name in issued for payload in forgeries(name).values()]
    for name, payload in sent:
        silent.receipt(STATION, name, payload)
    wait_until(lambda: uplink.status.receipts_ignored == len(sent), "each is counted")
    assert {row.id for row in bench.ledger.outbox.listed() if row.kind != "event"} == set(issued)
    assert bench.ledger.outbox.quarantined() == []
    assert bench.rejected == []
    assert "that no trusted collector gave" in caplog.text
    assert "no trusted collector" in uplink.status.last_error
    silent.close()
    collector = bench.collector(key=KEY)
    bench.wait_empty(30)
    assert collector.certificates == issued
    assert uplink.status.last_error == ""


@pytest.mark.parametrize("forgery", forgeries("a" * 64))
def test_each_forgery_is_told_apart(forgery: str) -> None:
    told = json.loads(forgeries("a" * 64)[forgery])
    assert receipt.doubt(Receipt(**told), STATION, "a" * 64, TRUSTED) != ""
    good = json.loads(body(signed(KEY, STATION, "a" * 64, "stored")))
    assert receipt.doubt(Receipt(**good), STATION, "a" * 64, TRUSTED) == ""


@given(sig=st.text(max_size=60) | st.binary(max_size=60).map(lambda b: b.decode("latin-1")))
def test_no_signature_breaks_the_judge(sig: str) -> None:
    assert receipt.doubt(Receipt(result="stored", sig=sig), STATION, "a" * 64, TRUSTED) != ""


def test_without_a_key_the_receipts_of_older_collectors_count(bench: Bench) -> None:
    collector = bench.collector()
    issued = {c.id: c.compact for c in bench.issue(2)} | bench.state(2)
    uplink = bench.uplink()
    bench.wait_empty()
    assert collector.certificates == issued
    assert uplink.status.receipts_ignored == 0


def test_a_signed_refusal_counts_once_and_its_replay_does_not_undo_a_resend(bench: Bench) -> None:
    bench.trusted = dict(TRUSTED)
    (certificate,) = bench.issue(1)
    collector = bench.collector(answer=lambda *_: "rejected", key=KEY)
    uplink = bench.uplink()
    wait_until(lambda: bench.rejected == [(certificate.id, "by order of the test")], "set aside")
    collector.answer = lambda *_: None
    bench.ledger.outbox.again(again(bench, certificate.id))
    uplink.wake()
    wait_until(lambda: collector.arrivals[certificate.id] == 2, "sent again")
    refusal = body(signed(KEY, STATION, certificate.id, "rejected"), "rejected")
    collector.receipt(STATION, certificate.id, refusal)
    time.sleep(2 * QUICK.receipt_s)  # long enough for it to have been heard
    assert bench.ledger.outbox.quarantined() == []
    collector.answer = stored
    bench.wait_empty()
    wait_until(lambda: bench.rejected[-1] == (certificate.id, ""), "that it was taken after all is told")


def again(bench: Bench, *names: str) -> Any:  # noqa: ANN401 - rows for outbox_again
    from agent.commands.work.outbox import find

    return [find(bench.ledger, name) for name in names]


def test_a_statement_waits_for_its_receipt_and_the_event_for_the_brokers_word(bench: Bench) -> None:
    collector = bench.collector(answer=lambda *_: None)
    (name,) = bench.state(1)
    uplink = bench.uplink()
    wait_until(lambda: collector.arrivals[name] >= 2, "sent again")
    assert [(row.kind, row.id) for row in bench.ledger.outbox.listed()] == [("statement", name)]
    collector.answer = stored
    bench.wait_empty()
    assert uplink.status.last_error == ""


def test_a_broker_that_dies_with_acknowledged_statements_loses_none(bench: Bench, broker: Mosquitto) -> None:
    stated = bench.state(60)
    uplink = bench.uplink()
    wait_until(lambda: broker.log().count(f"Sending PUBACK to {STATION}") > 16, "uploads were acknowledged")
    broker.kill()
    wait_until(lambda: not uplink.status.connected, "the station noticed")
    broker.start()
    collector = bench.collector()
    bench.wait_empty(30)
    assert collector.certificates == stated


def test_statements_that_no_collector_knows_hold_up_no_certificate(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bench.state(600)
    first = FakeCollector(bench.port, topics=("er/1/+/cert/+", "er/1/+/event"))
    bench.collectors.append(first)
    first.ready()
    uplink = bench.uplink()
    wait_until(lambda: "statement" in uplink.status.last_error, "nobody takes them")
    issued = {c.id for c in bench.issue(3)}
    uplink.wake()
    wait_until(lambda: issued <= set(first.certificates), "the certificates arrived")
