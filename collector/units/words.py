"""Names of statuses, kinds, events and questions, and why a headline is no better one, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

STATUSES: Mapping[str, Promise] = {
    "conflict": _("Conflict"),
    "missing": _("Missing"),
    "unexpected": _("Unexpected"),
    "duplicate": _("Duplicate"),
    "failed": _("Failed, not destroyed"),
    "received": _("Received, not erased"),
    "awaiting_validation": _("Erased, awaiting validation"),
    "attested": _("Attested"),
    "erased": _("Erased"),
    "destroyed": _("Destroyed"),
    "expected": _("Expected"),
    "in_use": _("In use"),
}
SIGNS: Mapping[str, str] = {
    "conflict": "≠", "missing": "!", "unexpected": "?", "duplicate": "=", "failed": "×", "received": "○",
    "awaiting_validation": "◐", "attested": "◇", "erased": "●", "destroyed": "■", "expected": "◌", "in_use": "·",
}  # fmt: skip
"""A sign beside each word, so that no colour says anything alone."""
PRESENCES: Mapping[str, Promise] = {
    "in_use": _("in use"), "expected": _("expected"), "received": _("received"), "missing": _("missing"),
    "unexpected": _("unexpected"), "duplicate": _("duplicate"),
}  # fmt: skip
DATA: Mapping[str, Promise] = {
    "none": _("no storage inside"), "open": _("not erased yet"), "failed": _("erasure failed"), "erased": _("erased"),
    "attested": _("attested by a person"), "destroyed": _("destroyed"),
}  # fmt: skip
DISPOSALS: Mapping[str, Promise] = {
    "": _("not here"), "stock": _("in stock"), "sold": _("sold"), "scrapped": _("scrapped"),
    "given_back": _("given back"), "own_use": _("kept in use"),
}  # fmt: skip
KINDS: Mapping[str, Promise] = {
    "laptop": _("Laptop"), "desktop": _("Desktop"), "thin-client": _("Thin client"), "server": _("Server"),
    "tablet": _("Tablet"), "phone": _("Phone"), "monitor": _("Monitor"), "loose-drive": _("Loose drive"),
    "printer": _("Printer"), "other": _("Other"), "unknown": _("Not known yet"),
}  # fmt: skip
NUMBERS: Mapping[str, Promise] = {
    "serial": _("Serial number"), "asset_tag": _("Asset tag"), "imei14": _("IMEI"), "meid14": _("MEID"),
    "eid": _("EID"), "uuid": _("UUID"), "drive_serial": _("Drive's serial number"), "wwn": _("World wide name"),
    "mac": _("MAC address"),
}  # fmt: skip
LOT_STATES: Mapping[str, Promise] = {
    "open": _("open"), "collected": _("collected"), "received": _("being received"), "closed": _("closed"),
}  # fmt: skip
STEPS: Mapping[str, Promise] = {
    "collected": _("Collected"), "received": _("Received"), "handed_over": _("Handed over"), "closed": _("Closed"),
}  # fmt: skip
EVENTS: Mapping[str, Promise] = {
    "collected": _("collected"), "received": _("received"), "drives_counted": _("drives counted"),
    "certificate_linked": _("certificate linked"), "certificate_unlinked": _("certificate taken away"),
    "validated": _("erasure validated"), "graded": _("graded"), "part_removed": _("part removed"),
    "part_fitted": _("part fitted"), "offered": _("offered for sale"), "sold": _("sold"),
    "sale_reversed": _("sale reversed"), "returned_by_buyer": _("returned by its buyer"),
    "given_back": _("given back to the customer"), "own_use": _("kept in use by the house"),
    "scrapped": _("scrapped"), "destroyed": _("destroyed"), "moved": _("moved"),
    "reported_missing": _("reported missing"), "found": _("found"), "accepted": _("accepted, though unexpected"),
    "kind_told": _("kind told"), "merged": _("merged with another unit"), "separated": _("parted again"),
}  # fmt: skip
QUESTIONS: Mapping[str, Promise] = {
    "tag_and_serial": _("The asset tag is this unit's, and the serial number is another one"),
    "two_units": _("Two units have one number"),
    "suggestion": _("May these two be the same?"),
    "drives": _("How many drives does it hold?"),
    "not_received": _("It is missing, and a certificate says that it was on a bench"),
    "another_customer": _("Another customer's register names it"),
    "kind": _("What is it?"),
    "grade": _("Two grades differ"),
}
ANSWERS: Mapping[str, Promise] = {
    "same": _("They are one"), "different": _("They are two"), "first": _("The tag is the first one's"),
    "second": _("The tag is the second one's"), "found": _("It was found"), "still_missing": _("It is still missing"),
    "seen": _("I have seen to it"),
}  # fmt: skip
LOOSE: Mapping[str, Promise] = {
    "no_record": _("its stored bytes are no certificate any more"),
    "no_customer": _("nobody knows whose it is"),
    "customers_disagree": _("its lot is one customer's, and its name another's"),
    "no_device": _("it names no device"),
    "no_unit": _("no unit has its numbers"),
    "conflict": _("its tag is a unit's, and its serial number contradicts"),
    "loose_drive": _("a loose drive"),
    "unlinked": _("a person took it from its unit"),
}
WHY: Mapping[str, Promise] = {
    "failed": _("a drive could not be erased, and is not destroyed yet"),
    "not_counted": _("nobody has counted its drives; certificates: %(n)d"),
    "nothing_inside": _("there is no storage inside"),
    "more_drives": _("certificates of %(n)d drives, and %(of)d were counted"),
    "rejected": _("a person did not accept the erasure"),
    "unread": _("erased, and not read back"),
    "drives_left": _("%(n)d of %(of)d drives are accounted for"),
    "no_certificate": _("no certificate yet"),
    "awaiting": _("erased; a person has still to accept it"),
    "question": _("a question is open"),
    "accepted": _("a person accepted it, though it is in no register"),
    "merged": _("it is the same as another unit"),
    "not_scanned": _("a certificate says so; nobody received it yet"),
    "not_received": _("a certificate says that it was on a bench, and nobody received it"),
}
VAT_ORIGINS: Mapping[str, Promise] = {
    "unknown": _("not known"), "non_deducted": _("the customer deducted no VAT"),
    "deducted": _("the customer deducted VAT"),
}  # fmt: skip


def why(key: str, numbers: Mapping[str, int]) -> str:
    """Say why a headline is no better one; empty if there is nothing to say."""
    return str(WHY[key]) % numbers if key in WHY else ""


def why_plain(key: str, numbers: Mapping[str, int]) -> str:
    """Say it in English, for a program's document."""
    return _plain(key, tuple(numbers.items()))


@lru_cache(maxsize=1000)
def _plain(key: str, numbers: tuple[tuple[str, int], ...]) -> str:
    with override("en"):
        return why(key, dict(numbers))
