"""What people say of units and drives: destroyed, graded, looked at again. Each is signed, and has what follows."""

from __future__ import annotations

import hashlib
import html
import json
import subprocess
import sys
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from agent.certificates.record import Customer
from collector import guards
from collector.certificates import statements_validation as validation
from collector.statements import rules, services
from collector.statements.errors import NotTheirs, StatementProblem
from collector.statements.models import SignedStatement
from collector.units import destroying, grading, linking, lots, sampling, sampling_rules
from collector.units.destroying import How
from collector.units.models import Lot, UnitEvent
from tests.collector.house import House
from tests.collector.units.workshop import FAILED, Workshop
from tests.patience import PROGRAM_S

SHRED = How(method="shred", particle_mm="2", batch="B-17", recycler="Stena")


@pytest.fixture
def shop(house: House) -> Workshop:
    return Workshop(house)


def payload(row: SignedStatement) -> Any:  # noqa: ANN401 - JSON
    return rules.verify(bytes(row.compact), services.own_keys(), kind=row.kind).payload


def test_a_failed_drive_stays_open_until_its_destruction(shop: Workshop) -> None:
    shop.receive(1)
    one = shop.certify("T1", **FAILED)
    assert shop.unit("T1").data == "failed"
    page = html.unescape(shop.site.text(f"/certificates/{one.id}"))
    assert "Open: this drive may hold data" in page
    (row,) = destroying.destroy(shop.lead, ["DRIVET1"], SHRED)
    assert shop.unit("T1").data == "destroyed"
    page = html.unescape(shop.site.text(f"/certificates/{one.id}"))
    assert "Open: this drive" not in page
    assert "The drive was destroyed." in page
    assert "Batch: B-17" in page
    told = payload(row)
    assert (told["method"], told["particle_mm"], told["batch"], told["recycler"]) == ("shred", "2", "B-17", "Stena")
    assert told["destroyed"] == [{"seen_as": "DRIVET1", "drive": "DRIVET1", "unit": None, "certificates": [one.id]}]
    public = shop.house.stranger().get(f"/check/{one.id}").content.decode()
    assert "shredded" in public
    assert "Stena" not in public
    event = UnitEvent.objects.get(kind="destroyed")
    assert (event.unit, event.statement) == (shop.unit("T1"), row.sha256)


def test_what_is_destroyed_is_found_by_any_of_its_numbers(shop: Workshop) -> None:
    shop.receive(4)
    ones = [shop.certify(f"T{n}", **FAILED) for n in (1, 2)]
    destroying.destroy(shop.lead, [ones[0].id, ones[1].record.number], SHRED)
    destroying.destroy(shop.lead, ["T3", "device-0004"], SHRED)
    assert [shop.unit(f"T{n}").data for n in range(1, 5)] == ["destroyed"] * 4


def test_one_batch_of_two_customers_is_two_statements(shop: Workshop) -> None:
    shop.receive(1)
    shop.house.organisation("Odense Kommune", "customer")
    other = shop.certify("X1", customer=Customer(name="Odense Kommune"), **FAILED)
    rows = destroying.destroy(shop.lead, ["T1", other.id], SHRED)
    assert {str(row.customer) for row in rows} == {"Kolding Kommune", "Odense Kommune"}
    for row in rows:
        text = json.dumps(payload(row))
        assert ("T1" in text) != (other.id in text)


WRONG = {
    "unknown": (["T1", "NOBODY99"], SHRED, "no unit and no certificate"),
    "nothing": ([], SHRED, "between 1"),
    "method": (["T1"], How("hammer", "2", "B", "R"), "allowed is one of shred"),
    "no size": (["T1"], How("shred", "", "B", "R"), "how large"),
    "size": (["T1"], How("shred", "0", "B", "R"), "particle size"),
    "words": (["T1"], How("shred", "small", "B", "R"), "particle size"),
    "no batch": (["T1"], How("melt", "", " ", "R"), "names its batch"),
    "no recycler": (["T1"], How("melt", "", "B", ""), "names its recycler"),
    "long": (["T1"], How("melt", "", "B", "R" * 201), "200"),
    "weight": (["T1"], How("melt", "", "B", "R", weight_g=0), "weight"),
}


@pytest.mark.parametrize(("names", "how", "why"), WRONG.values(), ids=WRONG)
def test_nothing_is_said_to_be_destroyed_where_something_is_wrong(
    shop: Workshop, names: list[str], how: How, why: str
) -> None:
    shop.receive(1)
    before = SignedStatement.unfiltered.count()
    with pytest.raises(StatementProblem, match=why):
        destroying.destroy(shop.lead, names, how)
    assert (shop.unit("T1").data, SignedStatement.unfiltered.count()) == ("open", before)


def test_nothing_is_destroyed_twice_and_not_by_anybody(shop: Workshop) -> None:
    shop.receive(1)
    destroying.destroy(shop.lead, ["T1"], SHRED)
    with pytest.raises(StatementProblem, match="destroyed already"):
        destroying.destroy(shop.lead, ["T1"], SHRED)
    with pytest.raises(NotTheirs):
        destroying.destroy(shop.actor("validator"), ["T1"], SHRED)


def test_a_batch_is_scanned_on_the_page(shop: Workshop) -> None:
    shop.receive(3)
    client = shop.house.client("technician")
    told = {"numbers": "T1\r\nT2\r\n\r\nT1", "method": "shred", "particle_mm": "6,5", "batch": "B", "recycler": "R"}
    answer = client.post("/destruction", told)
    assert answer.status_code == 200
    assert "2 are destroyed, signed." in answer.content.decode()
    wrong = client.post("/destruction", {**told, "numbers": "T3\nT2\nNOBODY99"})
    assert wrong.status_code == 400
    assert "destroyed already" in wrong.content.decode()
    assert [shop.unit(f"T{n}").data for n in (1, 2, 3)] == ["destroyed", "destroyed", "open"]
    assert payload(SignedStatement.unfiltered.latest("seq"))["particle_mm"] == "6.5"


# --- Grades ---------------------------------------------------------------------------------------------------------


def test_the_newest_grade_counts_and_all_stay(shop: Workshop) -> None:
    shop.receive(1)
    grading.grade(shop.lead, shop.unit("T1"), "a")
    row = grading.grade(shop.lead, shop.unit("T1"), "B+", ["a scratch", " ", "a scratch"])
    assert shop.unit("T1").grade == "B+"
    assert payload(row)["faults"] == ["a scratch"]
    assert [e.data["grade"] for e in UnitEvent.objects.filter(kind="graded").order_by("pk")] == ["A", "B+"]
    for given_ in ("", "A B", "VERY LONG GRADE", "<b>"):
        with pytest.raises(StatementProblem):
            grading.grade(shop.lead, shop.unit("T1"), given_)
    with pytest.raises(NotTheirs):
        grading.grade(shop.actor("finance"), shop.unit("T1"), "A")


def test_a_unit_is_graded_on_the_page_by_one_scan(shop: Workshop) -> None:
    shop.receive(2)
    client = shop.house.client("technician")
    answer = client.post("/grading", {"number": "T1", "grade": "B", "faults": "no battery"})
    assert "T1: grade B." in answer.content.decode()
    assert client.post("/grading", {"number": "NOBODY99", "grade": "B"}).status_code == 400
    assert (shop.unit("T1").grade, shop.unit("T2").grade) == ("B", "")


# --- Decisions reach units ------------------------------------------------------------------------------------------


def test_a_decision_reaches_the_unit_also_where_it_came_first(shop: Workshop) -> None:
    who = shop.actor("validator")
    early = shop.certify("T1")
    validation.validate(who, [early.id], "rejected", "no")
    shop.receive(2)
    linking.follow_all()
    from collector.units import loose

    loose.look_again(shop.customer)
    linking.follow_all()
    late = shop.certify("T2")
    validation.validate(who, [late.id], "accepted")
    decisions = {unit.links.get().validation for unit in (shop.unit("T1"), shop.unit("T2"))}
    assert decisions == {"rejected", "accepted"}
    assert (shop.unit("T1").data, shop.unit("T2").data) == ("open", "erased")


# --- The second look ------------------------------------------------------------------------------------------------


def closed(shop: Workshop, count: int) -> Lot:
    shop.receive(count)
    for n in range(1, count + 1):
        shop.certify(f"T{n}")
    lots.close_lot(shop.lead, shop.lot)
    shop.lot.refresh_from_db()
    return shop.lot


def test_a_sample_is_frozen_then_drawn_then_looked_at_by_somebody_else(shop: Workshop) -> None:
    with pytest.raises(StatementProblem, match="not closed"):
        sampling.prepare(shop.lead, shop.lot)
    lot, checker = closed(shop, 21), shop.actor("validator")
    first = payload(sampling.prepare(shop.lead, lot))
    assert (len(first["population"]), first["size"]) == (21, 2)
    page = html.unescape(shop.house.client("validator").get(f"/samples/{lot.pk}").content.decode())
    assert "house_number" not in json.dumps(first)
    assert SignedStatement.unfiltered.get(word="prepared").number.number not in page
    with pytest.raises(StatementProblem, match="prepared already"):
        sampling.prepare(shop.lead, lot)
    drawn = payload(sampling.draw(checker, lot, "4-2-6-1-3-3-5"))
    assert hashlib.sha256(drawn["house_number"].encode()).hexdigest() == first["commitment"]
    assert drawn["seed"] == sampling_rules.seed(first["closing"], "4-2-6-1-3-3-5", drawn["house_number"])
    assert len(drawn["drawn"]) == 2
    ida = shop.actor("validator", login="ida", operator_id="ida")
    with pytest.raises(StatementProblem, match="somebody else has to look"):
        sampling.check(ida, lot, drawn["drawn"][0], "passed", "testdisk 7.2")
    sampling.check(checker, lot, drawn["drawn"][0], "passed", "testdisk 7.2")
    with pytest.raises(StatementProblem, match="has its result already"):
        sampling.check(checker, lot, drawn["drawn"][0], "failed", "testdisk 7.2")
    (sample,) = sampling.of_lot(lot)
    assert (sample.done, list(sample.left)) == (False, [drawn["drawn"][1]])
    sampling.check(checker, lot, drawn["drawn"][1], "failed", "testdisk 7.2")
    assert sampling.of_lot(lot)[0].done
    assert sampling.waiting(lot) == []
    assert list(sampling.problems()) == []


def test_data_that_a_second_look_found_undoes_the_acceptance(shop: Workshop) -> None:
    lot, checker = closed(shop, 1), shop.actor("validator")
    (name,) = sampling.waiting(lot)
    validation.validate(checker, [name], "accepted")
    sampling.prepare(shop.lead, lot)
    sampling.draw(checker, lot, "any number")
    sampling.check(checker, lot, name, "failed", "photorec")
    assert shop.unit("T1").data == "open"
    page = html.unescape(shop.site.text(f"/certificates/{name}"))
    assert "Second look at a sample: data was found." in page


def test_a_sample_goes_through_its_page(shop: Workshop) -> None:
    lot, client = closed(shop, 2), shop.house.client("validator")
    address = f"/samples/{lot.pk}"
    assert "L1" in client.get("/samples").content.decode()
    assert client.post(f"{address}/say", {"do": "draw", "number": "12345678"}).status_code == 400
    assert client.post(f"{address}/say", {"do": "prepare"}).status_code == 302
    assert client.post(f"{address}/say", {"do": "draw", "number": "1"}).status_code == 400
    assert client.post(f"{address}/say", {"do": "draw", "number": "12345678"}).status_code == 302
    (sample,) = sampling.of_lot(lot)
    told = {"certificate": sample.ids[0], "do": "passed", "tool": "photorec"}
    assert client.post(f"{address}/say", told).status_code == 302
    assert "nothing was found" in client.get(address).content.decode()
    assert "done" in client.get("/samples").content.decode()
    assert shop.house.client("technician").get(address).status_code == 403


def test_a_draw_that_somebody_changed_is_found(shop: Workshop) -> None:
    lot = closed(shop, 30)
    sampling.prepare(shop.lead, lot)
    row = sampling.draw(shop.lead, lot, "12345678")
    told = dict(payload(row))
    other = next(name for name in sampling.of_lot(lot)[0].frozen["population"] if name not in told["drawn"])
    told["drawn"] = sorted([other, *told["drawn"][1:]])
    forged = services.sign("benchwipe-sample+jws", json.dumps(told).encode())
    guards.drop(connection)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE statements_signedstatement SET compact = %s WHERE seq = %s", [forged, row.pk])
    assert len(list(sampling.problems())) == 1
    assert services.problems() != []


@given(count=st.integers(0, 10_000), share=st.integers(1, 10_000))
def test_a_sample_is_never_smaller_than_its_share(count: int, share: int) -> None:
    size = sampling_rules.size(count, share)
    assert size * 10_000 >= count * share
    assert (size >= 1) == (count >= 1)
    assert size <= count


def test_every_drive_is_drawn_as_often_as_any_other() -> None:
    ids = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(20)]
    often = dict.fromkeys(ids, 0)
    for n in range(4000):
        for one in sampling_rules.draw(ids, sampling_rules.seed("c", str(n), "h"), 5):
            often[one] += 1
    assert sum(often.values()) == 20_000
    assert all(850 < count < 1150 for count in often.values()), often  # 1000 each; five times its spread of 27


# --- Commands -------------------------------------------------------------------------------------------------------


def command(house: House, *words: str) -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "collector.cli", *words, "--config", str(house.folder / "c.toml")]
    return subprocess.run(whole, capture_output=True, text=True, check=False, timeout=PROGRAM_S)


def test_the_commands_speak_for_a_person(shop: Workshop) -> None:
    shop.receive(2)
    shop.certify("T1", **FAILED)
    how = ("--method", "shred", "--particle-mm", "2", "--batch", "B-17", "--recycler", "Stena")
    shop.house.person("finance")
    for words, status, why in (
        (("destroy", "DRIVET1", *how, "--as", "finance"), 1, "BW-C71"),
        (("destroy", "NOBODY99", *how, "--as", "team_lead"), 1, "BW-C70"),
        (("destroy", "DRIVET1", "--method", "shred", "--as", "team_lead"), 2, "--batch"),
        (("grade", "T2", "A", "--as", "nobody"), 1, "BW-C71"),
        (("grade", "T2", "A B", "--as", "team_lead"), 1, "BW-C70"),
    ):
        done = command(shop.house, *words)
        assert (done.returncode, why in done.stderr) == (status, True), done.stderr
    done = command(shop.house, "destroy", "DRIVET1", *how, "--as", "team_lead", "--json")
    assert done.returncode == 0, done.stderr
    name = json.loads(done.stdout)["statements"][0]["sha256"]
    done = command(shop.house, "grade", "T2", "A", "--fault", "a scratch", "--as", "team_lead")
    assert done.returncode == 0, done.stderr
    assert (shop.unit("T1").data, shop.unit("T2").grade) == ("destroyed", "A")
    told = payload(SignedStatement.unfiltered.get(sha256=name))
    assert told["by"]["how"].startswith("by command line, ")
