"""A database of the release before, and the keys in its folder, are taken over by the first migration."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, connections

from agent.certificates import jws
from agent.certificates.certificate import Certificate as Signed
from agent.certificates.certificate import sign
from agent.certificates.jws import thumbprint
from agent.certificates.record import Verification
from collector import guards, upkeep
from collector.errors import SchemaTooNew
from collector.intake.book import enrolled
from collector.intake.judge import Delivery, judge
from collector.intake.keeping import Stored
from collector.intake.keeping import keep as keep_verdicts
from collector.intake.keys import jwk_set
from collector.intake.models import Certificate, CertificateBytes, Event, Quarantine, Statement, StationKey, ToldGap
from collector.intake.statements import DISPOSITION
from collector.moments import text
from tests.collector import before
from tests.collector.conftest import chain_of, record
from tests.collector.house import House, enrolled_by
from tests.slices import some

KEY, OLD = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A database of either kind with nothing in it."""
    url = f"sqlite:///{tmp_path}/c.db" if request.param == "sqlite" else request.getfixturevalue("fresh_postgres")
    one = House(tmp_path, url)
    yield one
    one.close()


def keep(certificates: Sequence[Signed]) -> list[Stored]:
    book = enrolled_by("bench-01", KEY)
    messages = [Delivery(f"er/1/bench-01/cert/{c.id}", "bench-01", c.id, c.compact) for c in certificates]
    return keep_verdicts([judge(message, book.of) for message in messages], book)


def enrol_by_file(folder: Path, station: str, *keys: Ed25519PrivateKey) -> Path:
    file = folder / "stations" / f"{station}.jwk"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(jwk_set({thumbprint(key.public_key()): key.public_key() for key in keys}))
    return file


def test_everything_that_was_stored_is_there_under_the_same_numbers(empty: House) -> None:
    before.make()
    before.put_station("bench-01", KEY.public_key(), OLD.public_key())
    certificates = [*chain_of(KEY, 3), sign(record(4, "0" * 64), OLD)]
    before.put_certificates(certificates[:3])
    before.put("quarantine", {"digest": "d", "topic": "t", "station": "s", "reason": "r", "payload": b"\0\xff",
                              "size": 2, "times": 3, "received_at": before.AT, "last_at": before.AT})  # fmt: skip
    before.put("event", {"station": "bench-01", "boot_id": "b", "seq": 1, "event": "e", "payload": b"{}",
                         "received_at": before.AT})  # fmt: skip
    before.put("told_gap", {"station": "bench-01", "first": 7, "last": 9, "why": "w", "received_at": before.AT})
    told = {"station": "bench-01", "certificate_id": certificates[0].id, "disposition": {"grade": "B"}}
    graded = jws.sign(json.dumps(told).encode(), KEY, typ=DISPOSITION)
    before.put_statement(graded, KEY.public_key(), DISPOSITION, certificates[0].id)
    file = enrol_by_file(empty.folder, "bench-01", KEY)
    upkeep.prepare(migrate=True)

    rows = list(Certificate.unfiltered.order_by("arrival"))
    assert [(row.arrival, row.id) for row in rows] == [(5 + i, c.id) for i, c in enumerate(certificates[:3])]
    assert {row.chain for row in rows} == {"ok"}
    assert {text(row.received_at) for row in rows} == {before.AT}
    assert [bytes(one.compact) for one in CertificateBytes.objects.order_by("certificate__arrival")] == [
        c.compact for c in certificates[:3]
    ]
    assert [bytes(one.body) for one in Statement.objects.all()] == [graded]
    assert [(bytes(one.payload), one.times) for one in Quarantine.objects.all()] == [(b"\0\xff", 3)]
    assert (Event.objects.count(), list(ToldGap.objects.values_list("first", "last"))) == (1, [(7, 9)])
    assert set(before.TABLES) & set(connection.introspection.table_names()) == set()
    assert guards.differences(connection) == []

    assert set(enrolled({"bench-01"}).of("bench-01")) == {thumbprint(KEY.public_key())}, "the file says whom to believe"
    assert StationKey.objects.get(thumbprint=thumbprint(OLD.public_key())).revoked_at is not None
    assert not file.exists()
    assert file.with_name("bench-01.jwk.moved").exists()

    page = empty.client().get(f"/certificates/{certificates[0].id}").content.decode()
    assert "The signature is valid" in page
    assert "signed afterwards" in page
    assert [s.result for s in keep(certificates[:1])] == ["duplicate"]
    (later,) = keep([sign(record(4, certificates[2].id), KEY)])
    assert later.result == "stored"
    assert Certificate.unfiltered.latest("arrival").arrival > rows[-1].arrival


@pytest.mark.parametrize("version", some([1, 2, 3], each=3))
def test_older_ones_are_taken_over_too(empty: House, version: int) -> None:
    before.make(version)
    before.put_station("bench-01", KEY.public_key())
    unread = sign(record(verification=Verification(kind="none", result="not-run")), KEY)
    before.put_certificates([unread], **({"outcome": "erased"} if version == 1 else {}))
    upkeep.prepare(migrate=True)
    assert [row.outcome for row in Certificate.unfiltered.all()] == ["unread"]


def test_one_of_a_newer_program_is_refused_and_left_as_it_is(empty: House) -> None:
    before.make()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE schema_version SET version = 99")
    with pytest.raises(SchemaTooNew, match="99"):
        upkeep.prepare(migrate=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM schema_version")
        assert cursor.fetchone() == (99,)


def test_a_database_that_ran_a_newer_programs_migration_is_refused(each_house: House) -> None:
    with connection.cursor() as cursor:
        values = "('intake', '9999_later', '2026-01-01')"
        cursor.execute(f"INSERT INTO django_migrations (app, name, applied) VALUES {values}")
    with pytest.raises(SchemaTooNew, match="9999_later"):
        upkeep.prepare(migrate=True)


def test_bytes_that_somebody_changed_before_are_taken_and_shown_as_what_they_are(empty: House) -> None:
    before.make()
    before.put_station("bench-01", KEY.public_key())
    (one,) = chain_of(KEY, 1)
    before.put_certificates([one])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE certificate_bytes SET compact = %s", [b"x.y.z"])
    upkeep.prepare(migrate=True)
    page = empty.client().get(f"/certificates/{one.id}").content.decode()
    assert "does NOT hold" in page
    assert "The whole drive was erased" not in page


def test_a_key_that_was_taken_over_once_is_not_believed_again_after_it_was_revoked(house: House) -> None:
    enrol_by_file(house.folder, "bench-09", KEY)
    upkeep.prepare(migrate=True)
    assert enrolled({"bench-09"}).of("bench-09") == {}, "the database was made before: files count no more"


def test_a_start_twice_changes_nothing(each_house: House) -> None:
    upkeep.prepare(migrate=True)
    connections.close_all()
    upkeep.prepare(migrate=True)
    assert Certificate.unfiltered.count() == 0
