"""Sales by scanning, what leaves the stock otherwise, prices, and what a buyer sees: no data, no sale, no names."""

from __future__ import annotations

import csv
import html
import io
import zipfile
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.parties.models import Organisation
from collector.parties.services import Actor
from collector.selling import queries, rules, services
from collector.selling.errors import SellingProblem
from collector.selling.services import Asked
from collector.statements.errors import NotTheirs
from collector.statements.models import SignedStatement
from collector.trade import agreements
from collector.trade.models import SaleLine
from collector.trade.rules.terms import AgreementFile
from collector.units import grading
from tests.collector.house import House
from tests.collector.units.workshop import FAILED, Workshop

AGREEMENT = {
    "customer": "Kolding Kommune",
    "seller": "Workshop",
    "title": "Salg",
    "version": [
        {
            "valid_from": date(2020, 1, 1),
            "share_base": "gross",
            "recognise": "sold",
            "fee_per": "unit",
            "rate": [{"kind": "*", "share_bp": 4000}],
        }
    ],
}
DAY = datetime.now(ZoneInfo("Europe/Copenhagen")).date()


class Shop(Workshop):
    """A workshop whose finance sells for a customer, by an agreement that binds; a buyer who buys."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self.seller = house.organisation("Workshop")
        self.seller.address = "Havnegade 1, 6000 Kolding"
        self.seller.save()
        self.buyer = house.organisation("Genbrug GmbH", "buyer")
        self.finance = self.actor("finance")
        told = agreements.load(self.finance, msgspec.convert(AGREEMENT, AgreementFile), where="test")
        customer = house.person("customer_finance", self.customer)
        for person in (self.finance.person, customer):
            assert person is not None
            agreements.approve(Actor(person.login, person), told, date(2020, 1, 1), person)

    def ready(self, count: int) -> None:
        """Receive computers that are erased and graded."""
        self.receive(count)
        for n in range(1, count + 1):
            self.certify(f"T{n}")
            grading.grade(self.lead, self.unit(f"T{n}"), "A", ["a scratch"])

    def sell(self, text: str, **facts: Any) -> Any:  # noqa: ANN401
        told = {"channel": "broker", "reference": "O-1", "sold_on": DAY, "buyer": "Genbrug GmbH", "country": "DE"}
        return services.sell(self.finance, self.seller, Asked(**{**told, "units": rules.lines(text), **facts}))

    def typed(self, **facts: str) -> dict[str, str]:
        told = {
            "channel": "broker", "reference": "O-1", "sold_on": str(DAY), "buyer": "Genbrug GmbH", "country": "DE",
            "vat_mode": "margin",
        }  # fmt: skip
        return {**told, **facts}


@pytest.fixture
def shop(house: House) -> Shop:
    return Shop(house)


def test_what_is_scanned_is_sold_and_what_may_hold_data_is_not(shop: Shop) -> None:
    shop.ready(2)
    shop.receive(4)
    shop.certify("T3", **FAILED)
    client = shop.house.client("finance")
    answer = client.post("/sell", shop.typed(units="T1;1.500,00\nT3\nT2\nT4\nNOBODY99", each="1200"))
    text = html.unescape(answer.content.decode())
    assert answer.status_code == 200
    assert "2 units are sold." in text
    assert "T3 may not be sold" in text
    assert "T4 may not be sold" in text
    assert "T3\nT4\nNOBODY99</textarea>" in text
    assert [(line.line, line.price_ore) for line in SaleLine.unfiltered.order_by("pk")] == [
        ("1", 150000),
        ("3", 120000),
    ]
    assert [shop.unit(f"T{n}").disposal for n in range(1, 5)] == ["sold", "sold", "stock", "stock"]


def test_a_further_scan_goes_on_in_the_same_sale(shop: Shop) -> None:
    shop.ready(2)
    shop.sell("T1", each_ore=100)
    shop.sell("T2", each_ore=200)
    assert shop.sell("T2", each_ore=200).rejected
    assert [line.line for line in SaleLine.unfiltered.order_by("pk")] == ["1", "2"]


def test_one_price_for_all_falls_on_them_by_tag_however_they_were_scanned(shop: Shop) -> None:
    shop.ready(3)
    taken = shop.sell("T3\nDEVICE0001\nT2", all_ore=100)
    assert taken.rejected == []
    by_tag = {line.unit.pk: line.price_ore for line in SaleLine.unfiltered.all() if line.unit}
    assert [by_tag[shop.unit(f"T{n}").pk] for n in (1, 2, 3)] == [34, 33, 33]
    with pytest.raises(SellingProblem, match="already"):
        shop.sell("T3", all_ore=100)


def test_a_bulk_sale_with_one_unit_that_may_hold_data_sells_none(shop: Shop) -> None:
    shop.ready(1)
    shop.receive(2)
    assert shop.sell("T1\nT2", all_ore=100).rejected
    assert shop.unit("T1").disposal == "stock"


def test_money_is_given_back_and_a_unit_comes_back_on_the_page(shop: Shop) -> None:
    shop.ready(1)
    shop.sell("T1", each_ore=100_000)
    client = shop.house.client("finance")
    told = {"channel": "broker", "reference": "O-1", "line": "1", "day": str(DAY + timedelta(days=3))}
    for event, number, given_ in (("refund", "K1", "200,00"), ("return", "K2", "800,00")):
        answer = client.post("/sell/back", {**told, "event": event, "external_id": number, "given": given_})
        assert answer.status_code == 302, answer.content
    assert shop.unit("T1").disposal == "stock"
    wrong = client.post("/sell/back", {**told, "event": "refund", "external_id": "K3", "given": "1"})
    assert wrong.status_code == 400
    assert shop.sell("T1", reference="O-2", sold_on=DAY + timedelta(days=3), each_ore=50_000).new == 1


def test_units_leave_the_stock_signed_and_none_with_data_on_it(shop: Shop) -> None:
    shop.ready(1)
    shop.receive(3)
    with pytest.raises(SellingProblem, match="may hold data"):
        services.leave(shop.lead, ["T1", "T2"], "scrapped", "Stena", "worn out")
    assert shop.unit("T1").disposal == "stock"
    name = services.leave(shop.lead, ["T1"], "scrapped", "Stena", "worn out")
    assert SignedStatement.unfiltered.get(sha256=name).word == "scrapped"
    services.leave(shop.lead, ["T2"], "given_back", "Kolding Kommune", "they want it back")
    assert [shop.unit(f"T{n}").disposal for n in (1, 2, 3)] == ["scrapped", "given_back", "stock"]
    with pytest.raises(SellingProblem, match="not in stock"):
        services.leave(shop.lead, ["T1"], "own_use", "", "x")
    with pytest.raises(NotTheirs):
        services.leave(shop.finance, ["T3"], "scrapped", "", "x")
    client = shop.house.client("team_lead")
    assert client.post("/stock/leave", {"units": "T3", "where": "own_use", "reason": "x"}).status_code == 400
    assert "T3" in client.get("/stock").content.decode()


def test_the_newest_price_list_of_the_day_counts(shop: Shop) -> None:
    shop.ready(1)
    services.set_prices(shop.finance, shop.seller, "laptop; a; 1.500,00\nlaptop;*;900", date(2026, 1, 1))
    services.set_prices(shop.finance, shop.seller, "laptop;A;1.400,00", date(2026, 2, 1))
    services.set_prices(shop.finance, shop.seller, "laptop;A;1", date(2999, 1, 1))
    found = queries.prices([shop.seller.pk])
    assert found == {("laptop", "A"): 140000, ("laptop", "*"): 90000}
    assert "1400,00" in shop.house.client("finance").get("/stock").content.decode().replace(".", "")
    assert "1400,00" not in shop.house.client("team_lead").get("/stock").content.decode().replace(".", "")
    for text in ("laptop;A", "car;A;1", "laptop;A;x", ""):
        with pytest.raises(SellingProblem):
            services.set_prices(shop.finance, shop.seller, text, date(2026, 1, 1))


def test_a_buyer_sees_the_units_and_never_whose_they_were(shop: Shop) -> None:
    shop.ready(2)
    shop.sell("T1", each_ore=100_000)
    shop.sell("T2", each_ore=100_000, buyer="Somebody else", reference="O-2")
    client = shop.house.client("buyer", shop.buyer)
    page, file = client.get("/purchases"), client.get("/purchases/export")
    for text in (html.unescape(page.content.decode()), file.content.decode()):
        assert "DEVICE0001" in text
        assert "a scratch" in text
        assert "DEVICE0002" not in text
        for hidden in ("Kolding", "T1", "Ida", "L1", "Somebody else"):
            assert hidden not in text, hidden
    assert "bench-01-000001" in page.content.decode()
    other = shop.house.client("buyer", shop.house.organisation("Other", "buyer"), "other")
    assert "Nothing is bought yet." in other.get("/purchases").content.decode()
    for address in ("/sell", "/stock", "/prices", "/sales", "/certificates"):
        assert client.get(address).status_code == 403


def test_the_papers_for_export_hold_a_tested_record_for_each_item(shop: Shop) -> None:
    shop.ready(2)
    shop.sell("T1\nT2", each_ore=100_000)
    sale = SaleLine.unfiltered.latest("pk").sale
    client = shop.house.client("buyer", shop.buyer)
    answer = client.get(f"/purchases/{sale.pk}/annex-vi.zip")
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as folder:
        assert sorted(folder.namelist()) == ["annex-vi.csv", "annex-vi.pdf", "labels.pdf"]
        rows = list(csv.DictReader(io.StringIO(folder.read("annex-vi.csv").decode("utf-8-sig")), delimiter=";"))
        assert all(folder.read(name).startswith(b"%PDF-") for name in ("annex-vi.pdf", "labels.pdf"))
    assert [row["number"] for row in rows] == ["DEVICE0001", "DEVICE0002"]
    assert all("Havnegade 1" in row["address"] and row["tested_on"] for row in rows)
    assert "Kolding Kommune" not in str(rows)
    other = shop.house.client("buyer", shop.house.organisation("Other", "buyer"), "other")
    assert other.get(f"/purchases/{sale.pk}/annex-vi.zip").status_code == 404


def test_nothing_that_nobody_tested_leaves_the_country(shop: Shop) -> None:
    shop.receive(1)
    shop.certify("T1")
    shop.sell("T1", each_ore=100_000)
    sale = SaleLine.unfiltered.latest("pk").sale
    answer = shop.house.client("finance").get(f"/purchases/{sale.pk}/annex-vi.zip")
    assert answer.status_code == 409
    assert "no signed grade" in answer.content.decode()
    Organisation.objects.filter(pk=shop.seller.pk).update(address="")
    assert "no address" in shop.house.client("finance").get(f"/purchases/{sale.pk}/annex-vi.zip").content.decode()


@pytest.mark.parametrize(
    ("text", "ore"),
    [("1500", 150000), ("1.500,00", 150000), ("1500,5", None), ("1 500", 150000), ("12.34", 1234), ("1.234", 123400),
     ("0", 0), ("-5", None), ("", None), ("1e3", None), ("1,500.00", None)],
)  # fmt: skip
def test_prices_are_read_as_people_write_them(text: str, ore: int | None) -> None:
    if ore is None:
        with pytest.raises(rules.NoPrice):
            rules.ore(text)
    else:
        assert rules.ore(text) == ore


@given(st.text())
def test_no_text_ends_the_reading_of_a_scan(text: str) -> None:
    try:
        found = rules.lines(text)
    except rules.NoPrice:
        return
    assert all(one.identifier for one in found)
