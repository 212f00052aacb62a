"""The ledger's table of labels: what was sent to which printer, before it is sent, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from agent.certificates.certificate import Certificate
from agent.jobs.database import Database
from agent.jobs.label_proof import OPEN, LabelRow, LabelState

_COLUMNS = "number, printer, certificate, state, copy, detail"


class LabelRows:
    """A part of Ledger; LedgerProblem when it cannot be read or written."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def of(self, number: str) -> list[LabelRow]:
        """Find the label of that certificate's number, or of its id, at each printer it went to."""
        sql = f"SELECT {_COLUMNS} FROM label WHERE number = ? OR certificate = ? ORDER BY rowid"
        return [_row(r) for r in self._db.all(sql, number, number)]

    def open(self, limit: int) -> list[LabelRow]:
        """List the newest labels that nothing proves, oldest first."""
        marks = ",".join("?" * len(OPEN))
        sql = f"SELECT {_COLUMNS} FROM label WHERE state IN ({marks}) ORDER BY rowid DESC LIMIT ?"
        return [_row(r) for r in reversed(self._db.all(sql, *sorted(OPEN), limit))]

    def lose_sent(self, detail: str) -> None:
        """Mark whatever was sent and has no result yet as unknown: nobody will tell any more."""
        with self._db.transaction():
            sql = "UPDATE label SET state = ?, detail = ? WHERE state = ?"
            self._db.execute(sql, (LabelState.UNKNOWN, detail, LabelState.SENT))

    def doubt(self, detail: str) -> None:
        """Mark a label as unknown that was sent, or was to be: nobody knows any more what became of it."""
        with self._db.transaction():
            sql = "UPDATE label SET state = ?, detail = ? WHERE state IN (?, ?)"
            self._db.execute(sql, (LabelState.UNKNOWN, detail, LabelState.SENT, LabelState.DUE))

    def save(self, rows: Sequence[LabelRow]) -> None:
        """Remember what is known now; all of it or nothing."""
        with self._db.transaction():
            for row in rows:
                self._put_label(row)

    def replace(self, number: str, rows: Sequence[LabelRow]) -> None:
        """Remember these rows of a label, and none of printers that are not there any more."""
        with self._db.transaction():
            self._db.execute("DELETE FROM label WHERE number = ?", (number,))
            for row in rows:
                self._put_label(row)

    def put_first(self, certificate: Certificate, printers: Iterable[str], state: LabelState) -> None:
        """Write down, inside the caller's transaction, the labels of a new certificate."""
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
