"""The database made ready: migrated, its triggers in place, its roles apart. At each start, and by `migrate`."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.apps import apps
from django.core.management import call_command
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from collector import guards
from collector.boot import OWNER
from collector.certificates import search_follow
from collector.errors import CollectorError, SchemaTooNew
from collector.owned import make_file
from collector.parties.services import Actor, note

LOG = logging.getLogger(__name__)
ADVISORY = 0x62777063  # any number that nobody else's advisory lock has


class NotMigrated(CollectorError):
    """The database is of an older program, and nobody asked for it to be changed."""

    code = "BW-C12"
    message = "the database is {count} steps behind this program"
    hint = "Run `benchwipe-collector migrate`, or let `serve` do it (migrate_at_start = true)."


def prepare(*, migrate: bool) -> None:
    """Make the database ready to be used. Raise SchemaTooNew or NotMigrated; a database error if it is away."""
    if _steps(connections["default"]) == 0 and not guards.differences(connections["default"]):
        return
    owner = _owner()
    with _alone(owner):
        steps = _steps(owner)
        if steps and not migrate:
            raise NotMigrated(count=steps)
        if steps:
            LOG.warning("the database is brought up to date: %d steps", steps)
            call_command("migrate", database=owner.alias, interactive=False, verbosity=0)
        gone = guards.differences(owner)
        if gone:
            _mend(owner, gone)
        if owner.alias == OWNER:
            _grant(owner)
    if owner.alias == OWNER:
        owner.close()


def bring_up() -> None:
    """Do at once all that a start leaves to the running collector: migrate, and complete the search."""
    prepare(migrate=True)
    search_follow.catch_up()


def missing() -> str:
    """Say that there is no database, where there is none: SQLite makes one of whatever name it is asked for."""
    told = connections["default"].settings_dict["NAME"]
    if connections["default"].vendor != "sqlite" or Path(told).exists():
        return ""
    return f"there is no database at {told}: `serve` or `benchwipe-collector migrate` makes it"


def is_ready() -> bool:
    """Say whether the tables are those of this program."""
    return not missing() and _steps(connections["default"]) == 0


def require() -> None:
    """Raise NotMigrated where the tables are not those of this program, CollectorError where there are none.

    Nothing is changed.
    """
    if told := missing():
        raise CollectorError(problem=told)
    steps = _steps(connections["default"])
    if steps:
        raise NotMigrated(count=steps)


def problems() -> list[str]:
    """List what is not as it must be, for `check`."""
    if told := missing():
        return [told]
    connection = connections["default"]
    found = []
    steps = _steps(connection)
    if steps:
        return [f"the database is {steps} steps behind this program: benchwipe-collector migrate"]
    found += [
        f"trigger {name} is gone or was changed: rows could be changed unseen"
        for name in guards.differences(connection)
    ]
    if connection.vendor == "postgresql":
        found += _role_problems(connection)
    return found + search_follow.problems()


def _owner() -> BaseDatabaseWrapper:
    return connections[OWNER] if OWNER in connections.settings else connections["default"]


def _steps(connection: BaseDatabaseWrapper) -> int:
    """How many migrations are still to be run. SchemaTooNew where a newer program ran some that we do not have."""
    executor = MigrationExecutor(connection)
    known = executor.loader.disk_migrations
    ours = {one.label for one in apps.get_app_configs() if one.name.startswith("collector.")}
    newer = sorted(
        f"{app}.{name}" for app, name in executor.loader.applied_migrations if app in ours and (app, name) not in known
    )
    if newer:
        raise SchemaTooNew(found=newer[-1], known=sorted(f"{a}.{n}" for a, n in known if a in ours)[-1])
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


@contextmanager
def _alone(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Let one process at a time change the database; several start at once."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0; SET lock_timeout = 0")  # a million rows take their time
            cursor.execute("SELECT pg_advisory_lock(%s)", [ADVISORY])
            try:
                yield
            finally:
                connection.close()  # lets the lock and the settings go, also where the connection is broken
        return
    path = Path(str(connection.settings_dict["NAME"]) + ".lock")
    make_file(path)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _mend(owner: BaseDatabaseWrapper, gone: list[str]) -> None:
    """Make the triggers again, and leave a trace of it: for a while nothing kept the rows as they were."""
    LOG.critical("triggers that keep evidence as it was written were gone, and are made again: %s", ", ".join(gone))
    guards.make(owner)
    note(Actor(who="start"), "database.triggers_mended", triggers=gone)


def _grant(owner: BaseDatabaseWrapper) -> None:
    """Let the application's role use the tables, and change no evidence."""
    role = owner.ops.quote_name(str(connections["default"].settings_dict["USER"]))
    kept = ", ".join(guard.table for guard in guards.GUARDS if guard.is_append_only)
    with owner.cursor() as cursor:
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
        cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}")
        cursor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {kept} FROM {role}")


def _role_problems(connection: BaseDatabaseWrapper) -> list[str]:
    """What the application's role could do that it should not: own the tables, or be above all rights."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        above = bool((cursor.fetchone() or [False])[0])
        cursor.execute("SELECT pg_has_role(current_user, relowner, 'MEMBER') FROM pg_class WHERE oid = %s::regclass",
                       [guards.GUARDS[0].table])  # fmt: skip
        owns = bool((cursor.fetchone() or [False])[0])
    told = "; give `database.owner_url` another role, which owns them"
    if above:
        return ["the application's role is a superuser: no trigger and no right holds it back" + told]
    return ["the application's role owns the tables, and could drop the triggers" + told] if owns else []
