"""The collector's Django in the test's own process, over a fresh database of either kind; and people who sign in."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connections
from django.test import Client

from agent.certificates.jws import thumbprint
from collector import boot
from collector.fleet.live import Live
from collector.fleet.sources import SOURCES, Health
from collector.intake import enrolment
from collector.intake.book import Enrolled, enrolled
from collector.parties.services import Actor
from collector.settings import Configuration, load

PASSWORD = "a long enough password"


def enrolled_by(station: str, *keys: Ed25519PrivateKey) -> Enrolled:
    """Enrol the keys of a station; what is believed of it now."""
    enrolment.enrol(Actor("test"), station, {thumbprint(key.public_key()): key.public_key() for key in keys})
    return enrolled({station})


def configure(folder: Path, url: str = "sqlite:///c.db", more: str = "") -> Configuration:
    """Write a configuration into a folder, and start Django for it."""
    (folder / "c.toml").write_text(f'{more}\n[database]\nurl = "{url}"\n')
    configuration = load(folder / "c.toml")
    boot.boot(configuration)
    return configuration


def migrate() -> None:
    """Bring the database up to date."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


class Template:
    """A migrated database, made once and copied for each test: a migration takes two seconds, a copy none."""

    def __init__(self, folder: Path, postgres: str | None) -> None:
        self._folder, self._postgres = folder, postgres
        self._url = f"sqlite:///{folder}/template.db"
        if postgres is not None:
            self._url = _database(postgres, "template_collector", "")
        configure(folder, self._url)
        migrate()
        connections.close_all()

    @property
    def file(self) -> Path:
        """The SQLite file to be copied."""
        return self._folder / "template.db"

    def copy(self, folder: Path, name: str = "c.db") -> str:
        """Make a database; its URL."""
        if self._postgres is None:
            shutil.copy(self.file, folder / name)
            return f"sqlite:///{folder}/{name}"
        return _database(self._postgres, f"t{os.getpid()}_{time.monotonic_ns()}", "TEMPLATE template_collector")


@lru_cache(maxsize=1)
def sqlite_template() -> Template:
    """Return this process's migrated SQLite database, made at its first use."""
    folder = Path(tempfile.mkdtemp(prefix="benchwipe-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Template(folder, None)


def _database(postgres: str, name: str, more: str) -> str:
    with psycopg.connect(postgres, autocommit=True) as connection:
        if not more:
            connection.execute(f"DROP DATABASE IF EXISTS {name}".encode())
        connection.execute(f"CREATE DATABASE {name} {more}".encode())
    return postgres.rpartition("/")[0] + f"/{name}"


class House:
    """A collector's database, its configuration, and clients that are signed in."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.configuration = configure(folder, url)
        SOURCES.live = Live()
        SOURCES.intake = SOURCES.listening = lambda: Health(well=True, words="connected")

    def organisation(self, name: str = "Workshop", kind: str = "operator") -> Any:  # noqa: ANN401 - a model
        """Return the organisation of this name, made now if it is new."""
        from collector.parties import services
        from collector.parties.models import Organisation

        found = Organisation.objects.filter(name=name).first()
        return found or services.add_organisation(services.Actor("test"), name, kind)

    def person(self, role: str, organisation: Any = None, login: str = "", **facts: Any) -> Any:  # noqa: ANN401
        """Return a person with a role; their login is the role's name unless another is given."""
        from collector.parties import services
        from collector.parties.models import Person
        from collector.parties.roles import FITS

        login = login or role
        found = Person.objects.filter(login=login).first()
        if found is not None:
            return found
        kind = "operator" if "operator" in FITS[role] and role != "auditor" else sorted(FITS[role])[0]
        where = organisation or self.organisation("Workshop" if kind == "operator" else f"A {kind}", kind)
        made = services.add_person(
            services.Actor("test"), login, name=login.title(), role=role, organisation=where, password=None
        )
        for name, value in facts.items():
            setattr(made, name, value)
        made.save()
        return made

    def client(self, role: str = "team_lead", organisation: Any = None, login: str = "", **facts: Any) -> Client:  # noqa: ANN401
        """Return a client in which a person with this role is signed in."""
        client = Client(raise_request_exception=False, SERVER_NAME="localhost")
        client.force_login(self.person(role, organisation, login, **facts))
        return client

    def stranger(self) -> Client:
        """Return a client in which nobody is signed in."""
        return Client(raise_request_exception=False, SERVER_NAME="localhost")

    def close(self) -> None:
        """Let the database go."""
        connections.close_all()
