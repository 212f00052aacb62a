"""People at the command line and at one-time links; roles of PostgreSQL apart; and how long a page holds the lock."""

from __future__ import annotations

import json
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result
from django.db import DatabaseError, connection, connections, transaction

from collector import boot, upkeep
from collector.cli import main
from collector.moments import now
from collector.parties import links, services
from collector.parties.errors import LinkProblem, PartyProblem
from collector.parties.models import AuditEntry, Membership, OneTimeLink, Person
from collector.parties.services import Actor
from collector.settings import load
from tests.collector.conftest import chain_of
from tests.collector.house import PASSWORD, House
from tests.collector.test_web import Site

ACTOR = Actor("test")


def run(house: House, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--config", str(house.folder / "c.toml")])


# The command line


def test_a_person_is_added_listed_and_disabled_by_commands(house: House, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD + "\n")
    added = run(house, "person", "add", "Ida", "--name", "Ida", "--role", "team_lead", "--password-file", str(secret))
    assert added.exit_code == 0, added.output
    assert run(house, "person", "add", "boss", "--name", "Boss", "--role", "administrator").exit_code == 0
    listed = json.loads(run(house, "person", "list", "--json").stdout)["people"]
    roles = {one["login"]: [held["role"] for held in one["roles"]] for one in listed}
    assert roles == {"ida": ["team_lead"], "boss": ["administrator"]}
    client = house.stranger()
    told = {"login": "ida", "password": PASSWORD}
    assert client.post("/account/login/", told).status_code == 302
    assert client.get("/certificates").status_code == 200
    assert run(house, "person", "disable", "ida").exit_code == 0
    assert client.get("/certificates").status_code == 302, "what she was signed in to ends with it"
    assert house.stranger().post("/account/login/", told).headers.get("Location") != "/"
    actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert actions.count("person.added") == 2
    assert "person.disabled" in actions
    assert actions[-1] == "person.sign_in_failed", "that she tried again is written down"
    assert all("by command line" in one.who for one in AuditEntry.objects.filter(action="person.added"))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("person", "add", "x y", "--name", "X", "--role", "team_lead"), "allowed are up to 64"),
        (("person", "add", "x", "--name", "X", "--role", "customer_data"), "belongs to: customer"),
        (("person", "add", "x", "--name", "X", "--role", "team_lead", "--organisation", "Nobody"), "no organisation"),
        (("person", "disable", "nobody"), "no person"),
        (("person", "link", "nobody"), "no person"),
        (("organisation", "add", "K", "--kind", "customer", "--cvr", "12"), "8 digits"),
        (("organisation", "add", " ", "--kind", "customer"), "needs a name"),
    ],
)
def test_what_cannot_be_is_one_line_and_changes_nothing(house: House, words: tuple[str, ...], says: str) -> None:
    done = run(house, *words)
    assert (done.exit_code, says in done.stderr) == (2, True), done.output
    assert len(done.stderr.splitlines()) == 1
    assert (Person.objects.count(), Membership.objects.count()) == (0, 0)


def test_the_last_administrator_stays(house: House) -> None:
    house.person("administrator")
    with pytest.raises(PartyProblem, match="last administrator"):
        services.disable_person(ACTOR, services.person_named("administrator"))
    house.person("administrator", login="second")
    services.disable_person(ACTOR, services.person_named("administrator"))


def test_a_short_password_is_refused(house: House) -> None:
    with pytest.raises(PartyProblem, match="too short"):
        services.draft_person("x", name="X", password="short")


def test_a_customers_certificates_are_its_own_those_that_came_before_too(house: House) -> None:
    site = Site(house)
    site.put(*chain_of(site.key, 2))
    kolding = services.add_organisation(ACTOR, "Kolding Kommune", "customer")
    other = services.add_organisation(ACTOR, "Odense Kommune", "customer")
    theirs, others = house.client("customer_data", kolding, "kk"), house.client("customer_data", other, "ok")
    later = chain_of(site.key, 3)[2]
    site.put(later)
    assert len(theirs.get("/api/v1/certificates").json()["certificates"]) == 3
    assert others.get("/api/v1/certificates").json()["certificates"] == []
    assert theirs.get(f"/certificates/{later.id}").status_code == 200
    for ending in ("", ".jws", ".jwk", ".pem"):
        assert others.get(f"/certificates/{later.id}{ending}").status_code == 404


# Links


def test_a_link_works_once_and_not_after_its_hour(house: House) -> None:
    person = house.person("team_lead")
    link = f"/welcome/{links.make('sign-in', person)}"
    client = house.stranger()
    assert client.get(link).status_code == client.get(link).status_code == 200, "looking at it uses nothing up"
    assert client.post(link).headers["Location"] == "/today"
    assert client.get("/").status_code == 200
    assert house.stranger().post(link).status_code == 410
    late = links.make("sign-in", person)
    OneTimeLink.objects.filter(used_at=None).update(ends_at=now())
    with pytest.raises(LinkProblem):
        links.find(late)
    assert house.stranger().get("/welcome/nonsense").status_code == 410


def test_of_two_who_use_a_link_at_once_one_is_let_in(each_house: House) -> None:
    token = links.make("sign-in", each_house.person("team_lead"))
    found, results = links.find(token), []

    def use() -> None:
        try:
            with transaction.atomic():
                links.use(found)
            results.append("in")
        except LinkProblem:
            results.append("out")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["in"] + ["out"] * 5


def test_a_link_of_a_disabled_person_does_nothing(house: House) -> None:
    token = links.make("sign-in", house.person("team_lead"))
    services.disable_person(ACTOR, services.person_named("team_lead"))
    assert house.stranger().get(f"/welcome/{token}").status_code == 410


def test_secrets_of_the_collector_are_its_owners_alone(house: House) -> None:
    folder = house.configuration.keys_dir
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


# The database


@pytest.fixture
def two_roles(tmp_path: Path, fresh_postgres: str) -> Iterator[Path]:
    """A configuration with an owner and an application role apart, over an empty database."""
    name = fresh_postgres.rpartition("/")[2]
    with psycopg.connect(fresh_postgres, autocommit=True) as admin:
        for role in ("owner", "app"):
            admin.execute(f"CREATE ROLE {name}_{role} LOGIN".encode())
        admin.execute(f"ALTER DATABASE {name} OWNER TO {name}_owner".encode())
        admin.execute(f"ALTER SCHEMA public OWNER TO {name}_owner".encode())
    urls = {role: fresh_postgres.replace("tester@", f"{name}_{role}@") for role in ("owner", "app")}
    (tmp_path / "c.toml").write_text(f'[database]\nurl = "{urls["app"]}"\nowner_url = "{urls["owner"]}"\n')
    boot.boot(load(tmp_path / "c.toml"))
    yield tmp_path
    connections.close_all()


def test_the_applications_role_uses_the_tables_and_changes_no_evidence(two_roles: Path) -> None:
    upkeep.prepare(migrate=True)
    assert upkeep.problems() == []
    services.add_organisation(ACTOR, "Kolding Kommune", "customer")
    for sql in (
        "DELETE FROM parties_auditentry",
        "TRUNCATE parties_auditentry",
        "ALTER TABLE parties_auditentry DISABLE TRIGGER ALL",
        "DROP TRIGGER kept_parties_auditentry_row ON parties_auditentry",
        "CREATE TABLE mine (x int)",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)
    assert AuditEntry.objects.count() == 1


def test_check_says_where_the_roles_are_one(each_house: House) -> None:
    found = upkeep.problems()
    assert [one for one in found if "role" in one] == found
    assert len(found) == (1 if connection.vendor == "postgresql" else 0)


def test_check_names_what_is_missing_and_ends_with_1(house: House) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER kept_intake_statement_update")
    done = run(house, "check", "--json")
    problems = json.loads(done.stdout)["problems"]
    assert done.exit_code == 1
    for words in ("kept_intake_statement_update", "nobody can sign in", "the broker at localhost:1883"):
        assert any(words in one for one in problems), words
    upkeep.prepare(migrate=True)
    assert AuditEntry.objects.get(action="database.triggers_mended").detail == {
        "triggers": ["kept_intake_statement_update"]
    }


def test_sqlite_is_set_up_so_that_a_commit_is_kept(house: House) -> None:
    with connection.cursor() as cursor:
        found: list[Any] = []
        for pragma in ("journal_mode", "synchronous", "foreign_keys"):
            cursor.execute(f"PRAGMA {pragma}")
            found.append(cursor.fetchone()[0])
    assert found == ["wal", 2, 1]
    assert connection.settings_dict["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


LOCK_S = 0.25


def test_no_page_holds_the_lock_that_the_intake_waits_for(house: House) -> None:
    """Measured from outside: another connection takes SQLite's one write lock again and again meanwhile."""
    person = house.person("team_lead")
    person.set_password(PASSWORD)
    person.save()
    waits, stop = [], threading.Event()

    def writer() -> None:
        raw = sqlite3.connect(house.folder / "c.db", timeout=30, isolation_level=None)
        while not stop.is_set():
            began = time.thread_time(), time.monotonic()
            raw.execute("BEGIN IMMEDIATE")
            waits.append(time.monotonic() - began[1])
            raw.execute("ROLLBACK")
            stop.wait(0.002)
        raw.close()

    thread = threading.Thread(target=writer)
    thread.start()
    try:
        for number in range(5):
            client = house.stranger()
            assert client.post("/account/login/", {"login": "team_lead", "password": PASSWORD}).status_code == 302
            assert client.get("/").status_code == 200
            link = f"/welcome/{links.make('first-administrator')}"
            told = {"organisation": "W", "name": "N", "login": f"n{number}", "password": PASSWORD}
            assert house.stranger().post(link, told).status_code == 302
            client.post("/account/logout/")
    finally:
        stop.set()
        thread.join()
    assert len(waits) > 50
    # The promise is that no transaction takes longer; a machine under load makes each of them wait for its turn.
    assert sorted(waits)[int(len(waits) * 0.99)] < LOCK_S


@pytest.mark.parametrize("odd", ["B\u202eo", "B\x1b[31mo", "B\u200bo", "B\0o", "x" * 201])
def test_a_name_that_turns_hides_or_steers_text_is_nobodys(house: House, odd: str) -> None:
    """It stands on settlements, on certificates' pages and in terminals."""
    with pytest.raises(PartyProblem, match="allowed are up to 200 characters"):
        services.own_organisation(odd)
    for words in (
        ("person", "add", "bo", "--name", odd, "--role", "finance"),
        ("organisation", "add", odd, "--kind", "customer"),
    ):
        done = run(house, *words)
        assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1), done.output
        assert done.stderr.strip().isprintable()
    with pytest.raises(PartyProblem, match="allowed are up to 200 characters"):
        services.change_person(ACTOR, house.person("validator"), title=odd)
    assert not Person.objects.filter(login="bo").exists()


@pytest.mark.parametrize("password", ["pass word 17\0", "long enough 17" * 100])
def test_a_password_that_no_page_takes_is_not_given(house: House, tmp_path: Path, password: str) -> None:
    (tmp_path / "secret").write_text(password)
    done = run(
        house, "person", "add", "bo", "--name", "Bo", "--role", "finance", "--password-file", str(tmp_path / "secret")
    )
    assert (done.exit_code, "up to 1000 characters" in done.stderr) == (2, True), done.output
    assert not Person.objects.filter(login="bo").exists()
