"""Indexes of the search, in the words of each database: B-trees over normal forms, trigrams over the text.

SQLite: FTS5 with its trigram tokenizer, contentless and without places (`detail=none`): a question asks for trigrams,
and the text itself is compared afterwards. Each row's marks (search_rows.py) stand in it too. PostgreSQL: GIN with
gin_trgm_ops; whose rows they are is another index there, and the two are intersected.
"""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError

from collector.errors import CollectorError

TABLE = "certificates_found"
TRIGRAMS = "certificates_trigrams"
NARROW = ("number", "drive_serial", "serial", "wwn", "asset_tag", "imei14", "meid14")
WIDE = ("lot", "customer_name", "operator", "operator_name")
"""Of these one value may have a hundred thousand rows: whose they are is read from the index itself."""
PENDING_KB = 512  # of GIN: what lies unsorted is read through by each search
FTS5 = (
    f"CREATE VIRTUAL TABLE {TRIGRAMS} USING fts5(text, content='', columnsize=0, detail=none, "
    "tokenize='trigram case_sensitive 1')"
)
GIN = f"CREATE INDEX found_trigrams ON {TABLE} USING gin (text gin_trgm_ops) WITH (gin_pending_list_limit={PENDING_KB})"


class NoTrigrams(CollectorError):
    """PostgreSQL has no index of trigrams to offer."""

    code = "BW-C40"
    message = "the search needs PostgreSQL's pg_trgm: {problem}"
    hint = "Install its contrib modules, or let its administrator run CREATE EXTENSION pg_trgm in this database."


def index_name(column: str) -> str:
    """Name a column's index."""
    return f"found_{column}"


def compared(column: str, vendor: str) -> str:
    """Write a column as it is compared: by code point, as its index is sorted. SQLite does so by itself."""
    return f'f.{column} COLLATE "C"' if vendor == "postgresql" else f"f.{column}"


def make(connection: Any) -> None:  # noqa: ANN401 - Django's wrapper of either database
    """Make the indexes."""
    by_code = ' COLLATE "C"' if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        for column in (*NARROW, *WIDE):
            more = ", customer_id" if column in WIDE else ""
            name = index_name(column)
            cursor.execute(f"CREATE INDEX {name} ON {TABLE} ({column}{by_code}, arrival{more}) WHERE {column} <> ''")
        cursor.execute(f"CREATE INDEX found_customer ON {TABLE} (customer_id, arrival)")
        cursor.execute(f"CREATE INDEX found_customer_outcome ON {TABLE} (customer_id, outcome, arrival)")
        cursor.execute(f"CREATE INDEX found_outcome ON {TABLE} (outcome, arrival)")
        cursor.execute(f"CREATE INDEX found_station ON {TABLE} (station_id, arrival)")
        if connection.vendor != "postgresql":
            cursor.execute(FTS5)
            return
    try:
        with connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            cursor.execute(GIN)
    except DatabaseError as error:
        raise NoTrigrams(problem=" ".join(str(error).split())) from None
