"""Names of states, sections, bases and kinds, in the reader's language."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

STATES: dict[str, Promise] = {
    "draft": _("draft"),
    "approved by one side": _("approved by one side"),
    "binding": _("binding"),
    "open": _("open"),
    "proposed": _("proposed"),
    "closed": _("closed"),
}
SECTIONS: dict[str, Promise] = {
    "sale": _("A. Sales"),
    "fee": _("B. Services"),
    "correction": _("C. Corrections of earlier periods"),
    "unsold": _("D. Not sold"),
    "scrapped": _("E. Scrapped and destroyed"),
}
BASES: dict[str, Promise] = {
    "gross": _("of the price as it was paid"),
    "net_standard": _("of the price without 25 % VAT"),
    "net_margin": _("of the price without VAT of the margin"),
    "net_costs": _("of the price without VAT and listed costs"),
    "fixed": _("by the price list"),
}
RECOGNISE: dict[str, Promise] = {
    "sold": _("on the day of the sale"),
    "paid": _("on the day of payment"),
    "return_window": _("when it cannot be returned any more"),
}
KINDS: dict[str, Promise] = {
    "laptop": _("laptop"),
    "desktop": _("desktop computer"),
    "thin-client": _("thin client"),
    "server": _("server"),
    "tablet": _("tablet"),
    "phone": _("phone"),
    "monitor": _("monitor"),
    "loose-drive": _("loose drive"),
    "printer": _("printer"),
    "other": _("other"),
    "unknown": _("unknown"),
    "*": _("all others"),
}
CHANNELS: dict[str, Promise] = {
    "web": _("web shop"),
    "broker": _("broker"),
    "shop": _("shop"),
    "internal": _("internal"),
    "donation": _("donation"),
}
SUMS: dict[str, Promise] = {
    "share_ore": _("The customer's share"),
    "share_vat_ore": _("VAT of the share"),
    "fees_ore": _("Services"),
    "fees_vat_ore": _("VAT of services"),
    "opening_ore": _("Carried from the last settlement"),
    "payable_ore": _("Paid to the customer"),
    "closing_ore": _("Carried to the next settlement"),
}
SIDES: dict[str, Promise] = {"seller": _("Seller"), "customer": _("Customer")}
EVENTS: dict[str, Promise] = {
    "refund": _("refund"),
    "return": _("returned"),
    "cancel": _("cancelled"),
    "paid": _("paid"),
}


def word(table: str, name: object) -> str:
    """Say a word of one of these tables; what is not known stands as it is."""
    told: dict[str, dict[str, Promise]] = {
        "state": STATES,
        "section": SECTIONS,
        "base": BASES,
        "recognise": RECOGNISE,
        "kind": KINDS,
        "channel": CHANNELS,
        "sum": SUMS,
        "side": SIDES,
        "event": EVENTS,
    }
    return str(told[table].get(str(name), name or ""))
