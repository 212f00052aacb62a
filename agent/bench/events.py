"""What happens to the engine: immutable values, put into its one queue by everybody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.certificates.outcome import Outcome, Reason, Writers
from agent.erase import Checkpoint, PatternSpan, Progress, Renewed
from agent.jobs.label_proof import LabelState
from agent.messages import Request
from drivers.drives.drive import Drive


@dataclass(frozen=True)
class DriveArrived:
    """A drive stands in a bay. `token` tells this stay from any other; `refusals` say why it may not be erased."""

    bay: str
    token: str
    drive: Drive
    refusals: tuple[Reason, ...] = ()
    writers: Writers | None = None


@dataclass(frozen=True)
class DriveUnreadable:
    """Something stands in a bay and does not say who it is."""

    bay: str
    token: str
    reason: Reason


@dataclass(frozen=True)
class DriveLeft:
    """The bay is empty now."""

    bay: str


@dataclass(frozen=True)
class Scanned:
    """A code that somebody scanned or typed. `symbology`: as the scanner told it, if it did.

    `scanner`: its name in the configuration. `at`: when it was read, in monotonic seconds.
    """

    text: str
    symbology: str | None = None
    scanner: str = ""
    at: float | None = None


@dataclass(frozen=True)
class Told:
    """Something that a device's thread has for the person at the bench: a phrase's key and its values."""

    key: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CancelRequested:
    """Somebody asks that this bay's countdown or erasure stops."""

    bay: str
    by: str


@dataclass(frozen=True)
class Worked:
    """A worker's progress, a checkpoint whose data is on the medium, or a drive that shows more than before."""

    bay: str
    job: str
    report: Progress | Checkpoint | Renewed


@dataclass(frozen=True)
class DriveCycled:
    """A worker had its bay's power off and on: the same drive stands there, and `token` tells this appearance."""

    bay: str
    job: str
    token: str


@dataclass(frozen=True)
class WorkEnded:
    """A worker is done with its drive, and has let go of it."""

    bay: str
    job: str
    outcome: Outcome


@dataclass(frozen=True)
class HashMade:
    """The hash of a pattern over a capacity, that was made while nothing else was to be done."""

    place: PatternSpan
    blake3: str


@dataclass(frozen=True)
class CertificateRejected:
    """The collector refused a certificate or statement; an empty reason: it has taken it after all."""

    id: str
    reason: str


@dataclass(frozen=True)
class CommandArrived:
    """A controller asks something over MQTT. Nothing of it is checked yet."""

    request: Request


@dataclass(frozen=True)
class DirectoryArrived:
    """A message on `desired/config`, as it came."""

    body: bytes


@dataclass(frozen=True)
class LabelResult:
    """What came of a label, the `copy`-th reprint of it, at a printer: printed, or not, or nobody knows."""

    number: str
    printer: str
    copy: int
    state: LabelState
    detail: str = ""


@dataclass(frozen=True)
class ReprintRequested:
    """Somebody asks for the label of a certificate (its number or id) once more."""

    label: str


@dataclass(frozen=True)
class DeviceFault:
    """A dock, printer, input or display does not do what it should; None clears it."""

    device: str
    code: str
    text: str | None


@dataclass(frozen=True)
class DockReported:
    """What a dock said by itself about a bay (None: about no bay of ours); `door_open` where it knows."""

    dock: str
    bay: str | None
    what: str
    door_open: bool | None = None


Event = (
    DriveArrived
    | DriveUnreadable
    | DriveLeft
    | Scanned
    | Told
    | CancelRequested
    | Worked
    | DriveCycled
    | WorkEnded
    | HashMade
    | CertificateRejected
    | CommandArrived
    | DirectoryArrived
    | LabelResult
    | ReprintRequested
    | DeviceFault
    | DockReported
)
