"""The ledger's table of labels: what was sent to which printer, before it is sent, and what came of it."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from agent.certificates.certificate import Certificate
from agent.jobs.label_proof import OPEN, LabelRow, LabelState

_COLUMNS = "number, printer, certificate, state, copy, detail"


class LabelRows(ABC):
    """A part of Ledger; LedgerProblem when it cannot be read or written."""

    _db: sqlite3.Connection

    @abstractmethod
    def _all(self, sql: str, *values: Any) -> list[Any]: ...  # noqa: ANN401 - rows of SQLite

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[None]: ...

    def labels(self, number: str) -> list[LabelRow]:
        """The label of that certificate's number, or of its id, at each printer it went to."""
        sql = f"SELECT {_COLUMNS} FROM label WHERE number = ? OR certificate = ? ORDER BY rowid"
        return [_row(r) for r in self._all(sql, number, number)]

    def open_labels(self, limit: int) -> list[LabelRow]:
        """The newest labels that nothing proves, oldest first."""
        marks = ",".join("?" * len(OPEN))
        sql = f"SELECT {_COLUMNS} FROM label WHERE state IN ({marks}) ORDER BY rowid DESC LIMIT ?"
        return [_row(r) for r in reversed(self._all(sql, *sorted(OPEN), limit))]

    def lose_sent_labels(self, detail: str) -> None:
        """Whatever was sent and has no result yet is unknown: nobody will tell any more."""
        with self._transaction():
            sql = "UPDATE label SET state = ?, detail = ? WHERE state = ?"
            self._db.execute(sql, (LabelState.UNKNOWN, detail, LabelState.SENT))

    def doubt_labels(self, detail: str) -> None:
        """Nobody knows any more what became of a label that was sent, or was to be."""
        with self._transaction():
            sql = "UPDATE label SET state = ?, detail = ? WHERE state IN (?, ?)"
            self._db.execute(sql, (LabelState.UNKNOWN, detail, LabelState.SENT, LabelState.DUE))

    def save_labels(self, rows: Sequence[LabelRow]) -> None:
        """Remember what is known now; all of it or nothing."""
        with self._transaction():
            for row in rows:
                self._put_label(row)

    def replace_labels(self, number: str, rows: Sequence[LabelRow]) -> None:
        """Remember these rows of a label, and none of printers that are not there any more."""
        with self._transaction():
            self._db.execute("DELETE FROM label WHERE number = ?", (number,))
            for row in rows:
                self._put_label(row)

    def number_of_device(self, tag: str) -> str | None:
        """The number of the newest certificate of a drive that came from the device with that tag."""
        rows = self._all("SELECT number FROM certificate WHERE asset = ? ORDER BY sequence DESC LIMIT 1", tag)
        return str(rows[0][0]) if rows else None

    def certificate_of(self, name: str) -> tuple[str, str] | None:
        """(id, number) of the certificate with that id or number."""
        rows = self._all("SELECT id, number FROM certificate WHERE id = ? OR number = ?", name, name)
        return (rows[0][0], rows[0][1]) if rows else None

    def _put_first_labels(self, certificate: Certificate, printers: Iterable[str], state: LabelState) -> None:
        """Inside the caller's transaction: the labels of a new certificate."""
        for printer in printers:
            self._put_label(
                LabelRow(number=certificate.record.number, printer=printer, certificate_id=certificate.id, state=state)
            )

    def _put_label(self, row: LabelRow) -> None:
        self._db.execute(
            f"INSERT INTO label ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (number, printer) DO UPDATE "
            "SET state = excluded.state, copy = excluded.copy, detail = excluded.detail",
            (row.number, row.printer, row.certificate_id, row.state, row.copy, row.detail),
        )


def _row(found: tuple[Any, ...]) -> LabelRow:
    number, printer, certificate, state, copy, detail = found
    return LabelRow(
        number=number,
        printer=printer,
        certificate_id=certificate,
        state=LabelState(state),
        copy=copy,
        detail=detail,
    )
