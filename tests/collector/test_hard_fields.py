"""What stands in an address or a form and is no text, number or year is answered in words, on either database."""

from __future__ import annotations

import pytest
from django.db import DataError, IntegrityError
from django.test import RequestFactory

from collector.problems import Problems
from collector.trade.models import Period
from tests.collector.house import House
from tests.collector.trade import world as trade

SEARCHES = ("/audit?q=a%00b", "/foreign?q=a%00b", "/sales?q=a%00b", "/units?q=a%00b", "/certificates?q=a%00b",
            "/certificates?station=a%00b", "/quarantine?page=%00", "/effect?year=%00", "/check?id=%00")  # fmt: skip
PLACES = ("/tasks/%00", "/certificates/%00", "/statements/%00", "/stations/%00/statements", "/check/%00")
FORMS = {
    "/stations/bench-01/accept": {"key": "a\0b"},
    "/directory/policy/remove": {"name": "a\0b"},
    "/lots": {"code": "a\0b", "customer": "1"},
    "/people": {"name": "a\0b", "login": "a\0b"},
    "/grading": {"unit": "a\0b", "grade": "A"},
    "/account/login/": {"login": "a\0b", "password": "a\0b"},
}


def test_a_nul_is_a_space_where_one_searches_and_refused_elsewhere(each_house: House) -> None:
    for role in ("administrator", "team_lead", "finance"):
        client = each_house.client(role)
        for address in SEARCHES:
            assert client.get(address).status_code in (200, 400, 403, 404), (role, address)
        for address in PLACES:
            assert client.get(address).status_code in (400, 403), (role, address)
        for address, told in FORMS.items():
            assert client.post(address, told).status_code in (400, 403, 404), (role, address)
    assert each_house.client("administrator").get(SEARCHES[0]).status_code == 200
    assert b"NUL" in each_house.client("team_lead").post("/lots", FORMS["/lots"]).content


@pytest.mark.parametrize("number", ["²", "٣", "-1", "1e3", "9" * 40, "0", "①"])
def test_a_number_that_is_none_is_the_first_page_and_no_year(house: House, number: str) -> None:
    trade.fill(house, house.organisation("Kolding Kommune", "customer"), "Own")
    period = Period.unfiltered.get()
    seller = house.organisation("Own Seller")
    client = house.client("finance", seller, "walker-finance")
    for address in ("/sales", f"/settlements/{period.pk}", "/purchases", "/units"):
        assert client.get(address, {"page": number}).status_code in (200, 403), address
    assert client.get("/sales", {"page": number}).status_code == 200


@pytest.mark.parametrize("year", ["9999", "0000", "0001", "1999", "2101", "²²²²"])
def test_a_year_that_nobody_sold_in_is_not_there(house: House, year: str) -> None:
    house.organisation("Kolding Kommune", "customer")
    client = house.client("team_lead")
    assert client.get("/effect", {"year": year}).status_code == 404
    assert client.get("/effect/export/csv", {"year": year}).status_code == 404
    assert client.get("/effect", {"year": "2100"}).status_code == 200


def test_a_row_that_the_database_refuses_is_a_defect_and_no_database_that_is_away() -> None:
    look = Problems(lambda _request: None)  # type: ignore[arg-type,return-value]
    request = RequestFactory().get("/certificates")
    assert look.process_exception(request, DataError("a NUL")) is None
    assert look.process_exception(request, IntegrityError("twice")) is None
