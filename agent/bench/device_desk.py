"""What people say of a device beside its erasure: its label, the box, its drives. The engine's thread only.

Each is a signed statement that waits for the collector's receipt, as a grade does.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from agent.bench.bay_table import BayTable
from agent.bench.books import Books
from agent.bench.conversation import Conversation
from agent.bench.labels import LabelDesk
from agent.bench.pending import PendingDesk
from agent.certificates.record import ERASE_AGAIN, Record
from agent.jobs.bay import changed
from agent.jobs.job import ENDED
from agent.scan import actions
from agent.scan.flow import IDLE, Step
from drivers.drives.drive import Drive


class DeviceDesk:
    """Labels that are scanned, boxes, devices with no drive or with more than one. LedgerProblem: nothing was done."""

    def __init__(
        self, table: BayTable, books: Books, labels: LabelDesk, pending: PendingDesk, conversation: Conversation
    ) -> None:
        self.table, self.books, self.labels = table, books, labels
        self.pending, self.conversation = pending, conversation

    def do(self, wish: actions.LabelScanned | actions.PutInBox | actions.SayNoDrive | actions.Reprint, say: str) -> str:
        """Do what a scan asks for, and return the phrase about it; "" where it was said already."""
        match wish:
            case actions.LabelScanned(label=label):
                return self._label_scanned(label)
            case actions.PutInBox():
                return self._put_in_box(wish, say)
            case actions.SayNoDrive(asset=asset):
                who, customer = self.conversation.context.on_job()
                self.books.state("no-drive", {"asset": asset, "customer": msgspec.to_builtins(customer)}, who)
                return say
            case actions.Reprint(bay=bay, label=label):
                held = self.table[bay].job if bay else None
                self.labels.reprint(label or (held.certificate_id if held else None), self.table.say)
                return ""

    def _label_scanned(self, label: str) -> str:
        """Believe that a label is there. That of a drive that was not erased asks for the box."""
        certificate = self.labels.scanned(label)
        if certificate is None:
            self.table.say("unknown_label", label=label[:24])
            return ""
        number, now = certificate.record.number, self.conversation.context
        if now.step not in IDLE:
            self.table.say("label_seen", number=number)
            return ""
        if not _goes_into_the_box(certificate.record):
            self.table.say("put_label", number=number)
            return ""
        self.conversation.context = replace(now.emptied(), step=Step.BOX, label=number)
        self.table.say("scan_box", label=number)
        return ""

    def _put_in_box(self, wish: actions.PutInBox, say: str) -> str:
        """State that a drive lies in the box: that of a label, or the one in a bay that does not say who it is."""
        who, customer = self.conversation.context.on_job()
        facts: dict[str, object] = {"box": wish.box, "customer": msgspec.to_builtins(customer)}
        if wish.label:
            certificate = self.labels.scanned(wish.label)
            if certificate is None:
                return "unknown_label"
            record = certificate.record
            asset = record.asset.tag if record.asset else None
            drive = record.drive
            facts |= {"certificate_id": certificate.id, "number": record.number, "asset": asset}
            facts["drive"] = {name: getattr(drive, name) for name in _TOLD}
        else:
            facts |= {"certificate_id": None, "number": None, "asset": wish.asset or None}
            facts["drive"] = _told(self.table[wish.bay].drive)
        self.books.state("box", facts, who)
        self.pending.done("box", wish.label)
        if wish.bay:
            self.table.put(changed(self.table[wish.bay], boxed=True))
        for bay in list(self.table.bays.values()):
            if wish.label and bay.certificate_number == wish.label:
                self.table.put(changed(bay, boxed=True))
        return say

    def count(self, tag: str, drives: int) -> None:
        """Write down how many drives a device has; the certificates that are to come of it say so."""
        who, _ = self.conversation.context.on_job()
        self.books.count_drives(tag, drives, who)
        for bay in list(self.table.bays.values()):
            job = bay.job
            if job is None or job.asset is None or job.asset.tag != tag or job.state in ENDED:
                continue
            asset = self.books.asset(tag, job.drive)
            if asset is not None and asset != job.asset:
                same = self.books.save(msgspec.structs.replace(job, asset=asset))
                self.table.put(changed(bay, job=same))


_TOLD = ("vendor", "model", "serial", "wwn", "capacity_bytes")


def _told(drive: Drive | None) -> dict[str, object] | None:
    return {name: getattr(drive, name) for name in _TOLD} if drive is not None else None


def _goes_into_the_box(record: Record) -> bool:
    """Nothing that was erased is destroyed by mistake, nor what only has to be erased again."""
    again = record.reason is not None and record.reason.code in ERASE_AGAIN
    return record.outcome in ("failed", "refused") and not again
