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
from agent.scan.codes import Code, Kind
from agent.scan.context import at_home
from agent.scan.dialogue import turn
from agent.scan.flow import IDLE, Step
from agent.settings import Settings
from drivers.drives.drive import Drive


class DeviceDesk:
    """Labels that are scanned, boxes, devices with no drive or with more than one. LedgerProblem: nothing was done."""

    def __init__(
        self,
        settings: Settings,
        table: BayTable,
        books: Books,
        labels: LabelDesk,
        pending: PendingDesk,
        conversation: Conversation,
    ) -> None:
        self.settings, self.table, self.books, self.labels = settings, table, books, labels
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
        """Believe that a label is there. That of a drive that was not erased asks for the box, or for a bay.

        An older label of a drive speaks for its newest: what was erased since is not destroyed.
        """
        certificate = self.labels.scanned(label)
        if certificate is None:
            self.table.say("unknown_label", label=label[:24])
            return ""
        number, now = certificate.record.number, self.conversation.context
        done = self.books.job(certificate.record.job)
        since = self.books.since(done) if done is not None else None
        if since is not None:
            certificate = self.books.certificate(since.certificate_id) if since.certificate_id else None
        if certificate is None or not (now.step in IDLE or now.step is Step.LOT):
            self.table.say("label_seen", number=number)
            return ""
        if self._recalled(certificate.record):
            return ""
        number = certificate.record.number
        if now.step not in IDLE or not _goes_into_the_box(certificate.record):
            self.table.say("label_seen" if now.step not in IDLE else "put_label", number=number)
            return ""
        self.conversation.context = replace(now.emptied(), step=Step.BOX, label=number)
        self.table.say("scan_box", label=number)
        return ""

    def _recalled(self, record: Record) -> bool:
        """Take the label of a drive that comes back to be erased again for its device's tag, and its delivery's code.

        Not while the drive stands where it was stopped: there its label is put on.
        """
        if record.asset is None or not (record.outcome == "aborted" or record.is_erased_again):
            return False
        if any(bay.certificate_number == record.number for bay in self.table.bays.values()):
            return False
        tag, code = record.asset.tag, record.customer.lot if record.customer else ""
        here = self.conversation.context
        lot = next((lot for lot in self.settings.lot if lot.code == code), here.lot)
        here = at_home(replace(here, lot=lot), self.settings)
        if here.step not in IDLE:
            return False
        context = turn(here, Code(Kind.TAG, tag), tag, self.settings, self.table.bays).context
        if context.asset != tag:
            return False
        self.conversation.context = context
        said = "label_device_lot" if context.lot else "label_device"
        self.table.say(said, number=record.number, asset=tag, lot=context.lot.code if context.lot else "")
        return True

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
            facts["customer"] = msgspec.to_builtins(record.customer)  # whose drive it is, whoever is served now
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
        told = self.books.told_whole(tag)
        self.books.count_drives(tag, drives, who)
        for certificate_id in self.books.no_more_whole(tag, told):
            self.table.guarded(self.labels.renew, certificate_id)
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
