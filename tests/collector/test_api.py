"""Documents for programs: tokens with scopes and an end, and no more than their person sees."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from collector.moments import now
from collector.parties import services, tokens
from collector.parties.errors import TokenProblem
from collector.parties.models import ApiToken, Membership, Person
from collector.parties.roles import CUSTOMERS, ROLES, SEE_CERTIFICATES, STAFF
from collector.parties.services import Actor
from collector.parties.tokens import SCOPES
from tests.collector.house import House
from tests.collector.test_walk import MARK, World, world

__all__ = ["world"]
ACTOR = Actor("test")


def token_of(person: Any, *scopes: str, days: int = 3) -> str:  # noqa: ANN401 - a model
    return tokens.make(ACTOR, person, "script", list(scopes or SCOPES), days)


def ask(house: House, path: str, token: str | None, method: str = "GET") -> Any:  # noqa: ANN401
    headers = None if token is None else {"Authorization": f"Bearer {token}"}
    return Client(raise_request_exception=False, SERVER_NAME="localhost").generic(method, path, headers=headers)


@pytest.mark.parametrize("role", ROLES)
def test_a_token_opens_what_its_person_opens_and_shows_no_more(world: World, role: str) -> None:
    where = world.own if role in CUSTOMERS else None
    token = token_of(world.house.person(role, where, f"robot-{role}".replace("_", "-")))
    listed = ask(world.house, "/api/v1/certificates", token)
    assert listed.status_code == (200 if role in SEE_CERTIFICATES else 403)
    assert ask(world.house, "/api/v1/stations", token).status_code == (200 if role in STAFF else 403)
    theirs = ask(world.house, f"/api/v1/certificates/{world.theirs.id}", token)
    if role in CUSTOMERS or role in ("technician", "buyer"):
        assert MARK.lower() not in (listed.text + theirs.text).lower()
        assert theirs.status_code in (403, 404)


def test_a_scope_that_a_token_has_not_is_refused(house: House) -> None:
    token = token_of(house.person("team_lead"), "stations:read")
    answer = ask(house, "/api/v1/certificates", token)
    assert (answer.status_code, answer.json()["error"].count("certificates:read")) == (403, 1)
    assert ask(house, "/api/v1/stations", token).status_code == 200


def test_a_token_opens_documents_and_no_page(house: House) -> None:
    token = token_of(house.person("administrator"))
    for path in ("/", "/people", "/me", "/certificates"):
        assert ask(house, path, token).status_code == 302, path


def test_a_token_that_ended_was_revoked_or_is_a_disabled_persons_is_none(house: House) -> None:
    person = house.person("team_lead")
    ended, revoked, fresh = (token_of(person) for _ in range(3))
    rows = list(ApiToken.objects.order_by("pk"))
    moved = now() - timedelta(days=9)
    ApiToken.objects.filter(pk=rows[0].pk).update(made_at=moved, ends_at=moved + timedelta(days=1))
    tokens.revoke(ACTOR, rows[1])
    assert [ask(house, "/api/v1/stations", one).status_code for one in (ended, revoked, fresh)] == [401, 401, 200]
    house.person("administrator")
    services.disable_person(ACTOR, person)
    assert ask(house, "/api/v1/stations", fresh).status_code == 401


def test_a_token_loses_what_its_person_loses(house: House) -> None:
    person = house.person("team_lead")
    token = token_of(person)
    for held in Membership.objects.filter(person=person):
        services.leave(ACTOR, held)
    assert ask(house, "/api/v1/stations", token).status_code == 403


@pytest.mark.parametrize("told", ["Bearer", "Bearer ", "Bearer nonsense", "Basic dGVzdDp0ZXN0", "Bearer \x00", "bwc_x"])
def test_what_is_no_token_is_told_so_in_a_document(house: House, told: str) -> None:
    client = Client(raise_request_exception=False, SERVER_NAME="localhost")
    answer = client.get("/api/v1/stations", HTTP_AUTHORIZATION=told)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert set(answer.json()) == {"error"}


def test_a_stranger_is_told_so_in_a_document(house: House) -> None:
    answer = ask(house, "/api/v1/certificates", None)
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "application/json")


def test_the_database_holds_no_token_only_its_hash(house: House) -> None:
    token = token_of(house.person("team_lead"))
    assert token not in str(list(ApiToken.objects.values()))


def test_a_token_is_shown_once_and_revoked_by_its_person_alone(house: House) -> None:
    client = house.client("team_lead")
    told = {"name": "script", "scopes": ["certificates:read"], "days": "30"}
    page = client.post("/me/tokens", told).text
    token = page.partition("bwc_")[2].partition("<")[0]
    assert ask(house, "/api/v1/certificates", "bwc_" + token).status_code == 200
    assert "bwc_" not in client.get("/me").text
    row = ApiToken.objects.get()
    assert house.client("validator").post(f"/me/tokens/{row.pk}/revoke").status_code == 404
    assert client.post(f"/me/tokens/{row.pk}/revoke").status_code == 302
    assert ask(house, "/api/v1/certificates", "bwc_" + token).status_code == 401


@pytest.mark.parametrize(
    ("name", "scopes", "days"),
    [("", list(SCOPES), 3), ("x", [], 3), ("x", ["everything"], 3), ("x", list(SCOPES), 0), ("x", list(SCOPES), 4000)],
)
def test_a_token_without_name_scope_or_end_is_not_made(house: House, name: str, scopes: list[str], days: int) -> None:
    with pytest.raises(TokenProblem):
        tokens.make(ACTOR, house.person("team_lead"), name, scopes, days)
    assert ApiToken.objects.count() == 0


def test_nothing_is_changed_through_a_session_at_the_documents(house: House) -> None:
    """A form of another site sends the cookie along; documents take changes from tokens alone."""
    client = house.client("administrator")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert client.generic(method, "/api/v1/certificates").status_code == 403
        assert ask(house, "/api/v1/certificates", token_of(Person.objects.get()), method).status_code == 405


def test_the_openapi_names_every_document_with_its_answers(house: House) -> None:
    told = house.stranger().get("/api/v1/openapi.json").json()
    assert told["openapi"].startswith("3.1")
    assert set(told["paths"]) == {"/api/v1/certificates", "/api/v1/certificates/{name}", "/api/v1/stations"}
    for path in told["paths"].values():
        assert {"200", "401", "403"} <= set(path["get"]["responses"])
    assert told["components"]["securitySchemes"]["token"] == {"type": "http", "scheme": "bearer"}


@pytest.mark.parametrize("ask_", ["per_page=x", "per_page=0", "outcome=gone", "chain=x", "after=%00", "q=" + "x" * 201])
def test_a_question_that_cannot_be_asked_is_told_what_is_wrong(house: House, ask_: str) -> None:
    answer = ask(house, f"/api/v1/certificates?{ask_}", token_of(house.person("team_lead")))
    assert answer.status_code == 400
    assert ask_.partition("=")[0] in answer.json()["error"] or "list" in answer.json()["error"]


@pytest.mark.parametrize(
    "address", ["certificates?seriel=x", "stations?x=1", "certificates?%1b[2J=1", "certificates?="]
)
def test_a_parameter_with_a_slip_in_its_name_gives_no_rows(house: House, address: str) -> None:
    answer = ask(house, f"/api/v1/{address}", token_of(house.person("team_lead")))
    assert answer.status_code == 400
    assert "allowed are" in answer.json()["error"]
    assert answer.json()["error"].isprintable()
