"""Every route, as every role: no row of another customer, no change by who may not, no route that forgot its doors.

A route that is added is walked by itself. One with a parameter of a new kind fails until ARGUMENTS says what to put in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import product
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from agent.certificates.certificate import Certificate as Signed
from agent.certificates.certificate import sign
from agent.certificates.record import Asset, Customer, Operator
from collector.background import services as background
from collector.background.kinds import KINDS, Kind, Made
from collector.background.models import Task
from collector.moments import now
from collector.parties import invitations, services, tokens
from collector.parties.doors import FOREIGN, PUBLIC, doors_of
from collector.parties.models import Membership, Person
from collector.parties.roles import CUSTOMERS, EVERY_CUSTOMER, ROLES
from collector.parties.services import Actor
from collector.units import linking, lots, receive_file, registering
from tests.collector.conftest import drive, record
from tests.collector.house import House
from tests.collector.test_web import Site
from tests.collector.trade import world as trade
from tests.slices import some

ACTOR = Actor("test")
MARK = "Zebra"
"""In every text of the other customer's rows, and in no other."""
OF_LIBRARIES = {"account/", "static/"}
"""Where views of libraries are reached. They know the signed-in person alone, and no row of ours."""
SKIPPED = {"account/logout/"}
"""Not walked in the middle: it would sign the walker out."""


@dataclass
class World:
    """Two customers, each with a certificate, people, tokens, an invitation: one's own and another's."""

    house: House
    own: Any
    other: Any
    mine: Signed
    theirs: Signed
    numbers: dict[str, list[int]] = field(default_factory=dict)
    tasks: list[str] = field(default_factory=list)

    def arguments(self, name: str) -> list[str]:
        """What to put in a route's parameter: one's own and the other's."""
        certificates = [one.id + ending for one in (self.theirs, self.mine) for ending in ("", ".jws", ".pdf")]
        table = {
            "name": certificates,
            "identifier": certificates,
            "certificate": certificates,
            "id": certificates,
            "token": ["nonsense", *self.tasks],
            "rest": ["certificates", f"certificates/{self.theirs.id}"],
            "kid": ["nonsense"],
            "station": ["bench-01"],
            "identity": ["1"],
            "provider_id": ["nowhere"],
            "provider": ["nowhere"],
            "key": ["nonsense"],
            "uidb36": ["1"],
            "format": ["csv"],
            "kind": ["csv", "jsonl", "xlsx", "zip", "pdf", "collection", "delivery", "customer"],
            "path": ["style.css"],
            "job": ["nonsense"],
            "alarm": ["nonsense"],
            "message": ["nonsense"],
            **{name: [str(n) for n in ids] for name, ids in self.numbers.items()},
        }
        assert name in table, f"a route has a parameter <{name}>: say in ARGUMENTS what to put in"
        return table[name]


def signed(site: Site, customer: str, mark: str, sequence: int, previous: str | None) -> Signed:
    told = record(
        sequence,
        previous,
        customer=Customer(name=customer, lot=f"{mark}-lot"),
        asset=Asset(tag=f"{mark}-tag"),
        drive=drive(f"{mark.upper()}SERIAL"),
        operator=Operator(id=f"{mark}-badge", name=f"{mark} Person"),
    )
    return sign(told, site.key)


def made_for(house: House, other: Any) -> str:  # noqa: ANN401
    """A file that a task made for somebody of the other customer; its token."""
    person = house.person("customer_data", other, f"{MARK.lower()}-data")
    task = Task.objects.create(token="t" * 43, kind="test.walked", person=person, state="running",
                               held_until=now())  # fmt: skip
    path = background.fresh_folder(task) / "file"
    path.write_text(MARK)
    background.done(task, Made(path, f"{MARK}.txt", "text/plain"))
    return task.token


@pytest.fixture
def world(house: House, monkeypatch: pytest.MonkeyPatch) -> World:
    return made_world(house, monkeypatch)


def made_world(house: House, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setitem(KINDS, "test.walked", Kind("test.walked", lambda _work: None, 60, 1, frozenset(ROLES)))
    site = Site(house)
    own = services.add_organisation(ACTOR, "Kolding Kommune", "customer")
    other = services.add_organisation(ACTOR, f"{MARK} Kommune", "customer")
    mine = signed(site, "Kolding Kommune", "Own", 1, None)
    theirs = signed(site, f"{MARK} Kommune", MARK, 2, mine.id)
    site.put(mine, theirs)
    for login, where in (("own-data", own), (f"{MARK.lower()}-data", other)):
        person = house.person("customer_data", where, login)
        tokens.make(ACTOR, person, f"{login} token", ["certificates:read"], 3)
        invitations.invite(ACTOR, where, "customer_data", name=f"{login} invited", email=f"{login}@example.dk")
        house.client("customer_data", where, login)  # a session of theirs
    trade.fill(house, own, "Own")
    trade.fill(house, other, MARK)
    found = World(house, own, other, mine, theirs, tasks=[made_for(house, other)])
    ids = {
        name: [row.pk for row in apps.get_model(label).objects.order_by("-pk")[:9]]
        for name, label in {"membership": "parties.Membership", "pk": "mfa.Authenticator"}.items()
    }
    everything = {pk for model in ("Person", "Organisation", "Invitation", "ApiToken") for pk in numbers(model)}
    everything |= units_of(own, "Own") | units_of(other, MARK)
    everything |= {row.pk for model in trade.NUMBERED for row in model.unfiltered.all()}
    found.numbers = {"number": sorted(everything)[:12] or [1], **{k: v or [1] for k, v in ids.items()}}
    return found


def units_of(customer: Any, mark: str) -> set[int]:  # noqa: ANN401
    """A lot, a register, a unit that contradicts it, a question and a loose certificate of a customer; their keys."""
    lead = Actor("team_lead", Person.objects.filter(login="walker-units").first() or team_lead())
    lot = lots.open_lot(lead, customer, f"{mark}-lot")
    register = (
        f"serial,asset_tag,kind,location\n{mark}SERIAL1,{mark}-1,laptop,{mark} school\n{mark}SERIAL2,{mark}-2,,\n"
    )
    registering.import_register(ACTOR, customer, register.encode(), f"{mark}.csv", lot=lot.code)
    receive_file.receive_bytes(ACTOR, lot, f"serial,asset_tag\n{mark}OTHER9,{mark}-1\n".encode(), "list.csv")
    lots.take_step(lead, lot, "collected", lots.Step(date(2026, 11, 2), f"{mark} town hall", 2))
    linking.follow_all()
    of_units = ("Lot", "Unit", "Question", "Loose")
    return {row.pk for model in of_units for row in apps.get_model("units", model).unfiltered.all()}


def team_lead() -> Person:
    """Somebody of the house who receives."""
    house = services.own_organisation("Workshop")
    return services.add_person(ACTOR, "walker-units", name="Lead", role="team_lead", organisation=house, password=None)


def numbers(model: str) -> list[int]:
    return [row.pk for row in apps.get_model("parties", model).objects.all()]


def routes() -> list[tuple[str, Any]]:
    """Every route that Django knows: its pattern and its view."""

    def within(patterns: list[Any], prefix: str) -> Iterator[tuple[str, Any]]:
        for one in patterns:
            here = prefix + re.sub(r"^\^|\$$", "", str(one.pattern))
            if isinstance(one, URLResolver):
                yield from within(one.url_patterns, here)
            elif isinstance(one, URLPattern):
                yield here, one.callback

    return list(within(get_resolver().url_patterns, ""))


PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)")


def addresses(world: World, pattern: str) -> list[str]:
    """Fill a route's parameters in, with one's own and with the other's."""
    names = [first or second for first, second in PARAMETER.findall(pattern)]
    found = []
    for values in product(*(world.arguments(name) for name in names)):
        rest = iter(values)
        found.append("/" + PARAMETER.sub(lambda _match, rest=rest: next(rest), pattern))  # type: ignore[misc]
    return found


def client_of(world: World, role: str) -> Client:
    """Somebody with a role: of a customer where it is a customer's, of the house where not."""
    if role in CUSTOMERS:
        return world.house.client(role, world.own, f"walker-{role}".replace("_", "-"))
    return world.house.client(role, None, f"walker-{role}".replace("_", "-"))


def everything(but: set[str]) -> dict[str, list[Any]]:
    """All rows of our rooms, to be compared; sessions and the audit trail move with every request."""
    found = {}
    for model in apps.get_models():
        if (
            model._meta.app_label in {"parties", "intake", "fleet", "units", "trade", "notices", "mfa", "socialaccount"}
            and model.__name__ not in but
        ):
            manager: models.Manager[Any] = getattr(model, "unfiltered", None) or model._default_manager
            found[model.__name__] = list(manager.order_by("pk").values())
    return found


def test_every_route_says_who_may_open_it() -> None:
    silent = [
        pattern
        for pattern, view in routes()
        if doors_of(view) is None
        and not (view.__module__.startswith(FOREIGN) and pattern.startswith(tuple(OF_LIBRARIES)))
    ]
    assert silent == []


@pytest.mark.parametrize("role", some([role for role in ROLES if role not in EVERY_CUSTOMER], each=2))
def test_no_route_shows_another_customers_row(world: World, role: str) -> None:
    client, shown, opened = client_of(world, role), [], 0
    for pattern, _ in routes():
        if pattern in SKIPPED:
            continue
        for address in addresses(world, pattern):
            for answer in (client.get(address), client.get(address, {"q": MARK})):
                opened += answer.status_code == 200
                body = answer.getvalue()
                asked = body.replace(f'value="{MARK}"'.encode(), b"").replace(f"“{MARK}”".encode(), b"")
                asked = asked.replace(f"q={MARK}".encode(), b"")
                if address.startswith("/check"):  # the public check shows a drive's serial number, to everybody
                    asked = asked.replace(f"{MARK.upper()}SERIAL".encode(), b"")
                if MARK.lower().encode() in asked.lower() or (
                    answer.status_code == 200 and world.theirs.id in address and not address.startswith("/check")
                ):
                    shown.append(address)
                assert answer.status_code < 500, address
    assert shown == []
    assert opened > 3


def test_a_stranger_sees_no_customer_on_any_route(world: World) -> None:
    client, shown, inside = world.house.stranger(), [], []
    for pattern, view in routes():
        for address in addresses(world, pattern):
            answer = client.get(address)
            body = answer.getvalue()
            bare = body.lower().replace(b"zebraserial", b"")  # the public check shows a drive's serial number
            if MARK.lower().encode() in bare or b"own-tag" in bare:
                shown.append(address)
            if answer.status_code == 200 and PUBLIC not in (doors_of(view) or ()) and not foreign(view):
                inside.append(address)
    assert (shown, inside) == ([], [])


def foreign(view: Any) -> bool:  # noqa: ANN401
    return str(view.__module__).startswith(FOREIGN)


@pytest.mark.parametrize("role", some([None, *(role for role in ROLES if role != "administrator")], each=3))
def test_nobody_but_an_administrator_changes_anything_of_others(world: World, role: str | None) -> None:
    """Every route is POSTed to with the other customer's numbers; what stands in the tables stays as it was."""
    client = world.house.stranger() if role is None else client_of(world, role)
    mine = set() if role is None else {Person.objects.get(login=f"walker-{role}".replace("_", "-")).pk}
    before = everything({"AuditEntry", "Limit"})
    told = {
        "role": "administrator",
        "organisation": world.other.pk,
        "name": "taken over",
        "email": "e@example.dk",
        "kind": "operator",
        "title": "x",
        "login": "somebody",
        "password": "not the right password",
    }
    for pattern, _ in routes():
        if pattern in SKIPPED or pattern == "language":
            continue
        for address in addresses(world, pattern):
            assert client.post(address, told).status_code < 500, address
            assert client.generic("DELETE", address).status_code < 500, address
    after = everything({"AuditEntry", "Limit"})
    others = {name: [row for row in rows if row.get("person_id") not in mine] for name, rows in after.items()}
    assert others == {n: [row for row in rows if row.get("person_id") not in mine] for n, rows in before.items()}


def test_the_walk_finds_a_leak(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that forgets the filter is found: the walk itself can fail."""
    from collector.parties.roles import Sight

    monkeypatch.setattr(Sight, "every_customer", property(lambda _self: True))
    with pytest.raises(AssertionError):
        test_no_route_shows_another_customers_row(world, "customer_data")


def test_a_role_that_is_taken_away_is_gone_at_the_next_request(world: World) -> None:
    client = client_of(world, "customer_data")
    assert client.get(f"/certificates/{world.mine.id}").status_code == 200
    for held in Membership.objects.filter(person__login="walker-customer-data"):
        services.leave(ACTOR, held)
    assert client.get(f"/certificates/{world.mine.id}").status_code in (403, 404)
