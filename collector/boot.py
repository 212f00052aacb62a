"""Lays a configuration over Django's settings and starts it. The one place where the two meet."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings as django_settings
from django.db import connections

from collector import catalogues
from collector.errors import CollectorError
from collector.intake import signing
from collector.owned import make_file, make_folder
from collector.parties.tenants import Provider
from collector.place import Place
from collector.settings import Configuration

BUSY_MS = 5000
CONNECT_S = 5
STATEMENT_MS = 30_000
SETTINGS = "collector.django_settings"
OWNER = "owner"
"""The database as the role that owns its tables, where the configuration names one."""


def boot(configuration: Configuration, *, make: bool = True) -> None:
    """Start Django for this configuration. Once it runs, another one may be put in its place (tests do).

    `make`: the database's file and the pages' secret are made where there are none; whoever only looks makes nothing.

    Raise CollectorError where a secret cannot be read or made.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", SETTINGS)
    try:
        place = configuration.database()
        databases = {"default": database_settings(place)}
        if configuration.settings.database.owner_url:
            databases[OWNER] = database_settings(configuration.database(owner=True))
        if make and place.kind == "sqlite":
            make_folder(Path(place.name).parent)
            make_file(Path(place.name))
    except (OSError, UnicodeDecodeError) as error:
        raise CollectorError(problem=f"the database's settings cannot be used: {error}") from None
    told = configuration.settings
    secure = configuration.secure
    django_settings.SECRET_KEY = signing.secret(configuration.keys_dir, "session", make=make)
    django_settings.ALLOWED_HOSTS = _hosts(configuration)
    django_settings.CSRF_TRUSTED_ORIGINS = [told.public_url] if told.public_url else []
    django_settings.SESSION_COOKIE_SECURE = django_settings.CSRF_COOKIE_SECURE = secure
    django_settings.COLLECTOR_STATIONS_DIR = configuration.stations_dir
    django_settings.COLLECTOR_TASKS_DIR = configuration.tasks_dir
    _people(configuration)
    catalogues.compile_old()
    _use(databases)
    django_settings.COLLECTOR = configuration
    django.setup()


def database_settings(place: Place) -> dict[str, Any]:
    """Write the database as Django wants it: what COMMIT said is on the medium, and a writer takes its lock at once."""
    if place.kind == "sqlite":
        pragmas = f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = {BUSY_MS};"
        options: dict[str, Any] = {
            "transaction_mode": "IMMEDIATE",  # who began by reading cannot always write later (SQLITE_BUSY_SNAPSHOT)
            "timeout": BUSY_MS / 1000,
            "init_command": pragmas,
        }
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": place.name, "OPTIONS": options}
    limits = f"-c synchronous_commit=on -c lock_timeout={BUSY_MS} -c statement_timeout={STATEMENT_MS}"
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": place.name,
        "USER": place.user,
        "PASSWORD": place.password,
        "HOST": place.host,
        "PORT": "" if place.port is None else str(place.port),
        "CONN_HEALTH_CHECKS": True,
        "CONN_MAX_AGE": None,
        "OPTIONS": {**place.options, "connect_timeout": CONNECT_S, "options": limits},
    }


def _people(configuration: Configuration) -> None:
    """Say how mail is sent, and at which tenants people sign in. Raise CollectorError for a secret that is missing."""
    mail = configuration.settings.mail
    try:
        password = configuration.path(mail.password_file).read_text("utf-8").strip() if mail.password_file else ""
        django_settings.COLLECTOR_OIDC = tuple(
            Provider(
                id=one.id,
                name=one.name,
                authority=one.authority,
                tenant=one.tenant.lower(),
                client_id=one.client_id,
                client_secret=configuration.path(one.client_secret_file).read_text("utf-8").strip(),
            )
            for one in configuration.settings.oidc
        )
    except (OSError, UnicodeDecodeError) as error:
        raise CollectorError(problem=f"a secret of the configuration cannot be read: {error}") from None
    django_settings.EMAIL_HOST, django_settings.EMAIL_PORT = mail.host, mail.port
    django_settings.EMAIL_USE_TLS, django_settings.EMAIL_USE_SSL = mail.tls == "starttls", mail.tls == "tls"
    django_settings.EMAIL_HOST_USER, django_settings.EMAIL_HOST_PASSWORD = mail.username, password
    django_settings.COLLECTOR_MAIL_CA = str(configuration.path(mail.ca)) if mail.ca else ""
    django_settings.EMAIL_TIMEOUT, django_settings.DEFAULT_FROM_EMAIL = CONNECT_S, mail.sender


def _use(databases: dict[str, dict[str, Any]]) -> None:
    """Make these the databases, also where Django already had others."""
    django_settings.DATABASES = databases
    if "settings" in vars(connections):  # already asked for once: it keeps what it was told then
        connections.close_all()
        connections.settings = connections.configure_settings(databases)
        for alias in ("default", OWNER):
            with contextlib.suppress(AttributeError):  # nobody has used the old one in this thread
                del connections[alias]


def _hosts(configuration: Configuration) -> list[str]:
    told = configuration.settings
    host = told.listen.rpartition(":")[0]
    names = ["localhost", "127.0.0.1", "[::1]", *told.hosts]
    names += [f"[{name}]" if ":" in name else name for name in told.tls.names]
    if told.public_url:
        names.append(urlsplit(told.public_url).hostname or "")
    if host.strip("[]") not in ("0.0.0.0", "::", ""):
        names.append(host)
    return sorted({name for name in names if name})
