"""Where a database is: an URL as people write it -> a frozen value. Pure."""

from __future__ import annotations

from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

SQLITE = "sqlite"
POSTGRESQL = ("postgresql", "postgres")


class PlaceProblem(Exception):
    """An URL that names no database that can be used."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A database. `name` is SQLite's file, or the database on PostgreSQL's server."""

    kind: Literal["sqlite", "postgresql"]
    name: str
    user: str = ""
    password: str = ""
    host: str = ""
    port: int | None = None
    options: dict[str, str] = {}


def read_url(url: str) -> Place:
    """Read the URL. Raise PlaceProblem with what is allowed."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise PlaceProblem("allowed is an URL like sqlite:///collector.db")
    if scheme == SQLITE and rest.startswith("/") and len(rest) > 1:
        return Place(kind="sqlite", name=unquote(rest[1:]))
    if scheme not in POSTGRESQL:
        raise PlaceProblem("allowed is sqlite:///FILE or postgresql://USER@HOST/NAME")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise PlaceProblem("allowed is an URL like sqlite:///collector.db") from None
    name = unquote(parts.path.removeprefix("/"))
    if not name or "/" in name:
        raise PlaceProblem("allowed is sqlite:///FILE or postgresql://USER@HOST/NAME")
    return Place(
        kind="postgresql",
        name=name,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        host=parts.hostname or "",
        port=port,
        options=dict(parse_qsl(parts.query)),
    )


def without_password(url: str) -> str:
    """Hide the password, for a message about the URL: whatever stands before its last @ may be one."""
    scheme, separator, rest = url.partition("://")
    return scheme + separator + ("***@" + rest.rpartition("@")[2] if "@" in rest else rest)


def owner_problems(url: str, owner_url: str) -> list[str]:
    """Name what is wrong with the owner's URL: it leads to the same database, else another one would be migrated."""
    if not owner_url:
        return []
    used, owned = read_url(url), read_url(owner_url)
    if "sqlite" in (used.kind, owned.kind):
        return ["database.owner_url: SQLite has no roles; it belongs to a database.url of PostgreSQL"]
    if (used.host, used.port, used.name) != (owned.host, owned.port, owned.name):
        return ["database.owner_url: allowed is the same server and database as in database.url, as another user"]
    return []
