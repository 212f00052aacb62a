"""A grade that a station signs is the unit's: in the certificate, or afterwards, until its station takes it back."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates import jws
from agent.certificates.jws import thumbprint
from agent.certificates.record import Disposition
from collector.intake.judge import delivery, judge
from collector.intake.keeping import keep
from collector.moments import now, text
from collector.trade import facts
from collector.trade.rules.days import local_day
from collector.units import changing, grading, linking, loose
from collector.units.models import DriveLink, UnitEvent
from tests.collector.house import enrolled_by
from tests.collector.units.yard import Yard

TYP = "benchwipe-disposition+jws"


@pytest.fixture
def there(yard: Yard) -> Yard:
    return stocked(yard)


@pytest.fixture
def each_there(each_yard: Yard) -> Yard:
    return stocked(each_yard)


def stocked(yard: Yard) -> Yard:
    yard.lot()
    yard.register("serial,asset_tag,kind\nPF000001,K-0001,laptop\nPF000002,K-0002,laptop\n", lot="L1")
    yard.receive("serial,drives\nPF000001,1\nPF000002,1\n")
    return yard


def erased(yard: Yard, grade: str = "") -> Any:  # noqa: ANN401
    given = Disposition(grade=grade) if grade else None
    found = yard.certificate("DRIVE1", asset={"kind": "computer", "tag": "K-0001"}, disposition=given)
    yard.follow()
    return found


def state(yard: Yard, certificate: str, grade: str, *, station: str = "bench-01", seq: int = 1, at: str = "") -> str:
    """Let a station say afterwards what a device is worth. The statement's SHA-256."""
    told = {
        "station": station, "certificate_id": certificate, "boot_id": "b1", "seq": seq, "at": at or text(now()),
        "disposition": {"grade": grade, "destination": "", "notes": ""},
    }  # fmt: skip
    key = yard.site.key if station == "bench-01" else Ed25519PrivateKey.generate()
    book = enrolled_by(station, key)
    body = jws.sign(json.dumps(told).encode(), key, typ=TYP)
    given = delivery(f"er/1/{station}/statement/{hashlib.sha256(body).hexdigest()}", body)
    assert given is not None
    (stored,) = keep([judge(given, lambda _station: {thumbprint(key.public_key()): key.public_key()})], book)
    assert stored.result == "stored", stored.reason
    yard.follow()
    return given.name


def grades(number: str = "PF000001") -> list[tuple[str, str, str]]:
    rows = UnitEvent.objects.filter(kind="graded", unit__identifiers__norm=number).order_by("pk")
    return [(row.who, str(row.data["grade"]), row.statement) for row in rows]


def test_a_certificates_grade_is_the_units_and_counts_for_a_sale(each_there: Yard) -> None:
    yard = each_there
    signed = erased(yard, "b")
    unit = yard.unit("PF000001")
    assert (unit.grade, grades()) == ("B", [("bench-01", "B", "")])
    event = UnitEvent.objects.get(kind="graded")
    assert (event.certificate, event.occurred_at) == (signed.id, DriveLink.objects.get().finished_at)
    assert facts.of_units([unit]).grade_on(unit.pk, local_day(now())) == "B"


def test_what_a_station_says_afterwards_is_an_event_with_its_statement(each_there: Yard) -> None:
    yard = each_there
    signed = erased(yard, "A")
    first = state(yard, signed.id, "C", seq=1)
    again = state(yard, signed.id, "C", seq=2)
    last = state(yard, signed.id, "B", seq=3)
    assert grades() == [("bench-01", "A", ""), ("bench-01", "C", first), ("bench-01", "B", last)]
    linking.wait([signed.id])
    yard.follow()
    assert len(grades()) == 3, "looked at again, nothing is copied twice"
    assert yard.unit("PF000001").grade == "B"
    client = yard.house.client("team_lead")
    answer = client.get(f"/statements/{last}.jws")
    assert (answer.status_code, answer.content[:2]) == (200, b"ey")
    assert client.get(f"/statements/{again}.jws").status_code == 200
    assert yard.house.client("buyer").get(f"/statements/{last}.jws").status_code in (403, 404)


def test_a_word_that_comes_before_its_certificate_waits_for_it(there: Yard) -> None:
    later = there.certificate("DRIVE1", asset={"kind": "computer", "tag": "K-0003"})
    state(there, later.id, "B")
    assert not grades()
    there.register("serial,asset_tag,kind\nPF000003,K-0003,laptop\n")
    loose.look_again(there.customer)
    there.follow()
    assert [grade for _, grade, _ in grades("PF000003")] == ["B"]


def test_a_grade_that_is_taken_back_is_none(there: Yard) -> None:
    signed = erased(there)
    state(there, signed.id, "A", seq=1)
    state(there, signed.id, "", seq=2)
    unit = there.unit("PF000001")
    assert (unit.grade, facts.of_units([unit]).grade_on(unit.pk, local_day(now()))) == ("", "")


@pytest.mark.parametrize("grade", ["A B", "<b>", "x" * 11])
def test_what_is_no_grade_grades_nothing(there: Yard, grade: str) -> None:
    state(there, erased(there, grade).id, grade)
    assert not grades()


def test_another_stations_word_grades_nothing(there: Yard) -> None:
    signed = erased(there, "A")
    state(there, signed.id, "C", station="bench-02")
    assert [grade for _, grade, _ in grades()] == ["A"]


def test_a_person_who_graded_later_stands_when_an_older_certificate_comes(there: Yard) -> None:
    grading.grade(there.lead, there.unit("PF000001"), "C")
    erased(there, "A")
    unit = there.unit("PF000001")
    assert unit.grade == "C"
    assert facts.of_units([unit]).grade_on(unit.pk, local_day(now() + timedelta(days=1))) == "C"


def test_the_grade_of_a_certificate_that_was_another_units_goes_with_it(there: Yard) -> None:
    grading.grade(there.lead, there.unit("PF000001"), "C")
    signed = erased(there)
    state(there, signed.id, "A")
    assert there.unit("PF000001").grade == "A"
    changing.detach(there.lead, DriveLink.objects.get(ended_at__isnull=True), "another machine's")
    assert there.unit("PF000001").grade == "C"
