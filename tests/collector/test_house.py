"""The house itself: who may open which page, rows that stay as they are, and migrations that keep them so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from collector import guards
from collector.intake.models import Certificate
from collector.parties.doors import PUBLIC, Doors, doors_of
from collector.parties.models import AuditEntry
from collector.parties.roles import ROLES
from tests.collector.house import House, migrate
from tests.patience import PROGRAM_S

OURS = "collector."


def views(patterns: list[URLPattern | URLResolver], prefix: str = "") -> list[tuple[str, object]]:
    found: list[tuple[str, object]] = []
    for one in patterns:
        here = prefix + str(one.pattern)
        found += views(one.url_patterns, here) if isinstance(one, URLResolver) else [(here, one.callback)]
    return found


def test_every_route_of_ours_says_who_may_open_it(house: House) -> None:
    ours = [(path, view) for path, view in views(get_resolver().url_patterns) if view.__module__.startswith(OURS)]
    assert len(ours) > 10
    assert [path for path, view in ours if doors_of(view) is None] == []  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/", "/certificates", "/quarantine", "/people", "/audit", "/me"])
def test_a_stranger_is_sent_to_the_sign_in(house: House, path: str) -> None:
    answer = house.stranger().get(path)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/account/login/")


@pytest.mark.parametrize("role", ROLES)
def test_each_role_opens_its_pages_and_no_others(house: House, role: str) -> None:
    client = house.client(role)
    for path, view in views(get_resolver().url_patterns):
        doors = doors_of(view)  # type: ignore[arg-type]
        if doors is None or PUBLIC in doors or "<" in path:
            continue
        opened = client.get(f"/{path}").status_code
        assert opened in ((200, 405) if role in doors else (403,)), path  # 405: what is only sent to


def test_rows_are_given_to_nobody_who_names_no_memberships(house: House) -> None:
    with pytest.raises(TypeError, match="seen_by"):
        Certificate.objects.all()
    with pytest.raises(TypeError, match="seen_by"):
        Certificate.objects.filter(id="x")


def test_what_was_written_down_cannot_be_changed_or_taken_away(each_house: House) -> None:
    AuditEntry.objects.create(who="test", action="x")
    for again in (False, True):
        if again:
            migrate()
        for sql in (
            "UPDATE parties_auditentry SET who = 'another'",
            "DELETE FROM parties_auditentry",
            "TRUNCATE parties_auditentry"
            if connection.vendor == "postgresql"
            else "INSERT OR REPLACE INTO parties_auditentry (id, at, who, action, subject, detail, address) "
            "SELECT id, at, 'another', action, subject, detail, address FROM parties_auditentry",
        ):
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql)
        assert [one.who for one in AuditEntry.objects.all()] == ["test"]


def test_a_trigger_that_is_gone_or_another_is_noticed_and_made_again(each_house: House) -> None:
    assert guards.differences(connection) == []
    name, (table, _) = sorted(guards.standing(connection).items())[0]
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if connection.vendor == "postgresql" else ""))
    assert guards.differences(connection) == [name]
    guards.make(connection)
    assert guards.differences(connection) == []


def test_the_migrations_are_what_the_models_say_and_keep_the_triggers(house: House) -> None:
    from django.core.management import call_command
    from django.db.migrations.loader import MigrationLoader

    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
    ours = [m for (app, _), m in MigrationLoader(None).disk_migrations.items() if app in ("parties", "intake")]
    assert len(ours) >= 2
    assert [m for m in ours if [type(op) for op in m.operations] != [guards.Guarded]] == []


def test_somebody_signs_in_with_a_password(house: House) -> None:
    person = house.person("team_lead")
    person.set_password("a long enough password")
    person.save()
    client = house.stranger()
    wrong = client.post("/account/login/", {"login": "team_lead", "password": "another password"})
    assert wrong.status_code == 200
    right = client.post(
        "/account/login/?next=/certificates", {"login": "Team_Lead", "password": "a long enough password"}
    )
    assert (right.status_code, right.headers["Location"]) == (302, "/certificates")
    assert "Team_Lead" in client.get("/").content.decode()
    client.post("/account/logout/")
    assert client.get("/").status_code == 302


def test_the_station_imports_nothing_of_the_collector_and_its_install_asks_for_nothing_of_it() -> None:
    code = (
        "import agent.cli, agent.station, sys; print({m.split('.')[0] for m in sys.modules} & {'django', 'collector'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PROGRAM_S)
    assert done.stdout.strip() == "set()"
    settings = (Path(__file__).parents[2] / "setup.cfg").read_text(encoding="utf-8").lower()
    asked = settings.partition("install_requires =")[2].partition("[options.extras_require]")[0]
    assert "cryptography" in asked
    assert not [name for name in ("django", "waitress", "whitenoise", "argon2", "psycopg") if name in asked]


def test_a_page_that_asks_by_another_name_is_refused(house: House) -> None:
    answer = Client(raise_request_exception=False, SERVER_NAME="evil.example").get("/account/login/")
    assert answer.status_code == 400


def test_every_page_says_whom_it_lets_in_even_one_that_forgot(house: House) -> None:
    """A view without doors is opened to nobody, an administrator included."""
    request = RequestFactory(SERVER_NAME="localhost").get("/")
    request.user = house.person("administrator")
    gate = Doors(lambda _request: HttpResponse())
    gate(request)
    with pytest.raises(PermissionDenied):
        gate.process_view(request, forgotten, (), {})


def forgotten(request: HttpRequest) -> HttpResponse:
    return HttpResponse("secret")
