"""Both databases: exact bytes, one row for each certificate, chains that heal, a bounded quarantine."""

from __future__ import annotations

import base64
import hashlib
import random
import threading
from collections.abc import Sequence

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connections

from agent.certificates.certificate import Certificate, sign
from agent.certificates.jws import thumbprint
from agent.certificates.record import Customer
from collector.intake.judge import Delivery, Rejected, Verdict, judge
from collector.intake.keeping import EventRow, Limits, Stored, keep_events
from collector.intake.keeping import keep as keep_verdicts
from collector.intake.models import Certificate as Row
from collector.intake.models import CertificateBytes, Event, Quarantine
from tests.collector.conftest import chain_of, drive, record
from tests.collector.house import House, enrolled_by

KEY = Ed25519PrivateKey.generate()
KID = thumbprint(KEY.public_key())


def verdict(certificate: Certificate) -> Verdict:
    station = certificate.record.station.id
    message = Delivery(f"er/1/{station}/cert/{certificate.id}", station, certificate.id, certificate.compact)
    return judge(message, lambda _station: {KID: KEY.public_key()})


def keep(certificates: Sequence[Certificate]) -> list[Stored]:
    return keep_verdicts([verdict(c) for c in certificates], enrolled_by("bench-01", KEY))


def put_aside(*bad: Rejected, limits: Limits | None = None) -> list[Stored]:
    return keep_verdicts(list(bad), enrolled_by("bench-01", KEY), limits or Limits())


def chains() -> dict[int, str]:
    return dict(Row.unfiltered.values_list("sequence", "chain"))


def stored_bytes() -> list[bytes]:
    return [bytes(one.compact) for one in CertificateBytes.objects.all()]


def test_the_exact_bytes_are_kept(each_house: House) -> None:
    (one,) = chain_of(KEY, 1)
    keep([one])
    assert stored_bytes() == [one.compact]


def test_a_second_delivery_is_a_duplicate_of_the_first_moment(each_house: House) -> None:
    (one,) = chain_of(KEY, 1)
    first, again = keep([one, one])
    (later,) = keep([one])
    assert (first.result, again.result, later.result) == ("stored", "duplicate", "duplicate")
    assert later.stored_at == first.stored_at
    assert Row.unfiltered.count() == 1


@pytest.mark.parametrize("seed", range(4))
def test_a_chain_ends_unbroken_whatever_the_order_and_the_batches(each_house: House, seed: int) -> None:
    dice = random.Random(seed)
    certificates = chain_of(KEY, 25)
    dice.shuffle(certificates)
    while certificates:
        batch = dice.randint(1, 6)
        keep(certificates[:batch])
        certificates = certificates[batch:]
    assert set(chains().values()) == {"ok"}


def test_a_gap_is_seen_and_heals(each_house: House) -> None:
    one, two, three = chain_of(KEY, 3)
    keep([one, three])
    assert chains() == {1: "ok", 3: "gap"}
    keep([two])
    assert chains() == {1: "ok", 2: "ok", 3: "ok"}


def test_a_second_history_marks_both_and_loses_neither(each_house: House) -> None:
    one, two = chain_of(KEY, 2)
    twin = sign(record(2, one.id, drive=drive("TWIN")), KEY)
    keep([one, two])
    assert [s.result for s in keep([twin])] == ["stored"]
    assert dict(Row.unfiltered.values_list("id", "chain")) == {one.id: "ok", two.id: "fork", twin.id: "fork"}


def test_facts_that_no_column_holds_do_not_stop_a_certificate(each_house: House) -> None:
    evil = "a\x00b" + "ø" * 5000
    one = sign(record(number=evil, drive=drive(evil), customer=Customer(name=evil), previous=None), KEY)
    assert [s.result for s in keep([one])] == ["stored"]


def test_a_rejected_message_is_kept_once_with_its_bytes_and_counted(each_house: House) -> None:
    bad = Rejected(Delivery("er/1/x/cert/y", "x", "y", b"\x00\xff"), "garbage")
    assert [s.result for s in put_aside(bad, bad)] == ["rejected", "rejected"]
    put_aside(bad)
    (row,) = Quarantine.objects.all()
    assert (bytes(row.payload), row.size, row.times, row.reason) == (b"\x00\xff", 2, 3, "garbage")


def test_the_quarantine_is_bounded_in_size_and_count_and_for_each_station(each_house: House) -> None:
    limits = Limits(most=8, most_per_station=5)
    for i in range(20):
        for name in ("noisy", "noisy", "quiet")[: 3 if i < 2 else 2]:
            payload = f"{i}".encode() * 40_000
            put_aside(Rejected(Delivery(f"t/{name}/{i}", name, "h", payload), "r"), limits=limits)
    rows = list(Quarantine.objects.all())
    assert sorted(r.station for r in rows) == ["noisy"] * 5 + ["quiet"] * 2
    assert max(len(r.payload) for r in rows) <= 65_536
    assert max(r.size for r in rows) == 80_000


def test_a_certificate_leaves_quarantine_when_its_station_is_enrolled_and_it_comes_again(each_house: House) -> None:
    (one,) = chain_of(KEY, 1)
    good = verdict(one)
    put_aside(Rejected(good.delivery, "station bench-01 is not enrolled"))
    assert [s.result for s in keep([one])] == ["stored"]
    assert Quarantine.objects.count() == 0


def test_an_event_is_stored_once(each_house: House) -> None:
    rows = [EventRow("bench-01", "boot", seq, "started", b"{}") for seq in (1, 2, 1)]
    keep_events(rows)
    keep_events(rows)
    assert Event.objects.count() == 2


def test_two_writers_at_once_store_each_once_and_leave_an_unbroken_chain(each_house: House) -> None:
    certificates = chain_of(KEY, 60)
    results: list[Stored] = []
    problems: list[BaseException] = []

    def write(seed: int) -> None:
        mine = list(certificates)
        random.Random(seed).shuffle(mine)
        try:
            for at in range(0, len(mine), 7):
                results.extend(keep(mine[at : at + 7]))
        except BaseException as error:
            problems.append(error)
            raise
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert [s.result for s in results].count("stored") == 60
    assert [s.result for s in results].count("duplicate") == 60
    assert chains() == dict.fromkeys(range(1, 61), "ok")


def test_unknown_fields_of_a_newer_station_survive(each_house: House) -> None:
    base = msgspec.to_builtins(record())
    payload = msgspec.json.encode({**base, "from_the_future": {"x": 1}})
    head = base64.urlsafe_b64encode(
        msgspec.json.encode({"alg": "EdDSA", "kid": KID, "typ": "benchwipe-certificate+jws"})
    ).rstrip(b"=")
    signed = head + b"." + base64.urlsafe_b64encode(payload).rstrip(b"=")
    compact = signed + b"." + base64.urlsafe_b64encode(KEY.sign(signed)).rstrip(b"=")
    digest = hashlib.sha256(compact).hexdigest()
    message = Delivery(f"er/1/bench-01/cert/{digest}", "bench-01", digest, compact)
    keep_verdicts([judge(message, lambda _s: {KID: KEY.public_key()})], enrolled_by("bench-01", KEY))
    assert stored_bytes() == [compact]
