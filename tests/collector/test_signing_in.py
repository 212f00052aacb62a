"""Signing in: limits, the audit trail, sessions, invitations, second factors; each tried from outside."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.usersessions.models import UserSession
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.test.utils import override_settings

from collector.moments import now
from collector.parties import invitations, links, services
from collector.parties.models import AuditEntry, Invitation, OneTimeLink, Person
from collector.parties.services import Actor
from tests.collector.house import PASSWORD, House

ACTOR = Actor("test")


@pytest.fixture
def quick() -> Iterator[None]:
    """A hundred slow hashes take minutes on a busy machine; what is counted here is tries."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


def with_password(house: House, role: str = "team_lead") -> Any:  # noqa: ANN401 - a model
    person = house.person(role)
    person.set_password(PASSWORD)
    person.save()
    return person


def sign_in(client: Client, login: str, password: str = PASSWORD, address: str = "192.0.2.1") -> Any:  # noqa: ANN401
    return client.post("/account/login/", {"login": login, "password": password}, REMOTE_ADDR=address)


def trail(action: str) -> list[Any]:
    return list(AuditEntry.objects.filter(action=action).order_by("pk"))


# Limits


def test_passwords_of_one_person_cannot_be_guessed_from_wherever_it_is_tried(house: House, quick: None) -> None:
    with_password(house)
    for number in range(5):
        assert sign_in(house.stranger(), "team_lead", f"wrong {number}", f"192.0.2.{number}").status_code == 200
    right = sign_in(house.stranger(), "team_lead", PASSWORD, "192.0.2.99")
    assert right.status_code == 200, "the sixth is not tried at all, not even the right one"
    assert len(trail("person.sign_in_failed")) == 5


def test_an_office_behind_one_address_is_not_locked_out_by_one_who_forgot(house: House, quick: None) -> None:
    with_password(house)
    for number in range(30):
        sign_in(house.stranger(), f"somebody-{number}", "wrong")
    assert sign_in(house.stranger(), "team_lead").status_code == 302


def test_one_address_cannot_try_one_password_on_everybody(house: House, quick: None) -> None:
    with_password(house)
    for number in range(100):
        sign_in(house.stranger(), f"somebody-{number}", "wrong")
    assert sign_in(house.stranger(), "team_lead").status_code == 200
    assert sign_in(house.stranger(), "team_lead", PASSWORD, "198.51.100.1").status_code == 302


def test_a_header_of_the_client_does_not_change_the_address_that_is_counted(house: House, quick: None) -> None:
    for number in range(100):
        house.stranger().post(
            "/account/login/",
            {"login": f"somebody-{number}", "password": "wrong"},
            REMOTE_ADDR="192.0.2.1",
            HTTP_X_FORWARDED_FOR=f"203.0.113.{number}",
        )
    with_password(house)
    assert sign_in(house.stranger(), "team_lead").status_code == 200
    assert {entry.address for entry in trail("person.sign_in_failed")} == {"192.0.2.1"}


# The audit trail


def test_signing_in_and_out_is_written_down_and_so_is_what_failed(house: House) -> None:
    with_password(house)
    client = house.stranger()
    sign_in(client, "team_lead", "wrong")
    sign_in(client, "hunter2 is my password", "wrong")
    sign_in(client, "team_lead")
    client.post("/account/logout/")
    told = [(e.who, e.action, e.subject, e.detail) for e in AuditEntry.objects.order_by("pk")][-4:]
    assert told == [
        ("nobody", "person.sign_in_failed", "team_lead", {"by": "password"}),
        ("nobody", "person.sign_in_failed", "a login that nobody has", {"by": "password"}),
        ("team_lead", "person.signed_in", "team_lead", {"by": "password"}),
        ("team_lead", "person.signed_out", "team_lead", {}),
    ]
    page = house.client("administrator").get("/audit").text
    assert "192.0.2.1" in page
    assert "hunter2" not in page


def test_no_password_and_no_token_stands_in_the_audit_trail(house: House) -> None:
    with_password(house)
    client = house.client("administrator")
    sign_in(house.stranger(), "team_lead", "a secret that was typed")
    shown = client.post("/me/tokens", {"name": "script", "scopes": ["certificates:read"], "days": "3"}).text
    token = re.findall(r"bwc_[\w-]+", shown)[0]
    everything = str([(e.who, e.subject, e.detail) for e in AuditEntry.objects.all()])
    assert token not in everything
    assert "a secret that was typed" not in everything


# Sessions


def test_sessions_are_listed_and_one_can_be_ended(house: House) -> None:
    with_password(house)
    here, there = house.stranger(), house.stranger()
    for client in (here, there):
        assert sign_in(client, "team_lead").status_code == 302
    page = here.get("/me").text
    (number,) = re.findall(r"/me/sessions/(\d+)/end", page)
    assert here.post(f"/me/sessions/{number}/end").status_code == 302
    assert there.get("/").status_code == 302
    assert here.get("/").status_code == 200


def test_nobody_ends_the_session_of_another_person(house: House) -> None:
    victim = house.client("validator")
    (session,) = UserSession.objects.filter(user__login="validator")
    assert house.client("team_lead").post(f"/me/sessions/{session.pk}/end").status_code == 404
    assert victim.get("/").status_code == 200


def test_a_disabled_persons_sessions_end_at_once_and_stay_ended(house: House) -> None:
    client = house.client("team_lead")
    assert client.get("/").status_code == 200
    person = Person.objects.get(login="team_lead")
    administrator = house.client("administrator")
    assert administrator.post(f"/people/{person.pk}/disable").status_code == 302
    assert client.get("/").status_code == 302
    administrator.post(f"/people/{person.pk}/enable")
    assert client.get("/").status_code == 302, "the old session does not come back to life"


def test_a_new_password_ends_the_other_sessions(house: House) -> None:
    with_password(house)
    here, there = house.stranger(), house.stranger()
    for client in (here, there):
        sign_in(client, "team_lead")
    told = {"oldpassword": PASSWORD, "password1": "another long password", "password2": "another long password"}
    assert here.post("/account/password/change/", told).status_code == 302
    assert there.get("/").status_code == 302
    assert [e.who for e in trail("person.password_changed")] == ["team_lead"]


def test_passwords_are_kept_as_argon2id(house: House) -> None:
    assert with_password(house).password.startswith("argon2$argon2id$")


# Invitations


def invited(house: House, **more: str) -> tuple[Client, Any]:
    kolding = house.organisation("Kolding Kommune", "customer")
    told = {"organisation": kolding.pk, "role": "customer_data", "name": "Kirsten", "email": "", **more}
    client = house.client("administrator")
    return client, client.post("/people", told)


def test_an_invitation_makes_a_person_with_its_role_once(house: House) -> None:
    client, answer = invited(house)
    (link,) = re.findall(r"http://localhost(/welcome/[\w-]+)", answer.text)
    assert link not in client.get("/people").text, "shown once"
    guest = house.stranger()
    assert "Kolding Kommune" in guest.get(link).text
    told = {"name": "Kirsten", "login": "kirsten", "password": "short"}
    assert guest.post(link, told).status_code == 200, "a short password uses nothing up"
    assert guest.post(link, {**told, "password": PASSWORD}).headers["Location"] == "/me"
    assert guest.get("/certificates").status_code == 200
    assert guest.get("/people").status_code == 403
    assert house.stranger().post(link, {**told, "login": "k2", "password": PASSWORD}).status_code == 410
    person = Person.objects.get(login="kirsten")
    assert [(m.role, m.organisation.name) for m in person.memberships.all()] == [("customer_data", "Kolding Kommune")]
    assert [e.subject for e in trail("invitation.accepted")] == ["kirsten"]


def test_an_invitation_ends_and_can_be_withdrawn(house: House) -> None:
    client, answer = invited(house)
    (first,) = re.findall(r"/welcome/[\w-]+", answer.text)
    assert client.post(f"/people/invitations/{Invitation.objects.get().pk}/withdraw").status_code == 302
    assert house.stranger().get(first).status_code == 410
    second = re.findall(r"/welcome/[\w-]+", invited(house)[1].text)[0]
    OneTimeLink.objects.filter(used_at=None).update(ends_at=now())
    assert house.stranger().get(second).status_code == 410


def test_an_invitation_goes_by_mail_where_that_is_set_up_and_is_not_shown_then(house: House) -> None:
    memory, outbox = "django.core.mail.backends.locmem.EmailBackend", vars(mail).setdefault("outbox", [])
    outbox.clear()
    with override_settings(EMAIL_BACKEND=memory, EMAIL_HOST="mail.example", DEFAULT_FROM_EMAIL="bench@example.dk"):
        _, answer = invited(house, email="kirsten@example.dk")
    assert answer.status_code == 302
    (letter,) = outbox
    assert letter.to == ["kirsten@example.dk"]
    link = re.findall(r"http://localhost(/welcome/[\w-]+)", letter.body)[0]
    assert house.stranger().get(link).status_code == 200


def test_an_invitation_whose_mail_is_not_taken_is_shown_to_who_invites(house: House) -> None:
    with override_settings(
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=9,
        EMAIL_TIMEOUT=2,
        DEFAULT_FROM_EMAIL="bench@example.dk",
    ):
        _, answer = invited(house, email="kirsten@example.dk")
    assert re.findall(r"/welcome/[\w-]+", answer.text)


def test_a_role_that_does_not_fit_the_organisation_is_not_invited(house: House) -> None:
    _, answer = invited(house, role="administrator")
    assert answer.status_code == 200
    assert Invitation.objects.count() == 0


def test_an_invitation_by_somebody_who_was_disabled_does_nothing(house: House) -> None:
    _, answer = invited(house)
    (link,) = re.findall(r"/welcome/[\w-]+", answer.text)
    house.person("administrator", login="second")
    services.disable_person(ACTOR, Person.objects.get(login="administrator"))
    assert house.stranger().get(link).status_code == 410


# Second factor


def code_of(secret: str, moment: float | None = None) -> str:
    return str(format_hotp_value(hotp_value(secret, int((time.time() if moment is None else moment) // 30))))


def with_totp(house: House) -> tuple[Client, str]:
    with_password(house)
    client = house.stranger()
    sign_in(client, "team_lead")
    assert client.get("/account/2fa/totp/activate/").status_code == 302, "the password is asked for again first"
    assert client.post("/account/reauthenticate/", {"password": PASSWORD}).status_code == 302
    page = client.get("/account/2fa/totp/activate/")
    (secret,) = re.findall(r"<code>([A-Z2-7]{32})</code>", page.text)
    assert "<svg" in page.text
    assert client.post("/account/2fa/totp/activate/", {"code": code_of(secret)}).status_code == 302
    return client, secret


def test_with_totp_the_password_alone_lets_nobody_in(house: House) -> None:
    _, secret = with_totp(house)
    cache.clear()  # a code counts once: forget the one that activation used
    client = house.stranger()
    assert sign_in(client, "team_lead").headers["Location"].startswith("/account/2fa/authenticate/")
    assert client.get("/").status_code == 302
    assert client.post("/account/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert client.get("/").status_code == 302
    assert client.post("/account/2fa/authenticate/", {"code": code_of(secret)}).status_code == 302
    assert client.get("/").status_code == 200
    assert trail("person.signed_in")[-1].detail == {"by": "password+totp"}
    assert trail("person.sign_in_failed")[-1].detail == {"by": "second factor"}


def test_a_code_counts_once(house: House) -> None:
    _, secret = with_totp(house)
    cache.clear()
    first, second = house.stranger(), house.stranger()
    for client in (first, second):
        sign_in(client, "team_lead")
    code = code_of(secret)
    assert first.post("/account/2fa/authenticate/", {"code": code}).status_code == 302
    assert second.post("/account/2fa/authenticate/", {"code": code}).status_code == 200
    assert second.get("/").status_code == 302


def test_codes_cannot_be_guessed(house: House) -> None:
    _, secret = with_totp(house)
    cache.clear()
    client = house.stranger()
    sign_in(client, "team_lead")
    for number in range(12):
        client.post("/account/2fa/authenticate/", {"code": f"{number:06d}"})
    assert client.post("/account/2fa/authenticate/", {"code": code_of(secret)}).status_code != 302


def test_the_secret_of_a_second_factor_does_not_stand_in_the_database_as_it_is(house: House) -> None:
    _, secret = with_totp(house)
    assert secret not in str(list(Authenticator.objects.values_list("data", flat=True)))


def test_a_one_time_link_is_a_way_in_for_who_lost_the_second_factor(house: House) -> None:
    with_totp(house)
    person = Person.objects.get(login="team_lead")
    link = re.findall(r"/welcome/[\w-]+", house.client("administrator").post(f"/people/{person.pk}/link").text)[0]
    client = house.stranger()
    assert client.post(link).status_code == 302
    assert client.get("/").status_code == 200
    assert [e.subject for e in trail("link.made")] == ["team_lead"]


def test_links_in_the_database_cannot_be_used_by_who_reads_it(house: House) -> None:
    token = links.make("sign-in", house.person("team_lead"))
    assert token not in str(list(OneTimeLink.objects.values()))
    assert invitations.open_invitations() == []
