"""What an erase is told, and what it tells on its way: plain frozen values, JSON both ways (msgspec). Pure.

Sizes, offsets and lengths are bytes; durations seconds; rates 10^6 bytes a second; temperatures degrees Celsius.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from agent.certificates.record import CapacityProof, CommandRecord, Interruption, PassRecord, Resumed, Unreached
from agent.erase.methods import METHODS
from agent.erase.techniques import FIRMWARE_TECHNIQUES
from drivers.drives.drive import Drive

Count = Annotated[int, msgspec.Meta(ge=0)]
Amount = Annotated[float, msgspec.Meta(ge=0)]
Celsius = Annotated[float, msgspec.Meta(ge=0, le=150)]
SECRETS = frozenset({"key_hex", "passwords"})
Phase = Literal["cycling", "proof", "pass", "retry", "firmware", "verify", "paused", "stalled"]
Step = Literal["power-cycle", "reveal", "replug"]


class VerifySpec(msgspec.Struct, frozen=True, kw_only=True):
    """How the drive is read back after the last pass.

    "sample" reads two places in each of at least 1,000 equal sections, the first and the last block, together at
    least `fraction` of the drive (NIST SP 800-88 Rev. 1, 4.7). At most `max_mismatches` ranges are listed; more are
    merged and flagged, never dropped.
    """

    kind: Literal["full", "sample", "none"] = "full"
    fraction: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.10
    stop_at_first_mismatch: bool = False
    max_mismatches: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 64

    def __post_init__(self) -> None:
        """ValueError for a fraction outside 0..1 or a list without room."""
        if not 0 < self.fraction <= 1 or self.max_mismatches < 1:
            raise ValueError("verify: 0 < fraction <= 1 and max_mismatches >= 1")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """When a drive is given up, when it pauses, how often it is flushed. 0 and None switch a limit off: without
    `window_s` no rate is too low, without `checkpoint_bytes` and `checkpoint_s` a drive is flushed once in each pass.

    `give_up_after_errors` counts requests of the first sweep and single blocks that failed; the steps of a bisection
    between them are not counted. `minimum_mb_per_s` is an average over `window_s`. `give_up_after_s` counts the
    whole job, with the time before an interruption. A pause for heat counts for neither. One pause that lasts
    `pause_longest_s` ends the job: the drive does not cool, or its sensor is stuck.
    """

    give_up_after_errors: Count = 1000
    minimum_mb_per_s: Amount = 0.0
    window_s: Amount = 300.0
    give_up_after_s: Amount = 0.0
    stall_after_s: Amount = 60.0
    checkpoint_bytes: Count = 1 << 30
    checkpoint_s: Amount = 30.0
    pause_at_c: Celsius | None = None
    resume_at_c: Celsius | None = None
    abort_at_c: Celsius | None = None
    pause_longest_s: Amount = 1800.0


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """A range that was put aside to be written last. `flush_each`: a flush failed over it, so each piece is flushed."""

    offset: int
    bytes: int
    flush_each: bool = False


class FirmwarePoint(msgspec.Struct, frozen=True, kw_only=True):
    """How far a command to the drive's own firmware is known to have got; on the ledger's medium before it is sent.

    "prepared": nothing was sent; "sent": it may have been; "accepted", "finished": the drive said so. `command`: its
    bytes in hex. `stale`: before it was sent, the drive's log showed the same command as completed. `missing`: numbers
    of the places that did not keep a sentinel.
    """

    step: Literal["prepared", "sent", "accepted", "finished"]
    command: str = ""
    stale: bool = False
    missing: tuple[int, ...] = ()
    commands: tuple[CommandRecord, ...] = ()


class ResumePoint(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a job needs to go on: all before `offset` of this pass is on the medium, but for `aside` and
    what is `unreached`.

    `pass_number` counts from 1; one more than the method's passes means that only the verification is left (which
    always starts anew). `stream` names the generator of the random passes. Holds no key. `life` differs each time that
    the job began anew, so that what it wrote before does not pass for what it wrote since; it goes into its keys.
    """

    pass_number: int
    offset: int
    completed: tuple[PassRecord, ...] = ()
    pass_started_at: str | None = None
    unreached: tuple[Unreached, ...] = ()
    aside: tuple[Area, ...] = ()
    interruptions: tuple[Interruption, ...] = ()
    capacity_proof: CapacityProof | None = None
    resumed: tuple[Resumed, ...] = ()
    life: str = ""
    stream: str = ""
    errors: int = 0
    seconds: float = 0.0
    firmware: FirmwarePoint | None = None


class PatternSpan(NamedTuple):
    """What a hash is of: a pattern as `PassRecord.pattern` names it, over so many bytes."""

    pattern: str
    capacity: int


class KnownHash(msgspec.Struct, frozen=True, kw_only=True):
    """The BLAKE3 hash that a pattern came to over so many bytes; the pattern as `PassRecord.pattern` names it."""

    pattern: str
    capacity: int
    blake3: str


class EraseSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One job. `technique`: "overwrite", by the passes of `method`, or a firmware technique, then `method` is its name.

    `key_hex`: 32 random bytes in hex, the root of the random passes' keys; never shown by repr.

    `sample_seed`: hex; empty lets the engine draw one after the last pass, as a sample should be.
    `stream`: name of the generator of random passes; empty lets a short measurement choose. `drives_at_once` scales
    buffers down. `interruption` is added to those of `resume`, with the offset that the work goes on from.
    `passwords`: in hex, ATA passwords that this station may have set on the drive, the job's own first; never shown.
    `prepare`: what comes before the erasure (agent/erase/prepare.py). `hidden_accepted`: also a drive that was silent
    when it was planned, so that nobody knows what it hides, is erased as far as it shows. `skip_proof`: its capacity
    is not proved, because the policy skips that for drives of this kind. `known_hash`: what the last pass's hash came
    to before, on this station; `hash_anew`: it is made anew whatever is known of it.
    """

    job: str
    method: str
    technique: str = "overwrite"
    verify: VerifySpec = VerifySpec()
    limits: Limits = Limits()
    key_hex: str = ""
    passwords: tuple[str, ...] = ()
    sample_seed: str = ""
    stream: str = ""
    resume: ResumePoint | None = None
    interruption: Interruption | None = None
    drives_at_once: int = 1
    prepare: tuple[Step, ...] = ()
    hidden_accepted: bool = False
    skip_proof: bool = False
    known_hash: KnownHash | None = None
    hash_anew: bool = False

    def __post_init__(self) -> None:
        """ValueError for an unknown method, or a random pass or firmware technique without a key."""
        if self.technique != "overwrite":
            if self.technique not in FIRMWARE_TECHNIQUES or self.method != self.technique:
                known = ", ".join(FIRMWARE_TECHNIQUES)
                raise ValueError(f"no firmware technique is called {self.technique!r}; known: {known}")
            if len(bytes.fromhex(self.key_hex)) != 32:
                raise ValueError(f"technique {self.technique} needs a key of 32 bytes in hex")
        elif self.method not in METHODS:
            raise ValueError(f"no overwrite method is called {self.method!r}; known: {', '.join(METHODS)}")
        elif None in METHODS[self.method].passes and len(bytes.fromhex(self.key_hex)) != 32:
            raise ValueError(f"method {self.method} needs a key of 32 bytes in hex")
        if self.drives_at_once < 1:
            raise ValueError("drives_at_once is at least 1")

    def __repr__(self) -> str:
        """Everything but the secrets."""
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"EraseSpec({shown}, key_hex={'<hidden>' if self.key_hex else None})"

    def __str__(self) -> str:
        """As repr: without the secrets."""
        return repr(self)

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """As repr: without the secrets (rich would walk the fields by itself)."""
        return [(name, getattr(self, name)) for name in self.__struct_fields__ if name not in SECRETS]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a job is; at most about four a second. "stalled": the drive has not answered since `stall_after_s`.

    `paused_s`: so long it has waited to cool, in this pause. `works_s`: so long the drive has been at a command of
    which it tells no progress; `estimate_s`: what it says that this takes, where it says so. Of a command that tells
    its progress both are empty.

    `ends_at`: when the whole job will be done, in seconds since 1970; `left_s`: so long that is from now. None while
    nobody can know.
    """

    job: str
    phase: Phase
    pass_number: int
    passes: int
    bytes_done: int
    bytes_total: int
    mb_per_s: float
    errors: int = 0
    celsius: float | None = None
    paused_s: float | None = None
    works_s: float | None = None
    estimate_s: float | None = None
    ends_at: float | None = None
    left_s: float | None = None


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """The drive has acknowledged a flush: a resumed job may start from `point`.

    With a `receipt` the job waits until it is told by that number whether the point was kept (agent/erase/signals.py),
    and does nothing more if it was not.
    """

    job: str
    point: ResumePoint
    receipt: int | None = None


class Renewed(msgspec.Struct, frozen=True, kw_only=True):
    """The job's drive shows more capacity than before, by what the job did: it is known by this from now on."""

    job: str
    drive: Drive
