"""What a scan means. Pure: (context, text) -> (context, what follows).

    badge        -> the operator of all that follows
    lot          -> customer and policy of all that follows
    asset tag    -> kept until a bay is scanned
    bay          -> with a kept tag: erase the drive there for that asset; after CANCEL: stop that bay
    CANCEL       -> forgets a kept tag; the next bay code stops that bay
    REPRINT      -> the next bay code or label is printed again
    a label      -> that label came out; after REPRINT: print it again

Nothing here times out: a technician is never hurried.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from agent import record
from agent.label_proof import label_named
from agent.settings import Lot, Operator, Settings


@dataclass(frozen=True)
class Context:
    """What the scans so far have set."""

    operator: Operator | None = None
    lot: Lot | None = None
    asset: str | None = None
    cancelling: bool = False
    reprinting: bool = False

    def on_job(self) -> tuple[record.Operator | None, record.Customer | None]:
        """Who works, and for whom, as it stands on a job."""
        who, lot = self.operator, self.lot
        return (
            record.Operator(id=who.id, name=who.name, title=who.title) if who else None,
            record.Customer(name=lot.customer, lot=lot.code, reference=lot.reference) if lot else None,
        )

    def policy(self, settings: Settings) -> str:
        """The lot's policy, else its customer's, else the station's."""
        lot = self.lot
        if lot is None:
            return settings.station.policy
        customer = next((c for c in settings.customer if c.name == lot.customer), None)
        return lot.policy or (customer.policy if customer else None) or settings.station.policy


@dataclass(frozen=True)
class Assign:
    """Erase the drive in this bay for this asset."""

    bay: str
    asset: str


@dataclass(frozen=True)
class Cancel:
    """Stop this bay."""

    bay: str


@dataclass(frozen=True)
class LabelScanned:
    """This label (a certificate's number or id) is there."""

    label: str


@dataclass(frozen=True)
class Reprint:
    """Print a label again: this one, or that of the drive in this bay."""

    bay: str = ""
    label: str = ""


@dataclass(frozen=True)
class Say:
    """Nothing but words: a phrase's key and its values."""

    key: str
    values: tuple[tuple[str, str], ...] = ()


Action = Assign | Cancel | LabelScanned | Reprint | Say


def scan(context: Context, text: str, settings: Settings) -> tuple[Context, Action]:
    """The context after this scan, and what it asks for. An unknown code changes nothing."""
    rules = settings.scanning
    if re.fullmatch(rules.cancel, text):
        return replace(context, asset=None, cancelling=True, reprinting=False), Say("scan_bay_to_cancel")
    if re.fullmatch(rules.reprint, text):
        return replace(context, asset=None, cancelling=False, reprinting=True), Say("scan_to_reprint")
    about = settings.station
    if label := label_named(text, station_id=about.id, certificate_url=about.certificate_url):
        done = replace(context, reprinting=False)
        return done, Reprint(label=label) if context.reprinting else LabelScanned(label)
    if match := re.fullmatch(rules.bay, text):
        return _bay(context, match["bay"], settings)
    if re.fullmatch(rules.badge, text):
        return _badge(context, text, settings)
    if re.fullmatch(rules.lot, text):
        return _lot(context, text, settings)
    if re.fullmatch(rules.asset, text):
        return replace(context, asset=text, cancelling=False, reprinting=False), Say("scan_bay", (("asset", text),))
    return context, Say("unknown_code", (("code", text[:40]),))


def _bay(context: Context, name: str, settings: Settings) -> tuple[Context, Action]:
    if name not in {bay.name for bay in settings.bay}:
        return context, Say("unknown_bay", (("bay", name),))
    if context.cancelling:
        return replace(context, cancelling=False), Cancel(name)
    if context.reprinting:
        return replace(context, reprinting=False), Reprint(bay=name)
    if context.asset is None:
        return context, Say("scan_asset_first")
    return replace(context, asset=None), Assign(name, context.asset)


def _badge(context: Context, text: str, settings: Settings) -> tuple[Context, Action]:
    for operator in settings.operator:
        if operator.badge == text:
            return replace(context, operator=operator), Say("hello", (("name", operator.name or operator.id),))
    return context, Say("unknown_badge")


def _lot(context: Context, text: str, settings: Settings) -> tuple[Context, Action]:
    for lot in settings.lot:
        if lot.code == text:
            return replace(context, lot=lot), Say("lot_set", (("lot", lot.code), ("customer", lot.customer)))
    return context, Say("unknown_lot", (("lot", text[:40]),))
