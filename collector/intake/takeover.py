"""Takes over the database of the program before this one, and the keys in `stations/*.jwk`. Runs once, in a migration.

The old tables are read, their rows laid into the new ones under the same numbers, and dropped: in one transaction, so
that a power cut leaves the one or the other. Facts are read from the signed bytes anew; where those are no certificate
any more, the old columns are kept, and the page says what it says of such bytes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from agent.certificates.certificate import Certificate, read_unverified
from agent.certificates.jws import public_jwk
from agent.errors import CertificateProblem
from collector import moments
from collector.errors import EnrolmentError, SchemaTooNew
from collector.intake import rows
from collector.intake.keeping import COLUMNS
from collector.intake.keys import LARGEST, parse_keys
from collector.text import is_station_id

LOG = logging.getLogger(__name__)
NEWEST = 4
"""The last schema_version that the program before made."""
MANY = 500
OLD_TABLES = (
    "certificate_bytes", "certificate", "statement", "told_gap", "quarantine", "event", "station_key", "station",
    "schema_version",
)  # fmt: skip
SUFFIX = ".jwk"
MOVED = ".moved"

Row = dict[str, Any]


def take_over(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Do it, if there is anything to take over."""
    connection = editor.connection
    old = _Old(connection)
    if old.version:
        old.stations()
        old.certificates()
        old.rest()
        old.drop()
        if connection.vendor == "postgresql":
            _settle(connection)
    _keys_from_files(apps, connection)


class _Old:
    """The tables of the program before."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection
        self._there = set(connection.introspection.table_names())
        self._keys: dict[tuple[str, str], int] = {}
        self.version = 0
        if "schema_version" in self._there:
            self.version = self._query("SELECT version FROM schema_version")[0]["version"]
        if self.version > NEWEST:
            raise SchemaTooNew(found=self.version, known=NEWEST)

    def stations(self) -> None:
        """Take stations and the keys that signed what is stored: provable, and believed no more unless a file says."""
        names = dict(self._query_pairs("SELECT id, first_seen FROM station"))
        for table in ("station_key", "statement", "told_gap"):
            if table in self._there:
                for (name,) in self._fetch(f"SELECT DISTINCT station FROM {table}"):
                    names.setdefault(name, moments.now_text())
        self._insert("intake_station", ("id", "first_seen"), [(n, self._at(at)) for n, at in names.items()])
        now = self._adapt(moments.now())
        columns = ("station_id", "thumbprint", "x", "source", "first_seen", "revoked_at")
        found = self._query("SELECT station, key_id, x, first_seen FROM station_key")
        values = [(r["station"], r["key_id"], r["x"], "old", self._at(r["first_seen"]), now) for r in found]
        self._insert("intake_stationkey", columns, values)
        made = self._fetch("SELECT station_id, thumbprint, id FROM intake_stationkey")
        self._keys = {(station, kid): row for station, kid, row in made}

    def certificates(self) -> None:
        """Take certificates, some at a time."""
        query = (
            "SELECT c.arrival, c.id, c.key_id, c.station, c.sequence, c.previous, c.chain, c.number, c.outcome, "
            "c.serial, c.model, c.asset_tag, c.customer, c.lot, c.finished_at, c.clock_synchronised, c.received_at, "
            "c.search, b.compact FROM certificate c JOIN certificate_bytes b ON b.id = c.id "
            "WHERE c.arrival > %s ORDER BY c.arrival LIMIT %s"
        )
        for some in self._chunks(query):
            self._insert("intake_certificate", ("arrival", *COLUMNS), [self._certificate(row) for row in some])
            values = [(row["id"], bytes(row["compact"])) for row in some]
            self._insert("intake_certificatebytes", ("id", "compact"), values)

    def rest(self) -> None:
        """Take statements, told gaps, quarantine and events, where this version had them."""
        self._copy(
            "statement", "arrival",
            ("arrival", "sha256", "station_id", "signed_by_id", "typ", "certificate", "body", "received_at"),
            lambda r: (
                r["arrival"], r["sha256"], r["station"], self._key(r["station"], r["key_id"]), r["typ"],
                r["certificate"], bytes(r["body"]), self._at(r["received_at"]),
            ),
        )  # fmt: skip
        self._copy(
            "quarantine", "arrival",
            ("arrival", "digest", "topic", "station", "reason", "payload", "size", "times", "received_at", "last_at"),
            lambda r: (
                r["arrival"], r["digest"], r["topic"], r["station"], r["reason"], bytes(r["payload"]), r["size"],
                r["times"], self._at(r["received_at"]), self._at(r["last_at"]),
            ),
        )  # fmt: skip
        self._copy(
            "event", "arrival",
            ("arrival", "station", "boot_id", "seq", "event", "payload", "received_at"),
            lambda r: (
                r["arrival"], r["station"], r["boot_id"], r["seq"], r["event"], bytes(r["payload"]),
                self._at(r["received_at"]),
            ),
        )  # fmt: skip
        if "told_gap" in self._there:
            found = self._query("SELECT * FROM told_gap")
            values = [(r["station"], r["first"], r["last"], r["why"], self._at(r["received_at"])) for r in found]
            self._insert("intake_toldgap", ("station_id", "first", "last", "why", "received_at"), values)

    def drop(self) -> None:
        """Drop what was taken."""
        with self._connection.cursor() as cursor:
            for table in OLD_TABLES:
                if table in self._there:
                    cursor.execute(f"DROP TABLE {table}")
        LOG.warning("the database of the program before was taken over, from its version %d", self.version)

    def _certificate(self, row: Row) -> tuple[Any, ...]:
        signed = _read(bytes(row["compact"]), row["id"])
        facts = {**row, "station_id": row["station"], "customer_name": row["customer"], "operator": ""}
        if signed is not None:
            facts |= rows.certificate_row(signed, row["chain"])
        facts |= {
            "station_id": row["station"],
            "signed_by_id": self._key(row["station"], row["key_id"]),
            "customer_id": None,
            "clock_synchronised": bool(facts["clock_synchronised"]),
            "received_at": self._at(row["received_at"]),
        }
        return tuple(facts[name] for name in ("arrival", *COLUMNS))

    def _key(self, station: str, kid: str) -> int:
        """The row of a key; one whose value was lost is there without it, so that the page can say so."""
        if (station, kid) not in self._keys:
            now = self._adapt(moments.now())
            columns = ("station_id", "thumbprint", "x", "source", "first_seen", "revoked_at")
            self._insert("intake_stationkey", columns, [(station, kid, "", "old", now, now)])
            query = "SELECT id FROM intake_stationkey WHERE station_id = %s AND thumbprint = %s"
            self._keys[station, kid] = self._fetch(query, (station, kid))[0][0]
        return self._keys[station, kid]

    def _copy(self, table: str, key: str, columns: Sequence[str], change: Callable[[Row], tuple[Any, ...]]) -> None:
        if table in self._there:
            for some in self._chunks(f"SELECT * FROM {table} WHERE {key} > %s ORDER BY {key} LIMIT %s"):
                self._insert(f"intake_{table}", columns, [change(row) for row in some])

    def _chunks(self, query: str) -> Iterator[list[Row]]:
        last = -1
        while some := self._query(query, (last, MANY)):
            yield some
            last = some[-1]["arrival"]

    def _query(self, query: str, values: Sequence[Any] = ()) -> list[Row]:
        with self._connection.cursor() as cursor:
            cursor.execute(query, values)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _query_pairs(self, query: str) -> list[tuple[str, str]]:
        return [(first, second) for first, second in self._fetch(query)]

    def _fetch(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(query, values)
            return list(cursor.fetchall())

    def _insert(self, table: str, columns: Sequence[str], values: Sequence[tuple[Any, ...]]) -> None:
        places = ", ".join(["%s"] * len(columns))
        with self._connection.cursor() as cursor:
            cursor.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", values)

    def _at(self, written: str) -> Any:  # noqa: ANN401 - what the driver takes
        try:
            return self._adapt(moments.parse(written))
        except ValueError:
            return self._adapt(moments.now())

    def _adapt(self, moment: datetime) -> Any:  # noqa: ANN401 - what the driver takes
        return self._connection.ops.adapt_datetimefield_value(moment)


def _read(compact: bytes, identifier: str) -> Certificate | None:
    try:
        signed = read_unverified(compact)
    except (CertificateProblem, RecursionError):
        return None
    return signed if signed.id == identifier else None


def _settle(connection: BaseDatabaseWrapper) -> None:
    """Let PostgreSQL count on behind what was taken, and check the foreign keys now: triggers are made next."""
    with connection.cursor() as cursor:
        for table in ("certificate", "statement", "quarantine", "event"):
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('intake_{table}', 'arrival'), "
                f"(SELECT COALESCE(MAX(arrival), 0) + 1 FROM intake_{table}), false)"
            )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _keys_from_files(apps: StateApps, connection: BaseDatabaseWrapper) -> None:
    """Believe the keys in `stations/<station>.jwk`, as the program before did; the files are renamed afterwards."""
    folder: Path | None = getattr(settings, "COLLECTOR_STATIONS_DIR", None)
    found = sorted(folder.glob("*" + SUFFIX)) if folder is not None else []
    station_model, key_model = apps.get_model("intake", "Station"), apps.get_model("intake", "StationKey")
    audit = apps.get_model("parties", "AuditEntry")
    moved: list[Path] = []
    for path in found:
        name = path.name.removesuffix(SUFFIX)
        try:
            if not is_station_id(name):
                raise EnrolmentError(where=path, problem="its name is no station's id")
            with path.open("rb") as file:
                keys = parse_keys(file.read(LARGEST + 1), where=str(path))
        except (EnrolmentError, OSError) as error:
            LOG.error("enrolment: %s; its keys are not believed", error)
            continue
        station, _ = station_model._default_manager.using(connection.alias).get_or_create(id=name)
        for kid, key in keys.items():
            key_model._default_manager.using(connection.alias).update_or_create(
                station=station,
                thumbprint=kid,
                defaults={"x": public_jwk(key)["x"], "source": "enrolled", "revoked_at": None},
            )
        detail = {"keys": list(keys), "file": str(path)}
        audit._default_manager.using(connection.alias).create(
            who="takeover", action="station.enrolled", subject=name, detail=detail
        )
        moved.append(path)
    transaction.on_commit(lambda: _rename(moved), using=connection.alias)


def _rename(paths: Sequence[Path]) -> None:
    """Say by the name that the file counts no more: taking it away would revoke nothing."""
    for path in paths:
        try:
            path.rename(path.with_name(path.name + MOVED))
        except OSError as error:
            LOG.warning("%s is in the database now, and could not be renamed: %s", path, error.strerror)
