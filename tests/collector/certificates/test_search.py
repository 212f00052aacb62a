"""The search over both databases: what is found, in which order, by whom, and what is kept with what comes in."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from agent.certificates.certificate import Certificate, sign
from agent.certificates.jws import thumbprint
from agent.certificates.record import Asset, Customer, Operator
from collector.certificates import search, search_follow
from collector.certificates.models import Found
from collector.certificates.queries import Search, certificates
from collector.intake import keeping
from collector.intake.judge import Delivery, judge
from collector.intake.models import Certificate as Row
from collector.parties.roles import TEAM_LEAD, Sight, Standing
from collector.parties.services import name_customer
from tests.collector.conftest import drive, record
from tests.collector.house import House, enrolled_by

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = {thumbprint(KEY.public_key()): KEY.public_key()}


def one(sequence: int, serial: str = "", wwn: str | None = None, **facts: Any) -> Certificate:  # noqa: ANN401
    made = drive(serial or f"SER-{sequence}")
    return sign(record(sequence, drive=msgspec.structs.replace(made, wwn=wwn), **facts), KEY)


def phone(sequence: int, imei: str) -> Certificate:
    scanned = msgspec.structs.replace(drive(imei), identity_source="scanned")
    return sign(record(sequence, drive=scanned, asset=Asset(tag="", kind="phone", serial=imei)), KEY)


def put(*some: Certificate) -> None:
    book = enrolled_by("bench-01", KEY)
    kept = keeping.keep([judge(Delivery("t", "bench-01", c.id, c.compact), lambda _: PUBLIC) for c in some], book)
    assert [one.reason for one in kept if one.result != "stored"] == []
    search_follow.catch_up()


def found(house: House, q: str, role: str = "team_lead", organisation: Any = None, **more: Any) -> list[int]:  # noqa: ANN401
    sight = house.person(role, organisation, **more).sight()
    return [row.sequence for row in certificates(sight, Search(q=q)).rows]


def walk(house: House, asked: Search) -> list[int]:
    sight, all_of_it = house.person("team_lead").sight(), []
    while True:
        answer = certificates(sight, asked)
        all_of_it += [row.sequence for row in answer.rows]
        if not answer.next:
            return all_of_it
        asked = replace(asked, after=answer.next)


def test_each_identifier_is_found_however_it_is_written(each_house: House) -> None:
    put(
        one(1, "S3Z8-NB0K", wwn="0x5002538e40a1b2c3"),
        one(2, asset=Asset(tag="OK-00417", serial="PF-2ABCDE", kind="computer")),
        one(3, customer=Customer(name="Odense Kommune", lot="2026-47"), operator=Operator(id="op-17", name="Åse Berg")),
        phone(4, "356938035643809"),
    )
    for typed, wanted in {
        "s3z8nb0k": 1, "S3Z8 NB0K": 1, "5002538E40A1B2C3": 1, "50:02:53:8e:40:a1:b2:c3": 1, "ok-00417": 2,
        "pf2abcde": 2, "PF-2ABCDE": 2, "bench-01-000003": 3, "bench-01-3": 3, "2026-47": 3, "odense kommune": 3,
        "op-17": 3, "åse berg": 3, "ÅSE": 3, "berg odense": 3, "35693803564380": 4, "356938035643809": 4,
        "35-693803-564380-9": 4, "8nb0": 1, "38e40a": 1, "0417": 2, "dense": 3,
    }.items():  # fmt: skip
        assert found(each_house, typed) == [wanted], typed
    assert found(each_house, Row.unfiltered.get(sequence=2).id) == [2]
    assert found(each_house, Row.unfiltered.get(sequence=2).id[:9].upper()) == [2]
    for nothing in ("odense s3z8", "%", "_", '"', "zzz", "x AND y", "NEAR(a b)", "se-9*", "\x00", "'; --"):
        assert found(each_house, nothing) == ([4, 3, 2, 1] if nothing == "\x00" else []), nothing


def test_what_is_named_comes_before_what_begins_so_and_that_before_what_has_it_within(each_house: House) -> None:
    put(one(1, "XAB12"), one(2, "AB123"), one(3, "AB12"), one(4, "AB12"))
    assert walk(each_house, Search(q="ab12")) == [4, 3, 2, 1]
    put(one(5, "ZAB12"), one(6, "AB12"), one(7, "AB124"))
    assert walk(each_house, Search(q="ab12")) == [6, 4, 3, 7, 2, 5, 1]
    assert found(each_house, "ab12") == [6, 4, 3, 7, 2]  # parts are the next page's, where one is named exactly so


def test_paging_shows_every_row_once_in_every_step_while_more_come_in(each_house: House) -> None:
    put(*(one(n, f"AB12{'' if n % 3 == 0 else n}" if n % 3 < 2 else f"Z{n}AB12") for n in range(1, 31)))
    for size in (1, 4, 7, 30):
        seen = walk(each_house, Search(q="ab12", per_page=size))
        assert sorted(seen) == list(range(1, 31)), size
    sight = each_house.person("team_lead").sight()
    first = certificates(sight, Search(q="ab12", per_page=4))
    put(one(31, "AB12"), one(32, "AB1299"), one(33, "QAB12"))
    rest = walk(each_house, Search(q="ab12", per_page=4, after=first.next))
    assert not {row.sequence for row in first.rows} & set(rest)
    assert set(range(1, 31)) <= {row.sequence for row in first.rows} | set(rest)
    assert walk(each_house, Search(per_page=7)) == list(range(33, 0, -1))


@pytest.mark.parametrize("place", ["x", "0-", "99-1", "0-99999999999999999999", "-1-1", "0-1; --"])
def test_a_place_that_is_none_ends_the_list(house: House, place: str) -> None:
    put(one(1))
    assert certificates(house.person("team_lead").sight(), Search(q="ser", after=place)).rows in ((), [])


def test_a_search_finds_for_each_person_what_that_person_sees(each_house: House) -> None:
    kolding = each_house.organisation("Kolding Kommune", "customer")
    odense = each_house.organisation("Odense Kommune", "customer")
    who = Operator(id="op-17", name="Åse")
    put(
        one(1, "SAME-1"),
        one(2, "SAME-2", customer=Customer(name="Odense Kommune", lot="L2")),
        one(3, "SAME-3", customer=Customer(name="Nobody", lot="L3"), operator=who),
        one(4, "SAME-4", customer=Customer(name="Nobody", lot="L3")),
    )
    for typed in ("same", "SAME-", "ame-", "bench-01", "acme 500", "acme bench"):
        assert sorted(found(each_house, typed, "customer_data", kolding, login="k")) == [1], typed
        assert sorted(found(each_house, typed, "auditor", odense, login="a")) == [2], typed
        assert sorted(found(each_house, typed, "technician", login="t", operator_id="op-17")) == [3, 4], typed
        assert sorted(found(each_house, typed)) == [1, 2, 3, 4], typed
    assert found(each_house, "SAME-2", "customer_data", kolding, login="k") == []
    assert found(each_house, "ame-", "technician", login="badgeless") == []


def test_a_customer_who_is_named_later_finds_what_came_before(each_house: House) -> None:
    put(one(1, customer=Customer(name="Vejle Kommune")), one(2))
    vejle = each_house.organisation("Vejle", "customer")
    assert found(each_house, "acme", "customer_data", vejle, login="v") == []
    name_customer(vejle, "Vejle Kommune")
    assert found(each_house, "acme", "customer_data", vejle, login="v") == [1]
    assert found(each_house, "cme", "customer_data", vejle, login="v") == [1]
    Row.unfiltered.filter(sequence=2).update(customer=vejle)
    search_follow.catch_up()
    assert sorted(found(each_house, "cme", "customer_data", vejle, login="v")) == [1, 2]


def test_rows_of_before_are_filled_in_and_one_whose_bytes_were_changed_too(each_house: House) -> None:
    put(one(1, "QRS-ONE"), one(2, "QRS-TWO"), one(3, "NEW"))
    with transaction.atomic(), connection.cursor() as cursor:
        from collector import guards

        guards.drop(connection)
        cursor.execute("UPDATE intake_certificatebytes SET compact = %s WHERE id = %s",
                       [b"\xff\x00broken", Row.unfiltered.get(sequence=2).id])  # fmt: skip
        guards.make(connection)
        if connection.vendor == "sqlite":
            cursor.execute("INSERT INTO certificates_trigrams (certificates_trigrams) VALUES ('delete-all')")
        cursor.execute("DELETE FROM certificates_found")
    assert found(each_house, "qrs") == []
    (problem,) = search_follow.problems()
    assert problem.startswith("3 certificates are not in the search yet: ")
    search_follow.catch_up()
    assert (Found.objects.count(), search_follow.problems()) == (3, [])
    search_follow.catch_up()
    assert sorted(found(each_house, "qrs")) == [1, 2]
    assert found(each_house, "rstwo") == [2]


def test_what_no_row_begins_with_is_asked_for_once(each_house: House) -> None:
    """Each of ten columns was asked alone, in every search: a third of its time among a million rows."""
    put(one(1, "ABCD-1001"), one(2, "ABCD-1002"))
    sight = each_house.person("team_lead").sight()
    for q, rows in (("nothing is so", 0), ("zz9q", 0), ("ab", 2)):
        with CaptureQueriesContext(connection) as asked:
            assert len(certificates(sight, Search(q=q)).rows) == rows
        assert len(asked) <= 9, [query["sql"][:90] for query in asked]


def test_a_word_of_one_large_delivery_and_one_of_long_ago_are_both_found(
    each_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL guesses how frequent a word is; however it guesses, and wherever it looks first, it finds the same."""
    models = ["ALPHA"] * 3 + ["BETA"] + ["GAMMA"] * 6
    put(*(one(n, f"{model}-{n}") for n, model in enumerate(models, 1)))
    wanted = {"lpha": [3, 2, 1], "eta": [4], "amma": [10, 9, 8, 7, 6, 5], "mma-1": [10]}
    for sample, newest, seldom in product((1, 3, 500), (1, 4, 20_000), (1, 2, 3_000)):
        for name, value in (("SAMPLE", sample), ("NEWEST", newest), ("SELDOM", seldom)):
            monkeypatch.setattr(search, name, value)
        assert {q: found_by(q) for q in wanted} == wanted, (sample, newest, seldom)


def found_by(q: str) -> list[int]:
    sight = Sight(frozenset({Standing(TEAM_LEAD, 1, "operator")}))
    return [row.sequence for row in certificates(sight, Search(q=q)).rows]


def test_a_word_that_names_a_thing_and_another_that_stands_in_it_find_it_once(each_house: House) -> None:
    lot = Customer(name="Kolding Kommune", lot="2026-77")
    put(one(1, "AAA-1", customer=lot), one(2, "BBB-2", customer=lot), one(3, "2026-77X-AAA"))
    assert walk(each_house, Search(q="aaa 2026-77")) == [1, 3]
    assert walk(each_house, Search(q="bbb-2 2026-77")) == [2]
    assert walk(each_house, Search(q="bbb-2 2026-78")) == []


def test_narrowing_holds_in_every_step(each_house: House) -> None:
    put(one(1, "AB12"), one(2, "AB125"), one(3, "ZAB12"))
    Row.unfiltered.filter(sequence__lt=3).update(chain="gap")
    Row.unfiltered.filter(sequence=3).update(chain="ok")
    for asked, wanted in (
        (Search(q="ab12", outcome="erased"), [1, 2, 3]),
        (Search(q="ab12", outcome="failed"), []),
        (Search(q="ab12", station="bench-01"), [1, 2, 3]),
        (Search(q="ab12", station="bench-02"), []),
        (Search(q="ab12", chain="gap"), [1, 2]),
        (Search(chain="gap"), [2, 1]),
        (Search(chain="ok", station="bench-01"), [3]),
    ):
        assert sorted(walk(each_house, asked)) == sorted(wanted), asked
