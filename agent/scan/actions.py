"""What a scan has done: frozen wishes of the dialogue, carried out by the engine's scan desk. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from agent.scan.handset import Attempt


@dataclass(frozen=True)
class Assign:
    """Erase the drive in this bay for this asset; `drives`: how many the device has, 0 where nobody said."""

    bay: str
    asset: str
    grade: str = ""
    destination: str = ""
    drives: int = 0


@dataclass(frozen=True)
class Match:
    """The label of this bay's drive was scanned: its job goes on to what the policy asks next."""

    bay: str
    job: str


@dataclass(frozen=True)
class BeginBay:
    """YES: count down to this job."""

    bay: str
    job: str


@dataclass(frozen=True)
class TakeBack:
    """Undo the assignment of this job, if it has not begun."""

    bay: str
    job: str


@dataclass(frozen=True)
class Rate:
    """Write down the grade or destination of this job's device; what is empty stays as it is."""

    bay: str
    job: str
    grade: str
    destination: str


@dataclass(frozen=True)
class TakeBackGrade:
    """Let this job's device have the grade and destination that it had before the last scan."""

    bay: str
    job: str
    grade: str
    destination: str


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
class Attest:
    """Certify what the person who is signed in answers for."""

    attempt: Attempt


@dataclass(frozen=True)
class SayNoDrive:
    """State, signed, that this device has no drive."""

    asset: str


@dataclass(frozen=True)
class PutInBox:
    """State that the drive of this label, or the one in this bay, lies in the box of what is destroyed."""

    box: str
    label: str = ""
    bay: str = ""
    asset: str = ""


Action = (
    SayNoDrive
    | PutInBox
    | Attest
    | Assign
    | Match
    | BeginBay
    | TakeBack
    | TakeBackGrade
    | Rate
    | Cancel
    | LabelScanned
    | Reprint
)
