"""What a station tells of its chain: a gap that is known; a new key, which only a person may believe."""

from __future__ import annotations

import hashlib
import json
import random
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates import jws
from agent.certificates.certificate import Certificate, sign
from agent.certificates.jws import public_jwk, thumbprint
from agent.certificates.record import Gap, Replaces
from agent.jobs.chain import Span
from agent.jobs.chain_events import tell_gap
from agent.jobs.ledger import Ledger
from agent.messages import Event
from collector.fleet import pages as fleet
from collector.intake.chain import Gap as Told
from collector.intake.chain import Link, by_sequence, state
from collector.intake.gaps import TYPE, ToldGap, told_by_event, told_by_statement
from collector.intake.judge import Delivery, Rejected, Stated, Verified, judge
from collector.intake.keeping import EventRow, keep_events
from collector.intake.keeping import keep as keep_verdicts
from collector.intake.models import Certificate as Row
from tests.collector.conftest import Collector, StationClient, chain_of, record, wait_for
from tests.collector.house import House, enrolled_by

KEY = Ed25519PrivateKey.generate()
KEYS = {thumbprint(KEY.public_key()): KEY.public_key()}


def statement(key: Ed25519PrivateKey = KEY, typ: str = TYPE, **facts: Any) -> str:  # noqa: ANN401 - JSON
    told = {"station": "bench-01", "first": 2, "last": 3, "why": "a backup was put back", "at": "x", **facts}
    return jws.sign(msgspec.json.encode(told), key, typ=typ).decode()


def event(signed: str, name: str = "gap") -> bytes:
    made = Event(boot_id="b", seq=1, event=name, mono_ms=1, ts="x", clock={}, detail={"first": 9, "statement": signed})
    return msgspec.json.encode(made)


def after_gap(before: Certificate, sequence: int, key: Ed25519PrivateKey = KEY) -> Certificate:
    """The certificate behind a gap that begins after `before`."""
    gap = Gap(first=before.record.sequence + 1, last=sequence - 1, why="a backup was put back")
    return sign(record(sequence, before.id, gap=gap), key)


def keep(*certificates: Certificate) -> None:
    verdicts = [Verified(Delivery(f"er/1/bench-01/cert/{c.id}", "bench-01", c.id, c.compact), c) for c in certificates]
    keep_verdicts(verdicts, enrolled_by("bench-01", KEY))


def states() -> dict[int, str]:
    return dict(Row.unfiltered.values_list("sequence", "chain"))


# The chain


def test_behind_a_told_gap_stands_a_known_gap_whatever_of_it_arrived() -> None:
    a, b, c, d = Link("a", 1, None), Link("b", 2, "a"), Link("c", 3, "b"), Link("d", 4, "a")
    told = [Told(2, 3)]
    for others in ((a,), (a, b), (a, b, c), (a, c)):
        assert state(d, by_sequence((*others, d)), told) == "known"
    assert state(d, by_sequence((c, d)), told) == "gap", "the one that it names may come yet"
    assert state(Link("x", 4, "z"), by_sequence((a, c, Link("x", 4, "z"))), told) == "fork"
    assert state(Link("x", 4, None), by_sequence((a, Link("x", 4, None))), told) == "fork"
    assert state(Link("x", 4, None), by_sequence((Link("x", 4, None),)), [Told(1, 3)]) == "known"


def test_behind_a_hole_that_was_mended_the_lost_one_is_named_and_known_to_be_missing() -> None:
    a, c = Link("a", 1, None), Link("c", 3, "lost")
    assert state(c, by_sequence((a, c))) == "gap"
    assert state(c, by_sequence((a, c)), [Told(2, 2)]) == "known"
    lost = Link("lost", 2, "a")
    assert state(c, by_sequence((a, lost, c)), [Told(2, 2)]) == "ok"


def test_what_a_station_sends_is_what_is_understood_here(tmp_path: Path) -> None:
    with closing(Ledger(tmp_path)) as ledger:
        tell_gap(ledger, KEY, "bench-01", Span(2, 1001), "a backup was put back")
        event_row, statement_row = ledger.outbox.waiting(10)
    told = ToldGap("bench-01", 2, 1001, "a backup was put back")
    assert told_by_event("bench-01", event_row.payload, lambda _: KEYS) == told
    assert (statement_row.kind, statement_row.topic) == ("statement", f"statement/{statement_row.id}")
    message = Delivery("t", "bench-01", statement_row.id, statement_row.payload, "statement")
    verdict = judge(message, lambda _: KEYS)
    assert isinstance(verdict, Stated)
    assert told_by_statement("bench-01", verdict.statement.signed.payload) == told


# The database


@pytest.mark.parametrize("seed", range(4))
def test_a_gap_is_known_whatever_the_order_of_arrival(each_house: House, seed: int) -> None:
    first = chain_of(KEY, 2)
    behind = after_gap(first[1], 6)
    last = sign(record(7, behind.id), KEY)
    order = [*first, behind, last]
    random.Random(seed).shuffle(order)
    for certificate in order:
        keep(certificate)
    assert states() == {1: "ok", 2: "ok", 6: "known", 7: "ok"}


def test_an_event_makes_a_gap_that_stands_there_already_a_known_one(each_house: House) -> None:
    whole = chain_of(KEY, 4)
    keep(whole[0], whole[3])
    assert states() == {1: "ok", 4: "gap"}
    told = told_by_event("bench-01", event(statement()), lambda _: KEYS)
    assert told == ToldGap("bench-01", 2, 3, "a backup was put back")
    for _ in range(2):
        keep_events([EventRow("bench-01", "b", 1, "gap", b"x")], [told])
    assert states() == {1: "ok", 4: "known"}
    assert fleet.told_gaps()["bench-01"] == [{"first": 2, "last": 3, "why": "a backup was put back"}]
    keep(whole[1], whole[2])
    assert states() == dict.fromkeys((1, 2, 3, 4), "ok")


def stated(compact: bytes) -> Stated:
    digest = hashlib.sha256(compact).hexdigest()
    topic = f"er/1/bench-01/statement/{digest}"
    found = judge(Delivery(topic, "bench-01", digest, compact, "statement"), lambda _: KEYS)
    assert isinstance(found, Stated)
    return found


def test_a_statement_that_came_without_its_event_makes_a_known_gap(each_house: House) -> None:
    """The event is forgotten at the broker's acknowledgement, and lost with a broker that is killed."""
    whole = chain_of(KEY, 4)
    keep(whole[0], whole[3])
    known = enrolled_by("bench-01", KEY)
    assert [s.result for s in keep_verdicts([stated(statement().encode())], known)] == ["stored"]
    assert [s.result for s in keep_verdicts([stated(statement().encode())], known)] == ["duplicate"]
    assert states() == {1: "ok", 4: "known"}


@pytest.mark.parametrize("facts", [{"first": 0}, {"first": 4, "last": 3}, {"last": 2**60}, {"first": "2"}])
def test_a_statement_of_a_gap_that_cannot_be_is_kept_and_makes_none(each_house: House, facts: dict[str, Any]) -> None:
    whole = chain_of(KEY, 4)
    keep(whole[0], whole[3])
    known = enrolled_by("bench-01", KEY)
    assert [s.result for s in keep_verdicts([stated(statement(**facts).encode())], known)] == ["stored"]
    assert states() == {1: "ok", 4: "gap"}


# Whose word it is


@pytest.mark.parametrize(
    "payload",
    [
        event(statement(Ed25519PrivateKey.generate())),
        event(statement(station="bench-02")),
        event(statement(first=0)),
        event(statement(first=4, last=3)),
        event(statement(last=2**60)),
        event(statement(first="2")),
        event(statement(typ="benchwipe-disposition+jws")),
        event(statement(), name="disposition"),
        event("nonsense"),
        event("\ud800".encode("utf-8", "replace").decode()),
        b"{}",
        b"[" * 100_000,
        b'{"event":"gap","detail":{"first":2,"last":3}}',
        b'{"event":"gap","detail":{"statement":7}}',
    ],
)
def test_a_gap_that_the_stations_key_did_not_sign_is_none(payload: bytes) -> None:
    assert told_by_event("bench-01", payload, lambda _: KEYS) is None


def test_a_certificate_of_a_new_key_is_put_aside_with_what_it_says_that_it_replaces() -> None:
    new, old = Ed25519PrivateKey.generate(), thumbprint(KEY.public_key())
    certificate = sign(record(3, "d" * 64, replaces=Replaces(key=old, last="d" * 64)), new)
    message = Delivery("t", "bench-01", certificate.id, certificate.compact)
    verdict = judge(message, lambda _: KEYS)
    assert isinstance(verdict, Rejected)
    assert f"signed by an unknown key ({thumbprint(new.public_key())})" in verdict.reason
    assert f"was replaced: the enrolled key {old} after certificate {'d' * 12}" in verdict.reason
    assert verdict.reason.endswith("Ask there, then enrol it")
    both = {**KEYS, thumbprint(new.public_key()): new.public_key()}
    assert isinstance(judge(message, lambda _: both), Verified)


def test_a_certificate_that_says_nothing_of_another_key_is_put_aside_as_ever() -> None:
    certificate = sign(record(1), Ed25519PrivateKey.generate())
    verdict = judge(Delivery("t", "bench-01", certificate.id, certificate.compact), lambda _: KEYS)
    assert isinstance(verdict, Rejected)
    assert "replaced" not in verdict.reason


# The whole server


def test_the_page_of_stations_shows_a_known_gap_and_a_key_that_nobody_enrolled(
    collector: Collector, station: StationClient, key: Ed25519PrivateKey
) -> None:
    collector.enrol("bench-01", key)
    first = chain_of(key, 1)[0]
    behind = after_gap(first, 1002, key)
    for certificate in (first, behind):
        assert station.until_receipt(certificate)[0].result == "stored"
    rows = collector.page("/api/v1/certificates").json()["certificates"]
    assert {row["sequence"]: row["chain"] for row in rows} == {1: "ok", 1002: "known"}
    page = collector.page("/").text
    assert "Known gap: numbers 2 to 1001 are not known at the station" in page
    assert "certificates that have not arrived" not in page
    assert "Known gap" in collector.page("/certificates?chain=known").text
    new = Ed25519PrivateKey.generate()
    station.publish("birth", json.dumps(birth(new)).encode(), retain=True)
    wait_for(lambda: thumbprint(new.public_key()) in collector.page("/").text, what="the new key is shown")
    assert "Ask a person at the station whether its key was replaced" in collector.page("/").text
    station.publish("event", event(statement(key, first=500, last=501)))
    told = {"first": 500, "last": 501, "why": "a backup was put back"}
    wait_for(lambda: told in known_gaps(collector), what="the event's gap")


def known_gaps(collector: Collector) -> list[dict[str, object]]:
    found = collector.page("/api/v1/stations").json()["stations"][0]["known_gaps"]
    assert isinstance(found, list)
    return found


def birth(key: Ed25519PrivateKey) -> dict[str, object]:
    return {
        "software": {"name": "benchwipe", "version": "0"},
        "bays": [],
        "capabilities": [],
        "policy_hash": "",
        "clock": {},
        "outbox_depth": 0,
        "key": public_jwk(key.public_key()),
        "boot_id": "b",
        "ts": "x",
    }
