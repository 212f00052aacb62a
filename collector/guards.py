"""Rows that stay as they are: triggers that refuse every change, on SQLite and PostgreSQL both.

Django remakes a table on SQLite when it changes it, and the table's triggers go silently. So no migration makes a
trigger by itself: each that touches a table wraps its operations in `Guarded`, which drops all of ours before and
makes all of ours again afterwards. `differences` compares what is there with what must be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

PREFIX = "kept_"
FUNCTION = "benchwipe_kept"
POSTGRES_FUNCTION = (
    f"CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
)


@dataclass(frozen=True)
class Guard:
    """A table whose rows are never changed, never deleted, and never replaced through one of its keys."""

    table: str
    keys: tuple[str, ...]


GUARDS = (
    Guard("intake_certificatebytes", ("id",)),
    Guard("intake_statement", ("arrival", "sha256")),
    Guard("parties_auditentry", ("id",)),
    Guard("units_unitevent", ("id",)),
    Guard("units_custody", ("id",)),
)


def statements(guard: Guard, vendor: str) -> Mapping[str, str]:
    """Write the triggers of a table: name -> SQL."""
    table, refuse = guard.table, f"SELECT RAISE(ABORT, '{guard.table} is append-only')"
    name = f"{PREFIX}{table}"
    if vendor == "postgresql":
        call = f"EXECUTE FUNCTION {FUNCTION}()"
        return {
            f"{name}_row": f"CREATE TRIGGER {name}_row BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {call}",
            f"{name}_all": f"CREATE TRIGGER {name}_all BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {call}",
        }
    # INSERT OR REPLACE deletes the old row, and fires no trigger of DELETE unless its connection asked for that.
    known = " OR ".join(f"{key} = NEW.{key}" for key in (*guard.keys, "rowid"))
    again = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {known})"
    return {
        f"{name}_update": f"CREATE TRIGGER {name}_update BEFORE UPDATE ON {table} BEGIN {refuse}; END",
        f"{name}_delete": f"CREATE TRIGGER {name}_delete BEFORE DELETE ON {table} BEGIN {refuse}; END",
        f"{name}_insert": f"CREATE TRIGGER {name}_insert BEFORE INSERT ON {table} {again} BEGIN {refuse}; END",
    }


def wanted(connection: BaseDatabaseWrapper) -> dict[str, str]:
    """List the triggers that this database must have: name -> SQL. Tables that are not there yet have none."""
    there = set(connection.introspection.table_names())
    found: dict[str, str] = {}
    for guard in GUARDS:
        if guard.table in there:
            found |= statements(guard, connection.vendor)
    return found


def standing(connection: BaseDatabaseWrapper) -> dict[str, tuple[str, str]]:
    """List our triggers in this database: name -> (table, what it does)."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # tgenabled O: it fires; a trigger that was switched off is none.
            cursor.execute(
                "SELECT t.tgname, c.relname, pg_get_triggerdef(t.oid) FROM pg_trigger t "
                "JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND t.tgname LIKE %s "
                "AND t.tgenabled IN ('O', 'A') AND pg_table_is_visible(c.oid)",
                [PREFIX + "%"],
            )
        else:
            cursor.execute(
                "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s", [PREFIX + "%"]
            )
        return {name: (table, text) for name, table, text in cursor.fetchall()}


def differences(connection: BaseDatabaseWrapper) -> list[str]:
    """Name the triggers that are gone, switched off or not as they must be."""
    must, there = wanted(connection), standing(connection)
    return sorted(name for name, text in must.items() if name not in there or not _same(text, there[name][1]))


def _same(must: str, there: str) -> bool:
    """PostgreSQL writes its own form back, with the schema before the names and a fixed order of events."""
    return _words(must) == _words(there)


def _words(text: str) -> list[str]:
    bare = text.replace("public.", "").replace("(", " ").replace(")", " ").replace(";", " ")
    return sorted(word for word in bare.upper().split() if word != "OR")


def drop(connection: BaseDatabaseWrapper) -> None:
    """Drop every trigger of ours, so that rows can be moved."""
    there = standing(connection)
    with connection.cursor() as cursor:
        for name, (table, _) in there.items():
            on = f' ON "{table}"' if connection.vendor == "postgresql" else ""
            cursor.execute(f'DROP TRIGGER IF EXISTS "{name}"{on}')


def make(connection: BaseDatabaseWrapper) -> None:
    """Make every trigger of ours anew."""
    drop(connection)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(POSTGRES_FUNCTION)
        for text in wanted(connection).values():
            cursor.execute(text)


class Guarded(Operation):
    """Run operations without the triggers, and make all triggers again. Every migration of ours is one of these."""

    atomic = True
    reduces_to_sql = False

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.operations = operations

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        """Write the operation down, as Django asks for it."""
        return type(self).__qualname__, [], {"operations": self.operations}

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Carry the models' state on."""
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Drop the triggers, run what is inside, make them again."""
        drop(schema_editor.connection)
        state = from_state
        for operation in self.operations:
            after = state.clone()
            operation.state_forwards(app_label, after)
            operation.database_forwards(app_label, schema_editor, state, after)
            state = after
        make(schema_editor.connection)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Refuse: evidence is not migrated back."""
        raise NotImplementedError("this database cannot be taken back to an older program; restore a backup instead")

    def describe(self) -> str:
        """Say what it does, for `migrate`'s list."""
        return "; ".join(operation.describe() for operation in self.operations)
