"""From a register to what became of each unit, over both databases."""

from __future__ import annotations

import pytest

from collector.intake.models import Certificate
from collector.trade import facts
from collector.units import changing, merging
from collector.units.errors import NotNow, UnitProblem
from collector.units.models import Custody, DriveLink, Loose, Question, Unit, UnitEvent, Waiting
from tests.collector.units.yard import Yard

REGISTER = """serial,asset_tag,imei,kind,manufacturer,model
PF1AAAA1,K-0001,,laptop,Lenovo,T14
PF1AAAA2,K-0002,,Notebook,Lenovo,T14
,K-0003,353879234252633,phone,Apple,iPhone 12
"""


def test_a_register_flows_to_a_reconciliation_that_adds_up(each_yard: Yard) -> None:
    yard = each_yard
    yard.lot()
    done = yard.register(REGISTER, lot="L1")
    assert (done.rows, done.new, done.changed, done.same, list(done.rejected)) == (3, 3, 0, 0, [])
    assert yard.report()["counts"]["expected"] == 3
    told = yard.receive("serial,asset_tag,imei,kind,drives\nPF1AAAA1,K-0001,,laptop,1\n,,353879234252633,phone,\n")
    assert (told["received"], told["unexpected"], told["rejected"]) == (2, 0, [])
    first = yard.certificate("DRIVE1", asset={"tag": "K-0001", "kind": "computer"})
    assert yard.follow() == 1
    assert yard.status("PF1AAAA1") == "erased"
    assert yard.line("PF1AAAA1")["certificates"] == [first.id]
    assert yard.line("353879234252633")["status"] == "received"
    yard.close()
    report = yard.report("L1")
    assert {k: n for k, n in report["counts"].items() if n} == {"missing": 1, "erased": 1, "received": 1}
    assert report["register_rows"] == 3
    assert report["disposals"] == {"stock": 2}
    assert yard.status("PF1AAAA2") == "missing"
    closing = Custody.objects.get(step="closed")
    assert len(closing.statement) == 64
    assert UnitEvent.objects.get(kind="reported_missing").statement == closing.statement


def test_the_same_file_again_changes_nothing_and_a_changed_one_what_it_changes(each_yard: Yard) -> None:
    yard = each_yard
    yard.register(REGISTER)
    before = list(Unit.unfiltered.order_by("pk").values())
    again = yard.register(REGISTER)
    assert (again.new, again.changed, again.same, again.repeated) == (0, 0, 3, True)
    assert list(Unit.unfiltered.order_by("pk").values()) == before
    other = yard.register(REGISTER.replace("K-0002", "K-0099") + "PF1AAAA4,K-0004,,desktop,Dell,7090\n")
    assert (other.new, other.changed, other.same) == (1, 1, 2)
    assert yard.status("K-0099") == "in_use"
    assert yard.report()["counts"]["in_use"] == 4
    with pytest.raises(AssertionError):
        yard.line("K-0002")


def test_a_dry_run_says_all_and_changes_nothing(yard: Yard) -> None:
    told = yard.register(REGISTER, lot="NEW", dry_run=True)
    assert told.new == 3
    assert Unit.unfiltered.count() == 0
    with pytest.raises(UnitProblem):
        yard.receive("serial\nX", "NEW")


def test_a_computer_is_erased_when_all_its_counted_drives_are_accounted_for(yard: Yard) -> None:
    yard.lot()
    yard.register(REGISTER, lot="L1")
    yard.receive("serial,drives\nPF1AAAA1,\n")
    yard.certificate("DRIVE1", asset={"tag": "K-0001"})
    yard.follow()
    assert yard.status("PF1AAAA1") == "received", "nobody has counted"
    changing.count(yard.lead, yard.unit("PF1AAAA1"), 2)
    assert yard.line("PF1AAAA1")["why"] == "1 of 2 drives are accounted for"
    yard.certificate("DRIVE2", asset={"tag": "K-0001"})
    yard.follow()
    assert yard.status("PF1AAAA1") == "erased"
    yard.certificate("DRIVE3", asset={"tag": "K-0001"})
    yard.follow()
    assert yard.line("PF1AAAA1")["data"] == "open", "three drives where two were counted"


def test_counts_that_differ_are_a_question(yard: Yard) -> None:
    yard.lot()
    yard.register(REGISTER, lot="L1")
    yard.receive("serial,drives\nPF1AAAA1,1\n")
    yard.certificate("DRIVE1", asset={"tag": "K-0001"}, drives=(1, 2))
    yard.follow()
    assert yard.status("PF1AAAA1") == "conflict"
    assert Question.unfiltered.get().kind == "drives"
    changing.count(yard.lead, yard.unit("PF1AAAA1"), 1, "opened it")
    assert yard.status("PF1AAAA1") == "erased"


def test_a_tag_on_another_serial_number_is_a_conflict_and_never_a_match(each_yard: Yard) -> None:
    yard = each_yard
    yard.lot()
    yard.register(REGISTER, lot="L1")
    told = yard.receive("serial,asset_tag\nOTHER99,K-0001\n")
    assert told["conflict"] == 1
    report = yard.report()
    assert (report["counts"]["conflict"], report["counts"]["unexpected"]) == (1, 1)
    assert yard.line("PF1AAAA1")["status"] == "conflict"
    question = Question.unfiltered.get(kind="tag_and_serial")
    merging.answer(yard.lead, question, "second", "the sticker was moved")
    assert yard.status("PF1AAAA1") == "expected"


def test_a_certificate_whose_serial_contradicts_its_tag_waits(yard: Yard) -> None:
    yard.register(REGISTER)
    told = yard.certificate("DRIVE1", asset={"tag": "K-0001", "serial": "SOMETHINGELSE"})
    yard.follow()
    assert Loose.unfiltered.get().why == "conflict"
    assert yard.status("PF1AAAA1") == "conflict"
    question = Question.unfiltered.get()
    assert merging.answers_of(question) == ("same", "different")
    merging.answer(yard.lead, question, "same", "the board was exchanged")
    assert not Loose.unfiltered.exists()
    assert yard.line("PF1AAAA1")["certificates"] == [told.id]


def test_loose_drives_wait_and_find_the_unit_that_comes_later(yard: Yard) -> None:
    yard.lot()
    yard.certificate("ALONE", asset=None)
    yard.certificate("DRIVE1", asset={"tag": "K-0001"})
    assert yard.follow() == 2
    assert set(Loose.unfiltered.values_list("why", flat=True)) == {"no_device", "no_unit"}
    yard.register(REGISTER)
    yard.follow()
    assert list(Loose.unfiltered.values_list("why", flat=True)) == ["no_device"]
    assert yard.line("K-0001")["certificates"]
    assert Waiting.objects.count() == 0


def test_missing_never_closes_itself(yard: Yard) -> None:
    yard.lot()
    yard.register(REGISTER, lot="L1")
    yard.close()
    assert yard.report()["counts"]["missing"] == 3
    yard.certificate("DRIVE1", asset={"tag": "K-0001"})
    yard.follow()
    assert yard.status("K-0001") == "missing"
    assert Question.unfiltered.get().kind == "not_received"
    yard.lot("L2")
    refused = yard.register(REGISTER, lot="L2")
    assert len(refused.rejected) == 3
    assert yard.report()["counts"]["missing"] == 3
    yard.receive("serial\nPF1AAAA2\n", "L2")
    assert yard.status("PF1AAAA2") == "received"
    changing.found(yard.lead, yard.unit("353879234252633"), "it lay in a drawer")
    assert yard.status("353879234252633") == "in_use"
    with pytest.raises(NotNow):
        changing.found(yard.lead, yard.unit("PF1AAAA2"), "again")


def test_what_no_register_names_is_unexpected_and_can_be_accepted(yard: Yard) -> None:
    yard.lot()
    yard.register(REGISTER, lot="L1")
    told = yard.receive("serial,kind\nPRINTER77,printer\n")
    assert told["unexpected"] == 1
    changing.accept(yard.lead, yard.unit("PRINTER77"), "the school's own")
    line = yard.line("PRINTER77")
    assert (line["status"], line["why"]) == ("unexpected", "a person accepted it, though it is in no register")


def test_two_that_are_one_are_merged_and_parted_again(yard: Yard) -> None:
    yard.lot()
    yard.register(REGISTER, lot="L1")
    yard.receive("serial\nPF1AAAA9\n")
    question = Question.unfiltered.filter(kind="suggestion").first()
    assert question is not None
    merging.answer(yard.lead, question, "same", "misread")
    report = yard.report()
    assert report["counts"]["duplicate"] == 1
    assert report["received"] == 1
    assert yard.unit("PF1AAAA1").received_at is not None or yard.unit("PF1AAAA2").received_at is not None
    gone = Unit.unfiltered.get(headline="duplicate")
    merging.separate(yard.lead, gone, "they are two after all")
    assert yard.report()["counts"]["duplicate"] == 0
    assert yard.status("PF1AAAA9") == "unexpected"


def test_a_phone_with_two_imeis_is_one_unit(yard: Yard) -> None:
    yard.register("asset_tag,imei,imei2,kind\nP-1,353879234252633,490154203237518,phone\n")
    yard.lot()
    told = yard.receive("imei\n49015420323751\n")
    assert told["received"] == 1


@pytest.mark.parametrize("told", ["9999-12-31T23:30:00Z", "9999-12-31T23:30:00-05:00", "0001-01-01T00:00:00Z"])
def test_a_clock_in_no_year_of_ours_counts_by_the_arrival_and_stops_nobodys_settlement(yard: Yard, told: str) -> None:
    yard.lot()
    yard.receive("serial,asset_tag,imei,kind,drives\nPF1AAAA1,K-0001,,laptop,1\n")
    signed = yard.certificate("DRIVE1", asset={"tag": "K-0001", "kind": "computer"}, finished_at=told)
    yard.follow()
    assert DriveLink.objects.get().finished_at == Certificate.unfiltered.get(id=signed.id).received_at
    facts.of_customer(yard.customer.pk, Unit.unfiltered.all())
