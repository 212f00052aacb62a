"""Labels on their way to paper: what is known of each stands in the ledger before it is sent. The engine's thread only.

Nothing here waits for a printer or for a person: an unknown label is asked for, and stays unknown until it is scanned
or printed again.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass

from agent.bench.alarms import warning
from agent.bench.bay_table import BayTable
from agent.bench.books import Books
from agent.bench.events import LabelResult
from agent.bench.pending import Awaited, PendingDesk
from agent.certificates.certificate import Certificate
from agent.errors import CertificateProblem, LedgerProblem
from agent.jobs.label_proof import LabelRow, LabelState, advance, next_copy, settled

log = logging.getLogger("benchwipe.labels")

MOST_RECALLED = 50  # of the labels that a former run left open: who scans none never drowns in alarms
Say = Callable[..., None]  # a phrase's key, and its values by name
LOST = "the station stopped while it was printed"


@dataclass(frozen=True)
class OpenLabel:
    """A label that nothing proves, for whoever shows it."""

    number: str
    state: LabelState
    copy: int
    detail: str


class LabelDesk:
    """Which labels are open. `open` is replaced, never changed: any thread may read it."""

    def __init__(self, table: BayTable, books: Books, pending: PendingDesk) -> None:
        self.table, self.books, self.pending = table, books, pending
        self.open: tuple[OpenLabel, ...] = ()
        self._untold: list[LabelResult] = []
        self._outdated: set[str] = set()  # numbers: what is being printed says less than is known now

    def recover(self) -> None:
        """Send now what an earlier run never sent; what it sent and nobody proved is unknown. LedgerProblem."""
        for row in self.books.open_labels(LOST, MOST_RECALLED):
            if row.state is LabelState.DUE:
                self.table.guarded(self.reprint, row.number)
            else:
                self._show(row)

    def result(self, event: LabelResult) -> None:
        """Take what a printer's thread has to say. Not lost if the ledger cannot be written: it is tried again."""
        try:
            self._result(event)
            self._replace(event.number)
        except LedgerProblem:
            self._untold.append(event)

    def retry(self) -> None:
        """Write down what could not be written before."""
        waiting, self._untold = self._untold, []
        for event in waiting:
            self.result(event)

    def _result(self, event: LabelResult) -> None:
        found = [r for r in self.books.labels(event.number) if r.printer == event.printer]
        row = next((r for r in found if r.state is LabelState.SENT and r.copy == event.copy), None)
        if row is None:  # it was scanned meanwhile, or printed again: that counts for more
            return
        row = advance(row, event.state, detail=event.detail)
        self.books.save_labels([row])
        self._show(row)

    def scanned(self, name: str) -> Certificate | None:
        """Believe a label to be there that somebody scanned, and return its certificate; twice is harmless.

        None for a label that is not of this station. LedgerProblem: it has to be scanned again.
        """
        rows = self.books.labels(name)
        certificate = self._certificate(name)
        if not rows or certificate is None:
            return None
        self.books.save_labels([advance(row, LabelState.SCANNED) for row in rows])
        self._forget(rows[0].number)
        return certificate

    def reprint(self, name: str | None, say: Say | None = None) -> None:
        """Print a certificate's label again, by number or id; written down before it is sent. LedgerProblem.

        `say`: how a person is told who asked for it by a scan.
        """
        say = say or self.table.report
        certificate = self._certificate(name) if name else None
        if certificate is None:
            say("unknown_label", label=(name or "-")[:24])
            return
        number, rows = certificate.record.number, self.books.labels(certificate.id)
        if any(row.state is LabelState.SENT for row in rows):
            say("printing_label", number=number)
            return
        copy = next_copy(rows)
        fresh = {printer: _due(number, printer, certificate.id) for printer in self.books.printers}
        fresh |= {row.printer: row for row in rows if row.printer in fresh}
        if not fresh:
            say("no_printer")
            return
        sent = [advance(row, LabelState.SENT, copy=copy) for row in fresh.values()]
        self.books.replace_labels(number, sent)
        self._forget(number)
        say("printing_label", number=number)
        done, whole = self.books.job(certificate.record.job), self.books.whole(certificate.record)
        given, bay = (done.disposition, done.bay) if done else (None, "")
        self.table.tell(functools.partial(self.table.effects.print_label, whole=whole), certificate, copy, given, bay)

    def _certificate(self, name: str) -> Certificate | None:
        try:
            return self.books.certificate(name)
        except (CertificateProblem, OSError) as problem:
            log.error("label %s: %s", name, problem)
            return None

    def renew(self, certificate_id: str) -> None:
        """Print a label again that there is more to say on, after the one that is on its way. LedgerProblem."""
        rows = self.books.labels(certificate_id)
        if any(row.state is LabelState.SENT for row in rows):
            self._outdated.add(rows[0].number)
        else:
            self.reprint(certificate_id)

    def _replace(self, number: str) -> None:
        if number in self._outdated and all(row.state is not LabelState.SENT for row in self.books.labels(number)):
            self.reprint(number)
            self._outdated.discard(number)

    def _show(self, row: LabelRow) -> None:
        """Alarm, list and one sentence, as the label's state is at all its printers."""
        alarm, rows = f"label-{row.number}", self.books.labels(row.number)
        if settled(rows):
            self._forget(row.number)
            self._put_on(row)
            self.table.report("put_label", number=row.number)
            return
        if row.state is LabelState.UNKNOWN:
            self.table.alarm(alarm, warning("BW-L02", f"Label {row.number}: scan it if it came out ({row.detail})"))
            self.table.report("scan_label", number=row.number)
        elif row.state is LabelState.NOT_PRINTED:
            self.table.alarm(alarm, warning("BW-L01", f"Label {row.number} did not come out: {row.detail}"))
            self.table.report("label_not_printed", number=row.number, reason=row.detail)
        else:
            return
        others = tuple(label for label in self.open if label.number != row.number)
        self.open = (*others, OpenLabel(row.number, row.state, row.copy, row.detail))

    def _put_on(self, row: LabelRow) -> None:
        """It came out: whoever takes the drive puts it on, and it is asked for until then."""
        here = next((bay for bay in self.table.bays.values() if bay.certificate_number == row.number), None)
        certificate = self._certificate(row.number)
        if certificate is None or all(printed.state is LabelState.SCANNED for printed in self.books.labels(row.number)):
            return
        record = certificate.record
        self.pending.add(
            Awaited(
                what="label",
                name=row.number,
                label=row.number,
                asset=record.asset.tag if record.asset else "",
                serial=record.drive.serial or "",
                bay=here.name if here else "",
                who=record.operator,
            )
        )

    def _forget(self, number: str) -> None:
        self.open = tuple(label for label in self.open if label.number != number)
        self.pending.done("label", number)
        self.table.happened.over("number", number)
        self.table.alarm(f"label-{number}", None)


def _due(number: str, printer: str, certificate_id: str) -> LabelRow:
    return LabelRow(number=number, printer=printer, certificate_id=certificate_id, state=LabelState.DUE)
