"""What was scanned: (text, symbology) -> one of the kinds of code that the bench knows. Pure.

The patterns are the configuration's ([scanning]); so is which symbology may carry what ([scanning.symbologies]).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from agent.jobs.label_proof import label_named
from agent.scan.label_codes import plain, serials_in, wwn_digits, wwn_in
from agent.settings import Settings
from drivers.drives._identities import names_a_drive
from drivers.drives.drive import Drive

SHOWN = 40  # characters of a code that a display repeats


class Kind(StrEnum):
    """What a code is."""

    BADGE = "badge"
    LOT = "lot"
    TAG = "tag"
    BAY = "bay"
    YES = "yes"
    NO = "no"
    UNDO = "undo"
    START = "start"
    CANCEL = "cancel"
    REPRINT = "reprint"
    GRADE = "grade"
    DESTINATION = "destination"
    LABEL = "label"
    PSID = "psid"
    IMEI = "imei"
    TABLET = "tablet"
    LOGOUT = "logout"
    DRIVES = "drives"
    NODRIVE = "nodrive"
    BOX = "box"
    OTHER = "other"
    WRONG_SYMBOL = "wrong-symbol"


COMMANDS = (
    *(Kind.CANCEL, Kind.START, Kind.YES, Kind.NO, Kind.UNDO, Kind.REPRINT),
    *(Kind.TABLET, Kind.LOGOUT, Kind.NODRIVE),
)
FIELD: Mapping[Kind, str] = {
    Kind.TAG: "asset",
    Kind.BADGE: "badge",
    Kind.LOT: "lot",
    Kind.BAY: "bay",
    Kind.OTHER: "",
    Kind.LABEL: "",
    Kind.PSID: "",
    Kind.IMEI: "",
}
"""The key of [scanning.symbologies] for a kind; "" where any is right. Those that are not here are commands."""


@dataclass(frozen=True)
class Code:
    """A scan. `value`: the bay's name, the grade's letter, the label's number or id, the box, the drives; else all.

    A tag's is in capitals: one device has one tag, however its label was typed.
    """

    kind: Kind
    value: str


def read(text: str, symbology: str | None, settings: Settings) -> Code:
    """Read what this scan is. A scanner that does not tell the symbology is believed."""
    code = _read(text, settings)
    field = FIELD.get(code.kind, "command")
    allowed: tuple[str, ...] = getattr(settings.scanning.symbologies, field) if field else ()
    if symbology is not None and allowed and symbology not in allowed:
        return Code(Kind.WRONG_SYMBOL, symbology)
    return code


def _read(text: str, settings: Settings) -> Code:
    rules, about = settings.scanning, settings.station
    for kind in COMMANDS:
        if re.fullmatch(getattr(rules, kind.value), text):
            return Code(kind, text)
    if label := label_named(text, station_id=about.id, certificate_url=about.certificate_url):
        return Code(Kind.LABEL, label)
    for kind in (Kind.BAY, Kind.GRADE, Kind.DRIVES, Kind.BOX):
        if match := re.fullmatch(getattr(rules, kind.value), text):
            return Code(kind, match[kind.value])
    for kind in (Kind.BADGE, Kind.LOT, Kind.DESTINATION, Kind.PSID, Kind.IMEI):
        if re.fullmatch(getattr(rules, kind.value), text):
            return Code(kind, text)
    return Code(Kind.TAG, text.upper()) if re.fullmatch(rules.asset, text) else Code(Kind.OTHER, text)


def bay_called(name: str, bays: Sequence[str]) -> str | None:
    """Find the bay of that name.

    A keypad has digits only: 1 is bay 1 or 01, and the first bay where no bay's name is a number.
    """
    if name in bays:
        return name
    if not (name.isascii() and name.isdigit()):
        return None
    numbers = [bay for bay in bays if bay.isascii() and bay.isdigit()]
    if numbers:
        same = [bay for bay in numbers if int(bay) == int(name)]
        return same[0] if len(same) == 1 else None
    return bays[int(name) - 1] if 1 <= int(name) <= len(bays) else None


def is_of_drive(text: str, drive: Drive) -> bool:
    """Say whether this stands on that drive's own label: its whole serial number or WWN, never a part of one.

    Spaces and small letters do not count, nor what labels print before a number (agent/scan/label_codes.py), nor the
    "WD-" that some drives say and their labels do not, nor the board's number that Seagate's SAS drives say behind
    their own. A serial number or WWN that names no drive is on no drive's label.
    """
    wwn = wwn_digits(drive.own_wwn) if drive.own_wwn else None
    if wwn is not None and wwn_in(text) == wwn:
        return True
    own = {plain(known) for known in (drive.own_serial, drive.own_wwn, _without_board(drive)) if known and plain(known)}
    return any(
        read_as in own or _without_maker(read_as) in own or read_as in map(_without_maker, own)
        for read_as in serials_in(text)
    )


def _without_board(drive: Drive) -> str | None:
    """Seagate's SAS drives tell 20 characters: the 8 of the drive, four zeros, and the 8 of its circuit board.

    Labels print the first 8. Only of its own (IEEE number 000C50, or by name), since others count to 20 otherwise.
    """
    serial = drive.own_serial or ""
    seagate = (drive.vendor or "").upper().startswith("SEAGATE") or (drive.own_wwn or "").lower().startswith("0x5000c5")
    told = drive.transport not in ("ata", "nvme", "mmc") and re.fullmatch(r"([0-9A-Z]{8})0000[0-9A-Z]{8}", serial)
    return told[1] if seagate and told and names_a_drive(told[1]) else None


def _without_maker(serial: str) -> str:
    return serial.removeprefix("WD-")
