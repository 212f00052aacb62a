"""The words of units: kinds, the three axes, the headline, events, steps of custody. Pure."""

from __future__ import annotations

LAPTOP, DESKTOP, TABLET, PHONE, LOOSE_DRIVE = "laptop", "desktop", "tablet", "phone", "loose-drive"
UNKNOWN = "unknown"
KINDS = (
    LAPTOP, DESKTOP, "thin-client", "server", TABLET, PHONE, "monitor", LOOSE_DRIVE, "printer", "other", UNKNOWN,
)  # fmt: skip
"""`unknown`: neither the intake nor a register told what it is, and a person is asked."""
HANDSETS = frozenset({TABLET, PHONE})
"""Their storage is soldered in: nobody counts drives in them."""
STORES_NOTHING = frozenset({"monitor"})
MOST_DRIVES = 99
"""In one unit; it is a number that a person counts."""

EXPECTED, RECEIVED, MISSING, UNEXPECTED, DUPLICATE, IN_USE = (
    "expected", "received", "missing", "unexpected", "duplicate", "in_use",
)  # fmt: skip
PRESENCES = (IN_USE, EXPECTED, RECEIVED, MISSING, UNEXPECTED, DUPLICATE)

NONE, OPEN, FAILED, ERASED, ATTESTED, DESTROYED = "none", "open", "failed", "erased", "attested", "destroyed"
DATA = (NONE, OPEN, FAILED, ERASED, ATTESTED, DESTROYED)

STOCK, SOLD, SCRAPPED, GIVEN_BACK, OWN_USE = "stock", "sold", "scrapped", "given_back", "own_use"
DISPOSALS = (STOCK, SOLD, SCRAPPED, GIVEN_BACK, OWN_USE)
"""Where a unit that was received is now; empty for one that was not."""

CONFLICT, AWAITING = "conflict", "awaiting_validation"
STATUSES = (
    CONFLICT, MISSING, UNEXPECTED, DUPLICATE, FAILED, RECEIVED, AWAITING, ATTESTED, ERASED, DESTROYED, EXPECTED, IN_USE,
)  # fmt: skip
"""Headlines in their order of precedence."""
NOT_OF_THE_REGISTER = frozenset({UNEXPECTED, DUPLICATE})
"""Headlines of what no row of a register stands for: rows are the sum of all the others."""

EVENTS = (
    "collected", "received", "drives_counted", "certificate_linked", "certificate_unlinked", "validated", "graded",
    "part_removed", "part_fitted", "offered", "sold", "sale_reversed", "returned_by_buyer", "given_back", "own_use",
    "scrapped", "destroyed", "moved", "reported_missing", "found", "accepted", "kind_told", "merged", "separated",
)  # fmt: skip
"""`accepted`: a person takes in what no register names. `separated`: a merge is undone."""

IDENTIFIERS = ("serial", "asset_tag", "imei14", "meid14", "eid", "uuid", "drive_serial", "wwn", "mac")
SOURCES = ("register", "intake", "certificate", "import", "person")
LOT_STATES = ("open", "collected", "received", "closed")
STEPS = ("collected", "received", "handed_over", "closed")
"""What happens to a lot as a whole, each signed: chain of custody."""
VAT_ORIGINS = ("unknown", "non_deducted", "deducted")
DECISIONS = ("", "accepted", "rejected")
QUESTIONS = (
    "tag_and_serial", "two_units", "suggestion", "drives", "not_received", "another_customer", "kind", "grade",
)  # fmt: skip
"""Contradictions that only a person settles."""
