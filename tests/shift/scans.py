"""What the words of the shift's table mean at the scanner, and what the bench must answer; who is who."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping

from agent.phrases import keys

BADGES, LOTS = {"ida": "BADGE-IDA", "bo": "BADGE-BO"}, {"Q": "LOT-Q", "C": "LOT-C"}
BADGE = BADGES["ida"]
SIBLINGS = {5: 4}
"""A drive, and the one that came out of the same device."""
PHONES = {11: "490154203237518"}
"""The IMEI of the phone that somebody resets while this drive stands there."""

SCANS: Mapping[str, tuple[tuple[str, str], ...]] = {
    # what the table says      (what is scanned, what the bench must answer: phrases, "|" between them) ...
    "tag": (("{tag}", "scan_bay|tag_again|tag_certified"),),
    "other tag": (("{trap_tag}", "scan_bay"),),
    "tag not YES": (("{trap_tag}", "scan_yes_or_no"),),
    "product code": (("5701234567899", "unknown_code"),),
    "torn tag": (("KK-00", "unknown_code"),),
    "bay": (("BAY-{bay}", "assigned"),),
    "bay again": (("BAY-{bay}", "bay_starts_soon|scan_grade"),),
    "bay too early": (("BAY-{bay}", "scan_asset_first"),),
    "no such bay": (("BAY-Z9", "unknown_bay"),),
    "other's bay": (("BAY-{trap_bay}", "assigned"),),
    "empty bay": (("BAY-{empty_bay}", "bay_is_empty"),),
    "busy bay": (("BAY-{busy_bay}", "bay_is_busy"),),
    "drive label": (("{serial}", "serial_right"),),
    "other label": (("{trap_serial}", "serial_wrong"),),
    "YES": (("YES", "confirmed"),),
    "YES again": (("YES", "scan_asset"),),
    "NO": (("NO", "undone_bay"),),
    "UNDO": (("UNDO", "undone_bay"),),
    "CANCEL": (("CANCEL", "scan_bay_to_cancel"), ("BAY-{bay}", "cancelled")),
    "CANCEL the wrong bay": (("CANCEL", "scan_bay_to_cancel"), ("BAY-{trap_bay}", "nothing_to_cancel")),
    "grade": (("GRADE-B", "grade_kept"),),
    "rate": (("BAY-{bay}", "scan_grade"), ("GRADE-C", "graded")),
    "late grade": (
        ("BAY-{bay}", "scan_grade"),
        ("GRADE-C", "graded"),
        ("UNDO", "ungraded"),
        ("BAY-{bay}", "scan_grade"),
        ("GRADE-B", "graded"),
    ),
    "2 drives": (("DRIVES-2", "drives_kept"),),
    "no drive": (("{spare_tag}", "scan_bay"), ("NODRIVE", "ask_no_drive"), ("YES", "no_drive_kept")),
    "in the box": (("{label}", "scan_box"), ("DESTROY", "boxed")),
    "own badge": (("{badge}", "you_are"),),
    "colleague's YES": (("{other_badge}", "hello"), ("YES", "scan_asset|scan_lot"), ("{badge}", "hello")),
    "phone": (
        ("{imei}", "scan_device_tag"),
        ("{phone_tag}", "ask_account_removed"),
        ("YES", "ask_reset_done"),
        ("CANCEL", "scan_bay_to_cancel"),
        ("NO", "device_waits"),
        ("{imei}", "ask_reset_done"),
        ("YES", "ask_start_screen_empty"),
        ("YES", "ask_cards_removed"),
        ("YES", "attested"),
    ),
    "REPRINT": (("REPRINT", "scan_to_reprint"), ("BAY-{bay}", "printing_label")),
}
"""`trap`: the drive that stands in its bay for the whole shift, and must not be touched by any of this."""


KEYED: Mapping[str, str] = {"keyed bay": "assigned", "keyed YES": "confirmed"}
"""What is typed at a keypad: the number of the bay and Enter, or Enter alone; and the answer."""


def tag_of(number: int) -> str:
    """What stands on the device that the drive came from."""
    return f"KK-{SIBLINGS.get(number, number):06}"


def person_of(number: int) -> str:
    """Who works on this drive."""
    return "bo" if number % 3 == 0 else "ida"


def serial_of(number: int) -> str:
    """What the drive says of itself, and what is printed on it."""
    return f"SHIFT-{number:04}"


def spoken(key: str) -> re.Pattern[str]:
    """A sentence of the bench, whatever it names."""
    parts = string.Formatter().parse(keys("phrases", "en")[key])
    return re.compile("".join(re.escape(text) + (".+" if name else "") for text, name, _, _ in parts))


TROUBLE = re.compile(f"{spoken('label_not_printed').pattern}|{spoken('scan_label').pattern}")
