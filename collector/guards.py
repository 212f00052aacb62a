"""Rows that stay as they are: triggers that refuse every change, on SQLite and PostgreSQL both.

Django remakes a table on SQLite when it changes it, and the table's triggers go silently. So no migration makes a
trigger by itself: each that touches a table wraps its operations in `Guarded`, which drops all of ours before and
makes all of ours again afterwards. `differences` compares what is there with what must be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.operations.models import CreateModel
from django.db.migrations.state import ProjectState

PREFIX = "kept_"
FUNCTION = "benchwipe_kept"
ALWAYS = "TRUE"
POSTGRES_FUNCTION = (
    f"CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
)


@dataclass(frozen=True)
class Guard:
    """A table whose rows are kept, and never replaced through one of its keys (`a,b` is one key of two columns).

    `change`, `remove` and `add` say of which rows an UPDATE, a DELETE, an INSERT is refused: conditions in SQL over OLD
    and NEW. Without them: no row is ever changed or deleted, and any is added.
    """

    table: str
    keys: tuple[str, ...]
    change: str = ALWAYS
    remove: str = ALWAYS
    add: str = ""

    @property
    def is_append_only(self) -> bool:
        """Whether no row is ever changed or deleted, whatever stands in it."""
        return self.change == self.remove == ALWAYS


_SETTLED = "EXISTS (SELECT 1 FROM trade_settlement s WHERE s.period_id = NEW.settlement_id)"
_BINDING = "EXISTS (SELECT 1 FROM trade_agreementversion v WHERE v.id = {row}.version_id AND v.binding_at IS NOT NULL)"
GUARDS = (
    Guard("intake_certificatebytes", ("id",)),
    Guard("intake_statement", ("arrival", "sha256")),
    Guard("parties_auditentry", ("id",)),
    Guard("statements_signedstatement", ("seq", "sha256", "previous")),
    Guard("statements_subject", ("id",)),
    Guard("foreign_foreignfile", ("id", "sha256")),
    Guard("foreign_foreignrecord", ("id",)),
    Guard("statements_commitment", ("statement_id",)),
    Guard("units_unitevent", ("id",)),
    Guard("units_custody", ("id",)),
    Guard(
        "trade_agreementversion",
        ("id", "agreement_id,valid_from"),
        change="OLD.binding_at IS NOT NULL",
        remove="OLD.binding_at IS NOT NULL",
    ),
    Guard(
        "trade_agreementrate",
        ("id", "version_id,kind,grade"),
        change=f"{_BINDING.format(row='OLD')} OR {_BINDING.format(row='NEW')}",
        remove=_BINDING.format(row="OLD"),
        add=_BINDING.format(row="NEW"),
    ),
    Guard("trade_approval", ("id", "version_id,side,fingerprint")),
    Guard("trade_consent", ("id",)),
    Guard("trade_sale", ("id", "seller_id,channel,reference")),
    Guard("trade_saleline", ("id", "sale_id,line")),
    Guard("trade_saleevent", ("id", "line_id,external_id")),
    Guard("trade_ledgerentry", ("id", "kind,source")),
    Guard(
        "trade_period",
        ("id", "agreement_id,first_day"),
        change="OLD.state = 'closed' OR OLD.agreement_id <> NEW.agreement_id OR OLD.first_day <> NEW.first_day "
        "OR OLD.last_day <> NEW.last_day",
        remove="OLD.state = 'closed'",
    ),
    Guard("trade_settlementnumber", ("seller_id",), change="NEW.last <> OLD.last + 1"),
    Guard("trade_settlement", ("period_id", "seller_id,number")),
    Guard("trade_settlementline", ("id", "settlement_id,line"), add=_SETTLED),
    Guard("trade_settledentry", ("entry_id",), add=_SETTLED),
    Guard("trade_settlementfile", ("id", "settlement_id,kind"), add=_SETTLED),
    Guard("trade_objection", ("id",)),
    Guard("trade_objectionanswer", ("objection_id",)),
    Guard("effect_factordocument", ("id", "version", "sha256")),
    Guard("effect_work", ("id",)),
    Guard("effect_figure", ("id",)),
)


def functions(guard: Guard) -> str:
    """Write the function that PostgreSQL's triggers of this table call, with its own conditions within."""
    refuse = f"RAISE EXCEPTION '{guard.table} is append-only';"
    parts = (("INSERT", guard.add or "FALSE"), ("UPDATE", guard.change), ("DELETE", guard.remove))
    checks = " ".join(f"IF TG_OP = '{verb}' THEN IF {when} THEN {refuse} END IF; END IF;" for verb, when in parts)
    return (
        f"CREATE OR REPLACE FUNCTION {FUNCTION}_{guard.table}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {checks} IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$"
    )


def statements(guard: Guard, vendor: str) -> Mapping[str, str]:
    """Write the triggers of a table: name -> SQL."""
    table, refuse = guard.table, f"SELECT RAISE(ABORT, '{guard.table} is append-only')"
    name = f"{PREFIX}{table}"
    if vendor == "postgresql":
        plain = guard.is_append_only and not guard.add
        verbs = "UPDATE OR DELETE" if plain else "INSERT OR UPDATE OR DELETE"
        row = f"{FUNCTION}()" if plain else f"{FUNCTION}_{table}()"
        return {
            f"{name}_row": f"CREATE TRIGGER {name}_row BEFORE {verbs} ON {table} FOR EACH ROW EXECUTE FUNCTION {row}",
            f"{name}_all": f"CREATE TRIGGER {name}_all BEFORE TRUNCATE ON {table} FOR EACH STATEMENT "
            f"EXECUTE FUNCTION {FUNCTION}()",
        }
    # INSERT OR REPLACE deletes the old row, and fires no trigger of DELETE unless its connection asked for that.
    known = " OR ".join(f"({_same_key(key)})" for key in (*guard.keys, "rowid"))
    again = f"EXISTS (SELECT 1 FROM {table} WHERE {known})"
    when = {
        "update": f"BEFORE UPDATE ON {table} WHEN {guard.change}",
        "delete": f"BEFORE DELETE ON {table} WHEN {guard.remove}",
        "insert": f"BEFORE INSERT ON {table} WHEN {again}" + (f" OR {guard.add}" if guard.add else ""),
    }
    return {f"{name}_{verb}": f"CREATE TRIGGER {name}_{verb} {told} BEGIN {refuse}; END" for verb, told in when.items()}


def _same_key(key: str) -> str:
    return " AND ".join(f"{column} = NEW.{column}" for column in key.split(","))


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
            there = set(connection.introspection.table_names(cursor))
            for guard in GUARDS:
                if guard.table in there:
                    cursor.execute(functions(guard))
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
        _carry(self.operations, app_label, state)

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
        for step in _steps(self.operations):
            after = state.clone()
            _carry(step, app_label, after)
            for operation in step:
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


def _steps(operations: Iterable[Operation]) -> Iterator[list[Operation]]:
    """Take the tables that are made one after another as one step: none of them needs the state in between."""
    for are_made, some in groupby(operations, lambda one: isinstance(one, CreateModel)):
        if are_made:
            yield list(some)
        else:
            yield from ([one] for one in some)


def _carry(operations: Sequence[Operation], app_label: str, state: ProjectState) -> None:
    """Carry the models' state on. Where that are several steps, its classes are made once, not after each."""
    drawn = len(operations) > 1 and state.__dict__.pop("apps", None) is not None
    for operation in operations:
        operation.state_forwards(app_label, state)
    if drawn:
        _ = state.apps
