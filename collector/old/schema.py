"""The collector's tables, and how a database gets from one version of them to the next.

A small explicit list of versions instead of Alembic: one row says where a database stands, each step is a function
run once inside a transaction, and a database from a newer program is refused. Nothing is generated, so there is
nothing to configure on the server, and both databases run the same statements.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    insert,
    select,
    text,
    update,
)

from agent.certificates.certificate import claim_of, read_unverified
from collector.errors import SchemaTooNew

METADATA = MetaData()
_Big = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER counts up by itself in SQLite

SCHEMA_VERSION = Table(
    "schema_version",
    METADATA,
    Column("only", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
)

STATION = Table(  # one row a station: taking it for update puts the transactions of its chain in a line
    "station",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("first_seen", Text, nullable=False),
)

STATION_KEY = Table(  # keys that signed what is stored: a revoked key must still prove old certificates
    "station_key",
    METADATA,
    Column("station", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("x", Text, nullable=False),
    Column("first_seen", Text, nullable=False),
)

CERTIFICATE = Table(
    "certificate",
    METADATA,
    Column("arrival", _Big, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("key_id", Text, nullable=False),
    Column("station", Text, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("previous", Text),
    Column("chain", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("serial", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("asset_tag", Text, nullable=False),
    Column("customer", Text, nullable=False),
    Column("lot", Text, nullable=False),
    Column("finished_at", Text, nullable=False),
    Column("clock_synchronised", Boolean, nullable=False),
    Column("received_at", Text, nullable=False),
    Column("search", Text, nullable=False),
    Index("certificate_of_station", "station", "sequence"),
    Index("certificate_chain", "station", "chain"),
    Index("certificate_outcome", "outcome", "arrival"),
    Index("certificate_number", "number"),
    Index("certificate_serial", "serial"),
    Index("certificate_asset", "asset_tag"),
    Index("certificate_lot", "lot"),
    Index("certificate_customer", "customer", "finished_at"),
    Index("certificate_model", "model"),
    Index("certificate_finished", "finished_at"),
    Index("certificate_received", "received_at"),
)

CERTIFICATE_BYTES = Table(  # apart from the facts, so that a search reads 0.5 kB a row and not 3
    "certificate_bytes",
    METADATA,
    Column("id", Text, ForeignKey("certificate.id"), primary_key=True),
    Column("compact", LargeBinary, nullable=False),  # exactly as signed; all facts are copies out of them
)

QUARANTINE = Table(
    "quarantine",
    METADATA,
    Column("arrival", _Big, primary_key=True, autoincrement=True),
    Column("digest", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("station", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # at most the first 64 KiB
    Column("size", BigInteger, nullable=False),
    Column("times", BigInteger, nullable=False),
    Column("received_at", Text, nullable=False),
    Column("last_at", Text, nullable=False),
    UniqueConstraint("topic", "digest"),
    Index("quarantine_station", "station", "arrival"),
)

STATEMENT = Table(  # what stations say beside certificates, each with its exact bytes; `certificate`: whom it is about
    "statement",
    METADATA,
    Column("sha256", Text, primary_key=True),
    Column("arrival", BigInteger, nullable=False),
    Column("station", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("typ", Text, nullable=False),
    Column("certificate", Text),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", Text, nullable=False),
    Index("statement_certificate", "certificate", "arrival"),
    Index("statement_station", "station", "arrival"),
)

EVENT = Table(
    "event",
    METADATA,
    Column("arrival", _Big, primary_key=True, autoincrement=True),
    Column("station", Text, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("event", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("received_at", Text, nullable=False),
    UniqueConstraint("station", "boot_id", "seq"),
)

TOLD_GAP = Table(  # numbers of a station that are missing, by its own signed word
    "told_gap",
    METADATA,
    Column("station", Text, primary_key=True),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("last", BigInteger, primary_key=True, autoincrement=False),
    Column("why", Text, nullable=False),
    Column("received_at", Text, nullable=False),
)


def _first_tables(connection: Connection) -> None:
    METADATA.create_all(connection, tables=[table for table in METADATA.sorted_tables if table not in LATER])


def _unread(connection: Connection) -> None:
    """What was erased and not read back stood among the erased ones."""
    stored = select(CERTIFICATE_BYTES.c.id, CERTIFICATE_BYTES.c.compact).join(CERTIFICATE)
    found = connection.execute(stored.where(CERTIFICATE.c.outcome == "erased")).all()
    unread = [row.id for row in found if claim_of(read_unverified(row.compact).record) == "unread"]
    for identifier in unread:
        connection.execute(update(CERTIFICATE).where(CERTIFICATE.c.id == identifier).values(outcome="unread"))


def _told_gaps(connection: Connection) -> None:
    TOLD_GAP.create(connection)


def _statements(connection: Connection) -> None:
    STATEMENT.create(connection)


LATER = (TOLD_GAP, STATEMENT)  # tables of later steps
STEPS: tuple[Callable[[Connection], None], ...] = (_first_tables, _unread, _told_gaps, _statements)
VERSION = len(STEPS)
LOCK = 0x62777063  # any number that nobody else's advisory lock has


def migrate(connection: Connection) -> None:
    """Bring the database to this program's version inside the caller's transaction. SchemaTooNew if it is beyond it."""
    if connection.dialect.name == "postgresql":  # two collectors may start at once; SQLite's writer lock does the same
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    SCHEMA_VERSION.create(connection, checkfirst=True)
    found = connection.execute(select(SCHEMA_VERSION.c.version)).scalar()
    if found is None:
        connection.execute(insert(SCHEMA_VERSION).values(only=1, version=0))
        found = 0
    if found > VERSION:
        raise SchemaTooNew(found=found, known=VERSION)
    for step in STEPS[found:]:
        step(connection)
    if found < VERSION:
        connection.execute(update(SCHEMA_VERSION).values(version=VERSION))
