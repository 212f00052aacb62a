"""Pages of units: what they show and what they do, without a script."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from collector.units.models import Custody, Question, Unit, UnitEvent
from tests.collector.units.yard import Yard

REGISTER = """Serienummer,Inventarnr.,IMEI,Type,Producent,Model,Krypteret,Sidst set,Bruger
PF1AAAA1,K-0001,,laptop,Lenovo,T14,ja,2026-01-02,Jens Hansen
PF1BBBB2,K-0002,,Notebook,Lenovo,T14,nej,2026-01-03,Ida Hansen
"""


@pytest.fixture
def lead(yard: Yard) -> Client:
    return yard.house.client("team_lead")


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def test_a_lot_is_opened_received_by_scans_and_closed_on_pages_alone(yard: Yard, lead: Client) -> None:
    yard.customer  # noqa: B018
    assert lead.post("/lots", {"customer": yard.customer.pk, "code": "L1"}).status_code == 302
    number = re.search(r'href="/lots/(\d+)"', text(lead, "/lots"))
    assert number is not None
    place = f"/lots/{number[1]}"
    yard.register(REGISTER, lot="L1")
    told = {"step": "collected", "day": "2026-11-02", "place": "Rådhuset", "count": "2", "seals": "A1\nA2"}
    assert lead.post(f"{place}/step", told).status_code == 302
    assert Custody.objects.get().seals == ["A1", "A2"]
    page = lead.post(f"{place}/receive", {"scan": "k-0001", "drives": "1"}).content.decode()
    assert "Received" in page
    assert "1 received; 1 still expected" in page
    assert 'value="1"' in page, "what is the same for all stays"
    again = lead.post(f"{place}/receive", {"scan": "PF1AAAA1"}).content.decode()
    assert "It is here already" in again
    assert UnitEvent.objects.filter(kind="received").count() == 1
    assert lead.post(f"{place}/step", {"step": "closed"}).status_code == 302
    assert yard.status("PF1BBBB2") == "missing"
    page = text(lead, place)
    assert "K-0001" not in page
    assert "Signed statement" in page
    assert "closed" in lead.post(f"{place}/receive", {"scan": "PF1BBBB2"}).content.decode()


def test_each_number_of_the_reconciliation_is_a_link_to_its_list(yard: Yard, lead: Client) -> None:
    yard.lot()
    yard.register(REGISTER, lot="L1")
    yard.receive("serial,drives\nPF1AAAA1,1\n")
    page = text(lead, f"/register?customer={yard.customer.pk}")
    link = re.search(r'<a href="([^"]+status=expected[^"]*)">1</a>', page)
    assert link is not None
    shown = text(lead, link[1].replace("&amp;", "&"))
    assert "K-0002" in shown
    assert "K-0001" not in shown


def test_missing_shows_encryption_and_last_contact_and_drafts_the_letter(yard: Yard, lead: Client) -> None:
    yard.lot()
    yard.register(REGISTER, lot="L1")
    yard.close()
    unit = yard.unit("PF1BBBB2")
    page = text(lead, f"/units/{unit.pk}")
    assert "2026-01-03" in page
    letter = text(lead, f"/units/{unit.pk}/letter")
    assert "article 33" in letter
    assert "PF1BBBB2" in letter
    assert "NO" in letter
    assert "Ida" not in letter + page
    assert lead.post(f"/units/{unit.pk}/say", {"do": "found", "reason": "in a drawer"}).status_code == 302
    assert lead.get(f"/units/{unit.pk}/letter").status_code == 404


def test_a_question_is_answered_with_a_reason(yard: Yard, lead: Client) -> None:
    yard.lot()
    yard.register(REGISTER, lot="L1")
    yard.receive("serial,asset_tag\nOTHER99,K-0001\n")
    assert "K-0001" in text(lead, "/questions")
    question = Question.unfiltered.get(kind="tag_and_serial")
    lead.post(f"/questions/{question.pk}/answer", {"answer": "second", "reason": ""})
    assert Question.unfiltered.get(pk=question.pk).answered_at is None
    lead.post(f"/questions/{question.pk}/answer", {"answer": "second", "reason": "the sticker was moved"})
    assert Question.unfiltered.get(pk=question.pk).answer == "second"


def test_a_register_is_looked_at_and_taken_in_on_the_page(yard: Yard, lead: Client) -> None:
    def send(do: str) -> str:
        file = SimpleUploadedFile("register.csv", REGISTER.encode())
        told = {"customer": yard.customer.pk, "file": file, "do": do, "lot": ""}
        return lead.post("/register/import", told).content.decode()

    page = send("look")
    assert "nothing was changed" in page
    assert "Bruger" in page
    assert Unit.unfiltered.count() == 0
    assert "Taken in." in send("take")
    assert Unit.unfiltered.count() == 2
    data = b"".join(lead.get(f"/register/export/csv?customer={yard.customer.pk}").streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    assert data.splitlines()[0].startswith('"Serienummer";"Inventarnr.";"IMEI"')
    assert "Jens" not in data


def test_notes_are_pdfs(yard: Yard, lead: Client) -> None:
    lot = yard.lot()
    yard.receive("serial,kind\nPF1AAAA1,laptop\n")
    for kind in ("collection", "delivery"):
        answer = lead.get(f"/lots/{lot.pk}/{kind}.pdf")
        assert answer.content.startswith(b"%PDF-"), kind
    assert lead.get(f"/lots/{lot.pk}/other.pdf").status_code == 404


def test_loose_certificates_are_listed_and_linked_by_a_person(yard: Yard, lead: Client) -> None:
    yard.register(REGISTER)
    signed = yard.certificate("ALONE", asset=None)
    yard.follow()
    page = text(lead, "/loose")
    assert signed.id in page
    action = re.search(r'action="(/loose/\d+/attach)"', page)
    assert action is not None
    lead.post(action[1], {"unit": "K-0001", "reason": "it was taken out of it"})
    assert yard.line("PF1AAAA1")["certificates"] == [signed.id]


@pytest.mark.parametrize("drives", ["²", "٣", "-1", "100", "two", "1.5"])
def test_drives_that_nobody_can_count_are_refused_and_never_none(yard: Yard, lead: Client, drives: str) -> None:
    """`0` means that there is no storage in the unit: nothing that cannot be read may become it."""
    place = f"/lots/{yard.lot().pk}/receive"
    page = lead.post(place, {"scan": "PF1AAAA1", "drives": drives}).content.decode()
    assert "Drives are 0 to 99" in page
    assert not Unit.unfiltered.exclude(received_at=None).exists()
    lead.post(place, {"scan": "PF1AAAA1", "drives": "0"})
    assert Unit.unfiltered.get().drives_counted == 0


@pytest.mark.parametrize("drives", ["000000000100", "0" * 9 + "9" * 30, "100", "-1", "²"])
def test_a_list_with_drives_that_nobody_can_count_is_told_row_by_row(yard: Yard, drives: str) -> None:
    yard.lot()
    done = yard.receive(f"serial,drives\nPF1AAAA1,{drives}\nPF1BBBB2,099\n")
    assert [("drives" in one["problem"], one["row"]) for one in done["rejected"]] == [(True, 2)]
    assert Unit.unfiltered.get().drives_counted == 99
