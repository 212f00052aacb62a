"""Both sides' day on the pages: approve, propose, object, answer, close, fetch the documents. And who sees no price."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from collector.parties.roles import ROLES
from collector.trade.models import Agreement, Objection, Period, Settlement
from tests.collector.house import House
from tests.collector.trade.books import Books, sale, sales_csv

PRICE = "1.500,00"


@pytest.fixture
def books(house: House) -> Books:
    found = Books(house)
    found.agree(approve=False)
    found.unit("SERIAL1", tag="T-1")
    return found


def side(books: Books, role: str) -> Client:
    person = books.ours if role == "finance" else books.theirs
    client = books.house.client(role, login=person.login)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "da"
    return client


def approve(client: Client, agreement: Agreement) -> None:
    page = client.get(f"/agreements/{agreement.pk}").text
    told = dict(re.findall(r'name="(version|fingerprint)" value="([^"]+)"', page))
    client.post(f"/agreements/{agreement.pk}/approve", told)


def test_both_sides_settle_a_period_on_the_pages(books: Books) -> None:
    seller, customer, agreement = side(books, "finance"), side(books, "customer_finance"), Agreement.unfiltered.get()
    assert "venter på din side" in seller.get("/agreements").text
    approve(seller, agreement)
    assert "venter på din side" not in seller.get("/agreements").text
    approve(seller, agreement)
    assert agreement.versions.get().binding_at is None, "one side alone binds nobody"
    approve(customer, agreement)
    assert agreement.versions.get().binding_at is not None
    (books.house.folder / "s.csv").write_bytes(sales_csv([sale("SERIAL1", buyer="Somebody"), sale("NOBODY")]))
    with (books.house.folder / "s.csv").open("rb") as file:
        taken = seller.post("/sales/import", {"file": file}).text
    assert "NOBODY" in taken
    assert PRICE in seller.get("/sales").text
    assert "Somebody" in seller.get("/sales").text
    assert "Somebody" not in customer.get("/sales").text, "to a customer the channel is named, and not the buyer"
    assert PRICE in customer.get("/sales?q=SERIAL1").text
    assert b"1500,00" in customer.get("/sales/export").getvalue()
    assert b"Somebody" not in customer.get("/sales/export").getvalue()
    seller.post("/settlements/propose", {"agreement": agreement.pk, "period": "2026-01"})
    address = f"/settlements/{Period.unfiltered.get().pk}"
    assert "600,00" in customer.get(address).text
    customer.post(f"{address}/object", {"line": "1", "text": "too little"})
    seller.post(f"{address}/close")
    assert not Settlement.unfiltered.exists(), "an objection waits"
    assert "too little" in seller.get(address).text
    told = {"objection": Objection.unfiltered.get().pk, "upheld": "no", "text": "it is what was agreed"}
    customer.post(f"{address}/answer", told)
    assert not hasattr(Objection.unfiltered.get(), "answer"), "nobody answers oneself"
    seller.post(f"{address}/answer", told)
    assert "it is what was agreed" in customer.get(address).text
    customer.post(f"{address}/close")
    assert not Settlement.unfiltered.exists(), "the customer closes nothing"
    seller.post(f"{address}/close")
    assert Settlement.unfiltered.get().number == 1
    for kind, begins in (
        ("pdf", b"%PDF-"),
        ("csv", b"\xef\xbb\xbf"),
        ("xlsx", b"PK"),
        ("jws", b"eyJ"),
        ("xml", b"<?xml"),
    ):
        assert customer.get(f"{address}/file/{kind}").content.startswith(begins), kind
    assert customer.get(f"{address}/file/doc").status_code == 404
    assert "600,00" in customer.get("/settlements").text


def test_a_version_that_changed_since_it_was_read_is_not_approved(books: Books) -> None:
    seller, agreement = side(books, "finance"), Agreement.unfiltered.get()
    page = seller.get(f"/agreements/{agreement.pk}").text
    told = dict(re.findall(r'name="(version|fingerprint)" value="([^"]+)"', page))
    file = books.house.folder / "agreement.toml"
    text = file.read_text()
    books.agree(text[text.index("[[version]]") :].replace("4000", "3000"), approve=False)
    seller.post(f"/agreements/{agreement.pk}/approve", told)
    assert not agreement.versions.get().approvals.exists()


@pytest.mark.parametrize("role", [role for role in ROLES if role not in ("finance", "customer_finance", "auditor")])
def test_nobody_else_opens_a_page_with_a_price(books: Books, role: str) -> None:
    books.agree()
    books.sell(sale("SERIAL1"))
    client = books.house.client(role)
    for address in ("/agreements", "/agreements/1", "/sales", "/sales/export", "/settlements"):
        answer = client.get(address)
        assert answer.status_code == 403, address
        assert PRICE not in answer.text


def test_finance_of_another_seller_sees_nothing_of_this_one(books: Books) -> None:
    books.agree()
    books.sell(sale("SERIAL1"))
    client = books.house.client("finance", books.house.organisation("Another seller", "reseller"), "another")
    assert client.get("/sales").status_code == 200
    assert "SERIAL1" not in client.get("/sales").text
    assert client.get(f"/agreements/{Agreement.unfiltered.get().pk}").status_code == 404
