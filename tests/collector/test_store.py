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
from sqlalchemy import Connection, Engine, func, select, update

from agent.certificates.certificate import Certificate, sign
from agent.certificates.jws import public_jwk, thumbprint
from agent.certificates.record import Customer, Verification
from collector.errors import SchemaTooNew
from collector.intake.judge import Delivery, Rejected, Verdict, judge
from collector.old.schema import CERTIFICATE, CERTIFICATE_BYTES, EVENT, QUARANTINE, SCHEMA_VERSION
from collector.old.store import EventRow, Store, Stored
from tests.collector.conftest import as_first_released, chain_of, drive, record

KEY = Ed25519PrivateKey.generate()
KID = thumbprint(KEY.public_key())
X = {KID: public_jwk(KEY.public_key())["x"]}


def verdict(certificate: Certificate) -> Verdict:
    station = certificate.record.station.id
    message = Delivery(f"er/1/{station}/cert/{certificate.id}", station, certificate.id, certificate.compact)
    return judge(message, lambda _station: {KID: KEY.public_key()})


def keep(engine: Engine, certificates: Sequence[Certificate]) -> list[Stored]:
    return Store(engine).keep([verdict(c) for c in certificates], X)


def chains(connection: Connection) -> dict[int, str]:
    return {r.sequence: r.chain for r in connection.execute(select(CERTIFICATE.c.sequence, CERTIFICATE.c.chain))}


def test_the_exact_bytes_are_kept(engine: Engine) -> None:
    (one,) = chain_of(KEY, 1)
    keep(engine, [one])
    with engine.begin() as connection:
        assert connection.execute(select(CERTIFICATE_BYTES.c.compact)).scalar_one() == one.compact


def test_a_second_delivery_is_a_duplicate_of_the_first_moment(engine: Engine) -> None:
    (one,) = chain_of(KEY, 1)
    first, again = keep(engine, [one, one])
    (later,) = keep(engine, [one])
    assert (first.result, again.result, later.result) == ("stored", "duplicate", "duplicate")
    assert later.stored_at == first.stored_at
    with engine.begin() as connection:
        assert connection.execute(select(func.count()).select_from(CERTIFICATE)).scalar_one() == 1


@pytest.mark.parametrize("seed", range(4))
def test_a_chain_ends_unbroken_whatever_the_order_and_the_batches(engine: Engine, seed: int) -> None:
    dice = random.Random(seed)
    certificates = chain_of(KEY, 25)
    dice.shuffle(certificates)
    while certificates:
        batch = dice.randint(1, 6)
        keep(engine, certificates[:batch])
        certificates = certificates[batch:]
    with engine.begin() as connection:
        assert set(chains(connection).values()) == {"ok"}


def test_a_gap_is_seen_and_heals(engine: Engine) -> None:
    one, two, three = chain_of(KEY, 3)
    keep(engine, [one, three])
    with engine.begin() as connection:
        assert chains(connection) == {1: "ok", 3: "gap"}
    keep(engine, [two])
    with engine.begin() as connection:
        assert chains(connection) == {1: "ok", 2: "ok", 3: "ok"}


def test_a_second_history_marks_both_and_loses_neither(engine: Engine) -> None:
    one, two = chain_of(KEY, 2)
    twin = sign(record(2, one.id, drive=drive("TWIN")), KEY)
    keep(engine, [one, two])
    assert [s.result for s in keep(engine, [twin])] == ["stored"]
    with engine.begin() as connection:
        rows = connection.execute(select(CERTIFICATE.c.id, CERTIFICATE.c.chain)).all()
    assert {r.id: r.chain for r in rows} == {one.id: "ok", two.id: "fork", twin.id: "fork"}


def test_facts_that_no_column_holds_do_not_stop_a_certificate(engine: Engine) -> None:
    evil = "a\x00b" + "ø" * 5000
    one = sign(record(number=evil, drive=drive(evil), customer=Customer(name=evil), previous=None), KEY)
    assert [s.result for s in keep(engine, [one])] == ["stored"]


def test_a_rejected_message_is_kept_once_with_its_bytes_and_counted(engine: Engine) -> None:
    bad = Rejected(Delivery("er/1/x/cert/y", "x", "y", b"\x00\xff"), "garbage")
    store = Store(engine)
    assert [s.result for s in store.keep([bad, bad], {})] == ["rejected", "rejected"]
    store.keep([bad], {})
    with engine.begin() as connection:
        (row,) = connection.execute(select(QUARANTINE)).all()
    assert (row.payload, row.size, row.times, row.reason) == (b"\x00\xff", 2, 3, "garbage")


def test_the_quarantine_is_bounded_in_size_and_count_and_for_each_station(engine: Engine) -> None:
    store = Store(engine, most=8, most_per_station=5)
    for i in range(20):
        for name in ("noisy", "noisy", "quiet")[: 3 if i < 2 else 2]:
            payload = f"{i}".encode() * 40_000
            store.keep([Rejected(Delivery(f"t/{name}/{i}", name, "h", payload), "r")], {})
    with engine.begin() as connection:
        rows = connection.execute(select(QUARANTINE)).all()
    assert sorted(r.station for r in rows) == ["noisy"] * 5 + ["quiet"] * 2
    assert max(len(r.payload) for r in rows) <= 65_536
    assert max(r.size for r in rows) == 80_000


def test_a_certificate_leaves_quarantine_when_its_station_is_enrolled_and_it_comes_again(engine: Engine) -> None:
    (one,) = chain_of(KEY, 1)
    good = verdict(one)
    Store(engine).keep([Rejected(good.delivery, "station bench-01 is not enrolled")], {})
    assert [s.result for s in keep(engine, [one])] == ["stored"]
    with engine.begin() as connection:
        assert connection.execute(select(func.count()).select_from(QUARANTINE)).scalar_one() == 0


def test_an_event_is_stored_once(engine: Engine) -> None:
    rows = [EventRow("bench-01", "boot", seq, "started", b"{}") for seq in (1, 2, 1)]
    Store(engine).keep_events(rows)
    Store(engine).keep_events(rows)
    with engine.begin() as connection:
        assert connection.execute(select(func.count()).select_from(EVENT)).scalar_one() == 2


def test_a_newer_programs_database_is_refused(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(update(SCHEMA_VERSION).values(version=99))
    with pytest.raises(SchemaTooNew, match="99"):
        Store(engine).prepare()


def test_preparing_twice_changes_nothing(engine: Engine) -> None:
    keep(engine, chain_of(KEY, 2))
    Store(engine).prepare()
    with engine.begin() as connection:
        assert len(chains(connection)) == 2


def test_two_writers_at_once_store_each_once_and_leave_an_unbroken_chain(engine: Engine) -> None:
    certificates = chain_of(KEY, 60)
    results: list[Stored] = []
    problems: list[BaseException] = []

    def write(seed: int) -> None:
        mine = list(certificates)
        random.Random(seed).shuffle(mine)
        try:
            for at in range(0, len(mine), 7):
                results.extend(keep(engine, mine[at : at + 7]))
        except BaseException as error:
            problems.append(error)
            raise

    threads = [threading.Thread(target=write, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert [s.result for s in results].count("stored") == 60
    assert [s.result for s in results].count("duplicate") == 60
    with engine.begin() as connection:
        assert chains(connection) == dict.fromkeys(range(1, 61), "ok")


def test_unknown_fields_of_a_newer_station_survive(engine: Engine) -> None:
    base = msgspec.to_builtins(record())
    payload = msgspec.json.encode({**base, "from_the_future": {"x": 1}})
    head = base64.urlsafe_b64encode(
        msgspec.json.encode({"alg": "EdDSA", "kid": KID, "typ": "benchwipe-certificate+jws"})
    ).rstrip(b"=")
    signed = head + b"." + base64.urlsafe_b64encode(payload).rstrip(b"=")
    compact = signed + b"." + base64.urlsafe_b64encode(KEY.sign(signed)).rstrip(b"=")
    digest = hashlib.sha256(compact).hexdigest()
    message = Delivery(f"er/1/bench-01/cert/{digest}", "bench-01", digest, compact)
    Store(engine).keep([judge(message, lambda _s: {KID: KEY.public_key()})], X)
    with engine.begin() as connection:
        assert connection.execute(select(CERTIFICATE_BYTES.c.compact)).scalar_one() == compact


def test_what_an_older_collector_listed_as_erased_and_nobody_read_back_is_listed_apart(engine: Engine) -> None:
    unread = record(verification=Verification(kind="none", result="not-run"))
    keep(engine, [sign(unread, KEY)])
    with engine.begin() as connection:
        connection.execute(update(CERTIFICATE).values(outcome="erased"))
    as_first_released(engine)
    Store(engine).prepare()
    with engine.begin() as connection:
        assert connection.execute(select(CERTIFICATE.c.outcome)).scalar_one() == "unread"
