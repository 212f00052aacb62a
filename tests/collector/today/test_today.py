"""Everybody begins with what waits for them: counted, linked, and nothing that their roles do not open."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections
from django.test import Client

from collector.parties.doors import PAGES
from collector.parties.models import Person
from collector.parties.roles import ROLES
from collector.today import tasks
from collector.units.models import Unit
from tests.collector.audit.world import Small, settled
from tests.collector.house import House


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Small]:
    made = settled().copy(tmp_path)
    made.open()
    yield made
    connections.close_all()


def as_(login: str) -> Client:
    client = Client(raise_request_exception=False, SERVER_NAME="localhost")
    client.force_login(Person.objects.get(login=login))
    return client


def counts(login: str) -> dict[str, int]:
    return {one.name: one.count for one in tasks.due(Person.objects.get(login=login).sight())}


@pytest.mark.parametrize("role", ROLES)
def test_every_role_has_something_to_begin_with_and_every_link_opens(house: House, role: str) -> None:
    client = house.client(role)
    assert client.get("/today").status_code == 200
    found = tasks.due(house.person(role).sight())
    assert found
    assert {one.address: client.get(one.address).status_code for one in found} == {one.address: 200 for one in found}


def test_somebody_who_signs_in_begins_there(house: House) -> None:
    from collector.parties import links

    link = f"/welcome/{links.make('sign-in', house.person('finance'))}"
    assert house.stranger().post(link).headers["Location"] == "/today"


def test_the_counts_are_those_of_the_lists_that_they_lead_to(small: Small) -> None:
    year = small.year
    missing = sum(one.fate == "missing" for one in year.devices)
    assert counts("ode-customer-data")["missing"] == counts("ode-team-lead")["missing"] == missing
    assert counts("ode-customer-data")["unexpected"] == len(year.printers)
    assert counts("ode-customer-finance")["settlements"] == 3
    assert counts("ode-customer-finance")["proposals"] == 1
    assert counts("ode-finance")["close"] == 0
    page = as_("ode-customer-data").get("/units?status=missing").text
    assert all(one.tag in page for one in year.devices if one.fate == "missing")


def test_what_waits_comes_first_and_is_gone_when_it_is_done(small: Small) -> None:
    before = tasks.due(Person.objects.get(login="ode-customer-data").sight())
    assert [bool(one.count) for one in before] == sorted((bool(one.count) for one in before), reverse=True)
    Unit.unfiltered.filter(headline="unexpected").update(accepted=True)
    assert counts("ode-customer-data")["unexpected"] == 0


def test_nobody_counts_what_is_another_customers(small: Small) -> None:
    from collector.parties import services

    services.add_organisation(services.Actor("test"), "Vejle Kommune", "customer")
    where = services.named_or_own("Vejle Kommune", "")
    services.add_person(
        services.Actor("test"), "vejle", name="Vejle", role="customer_data", organisation=where, password=None
    )
    assert set(counts("vejle").values()) == {0}


def test_the_list_is_a_file_too(small: Small) -> None:
    client = as_("ode-customer-data")
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "da"
    rows = list(csv.reader(io.StringIO(client.get("/today/export/csv").content.decode("utf-8-sig")), delimiter=";"))
    assert rows[0] == ["Skal gøres", "Antal", "Adresse"]
    assert ["Mangler: anmeldt og aldrig modtaget", "1", "/units?status=missing"] in rows
    book = zipfile.ZipFile(io.BytesIO(client.get("/today/export/xlsx").content))
    assert "Mangler: anmeldt" in book.read("xl/sharedStrings.xml").decode()
    assert client.get("/today/export/pdf").status_code == 404


def test_no_page_stands_twice_in_the_navigation() -> None:
    addresses = [address for address, _name, _who in PAGES]
    assert len(addresses) == len(set(addresses))
    assert addresses[0] == "/today"
