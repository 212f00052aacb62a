"""What `benchwipe erase` is asked for, drive by drive, and answers: agent/commands/work/erase.py does it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from agent.certificates.certificate import Certificate
from agent.certificates.outcome import Reason
from agent.certificates.record import Operator
from agent.commands.work.erase_result import Result
from agent.errors import CertificateProblem, LedgerProblem
from agent.jobs.at_work import AtWork
from agent.jobs.job import Job
from agent.jobs.registrar import Registrar
from agent.planning.plan import Plan
from agent.planning.twins import told_apart
from drivers.drives._paths import paths_of
from drivers.drives.drive import Drive

HELD = "BW-S08"


@dataclass(frozen=True)
class Candidate:
    """A device that was named: planned, or refused; nothing of it was touched."""

    device: str
    drive: Drive | None = None
    plan: Plan | None = None
    refusal: Reason | None = None
    resumes: Job | None = None
    certified: Job | None = None
    """Its job has its certificate; only nobody was told. Nothing is to be done to the drive."""
    anew: bool = False
    """`resumes` left nothing to go on from: it begins from the start."""

    @property
    def idle(self) -> bool:
        """Whether nothing will be done to the drive."""
        return self.refusal is not None or self.certified is not None


@dataclass(frozen=True)
class EraseRequest:
    """What the command line asks for beside the devices. `named`: the words of the plan that were given in person."""

    asset: str | None = None
    operator: Operator | None = None
    resume: bool = False
    named: frozenset[str] = frozenset()


def apart(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Refuse every path of a drive but its first, and every pair of drives with one identity.

    The candidates are otherwise the same.
    """
    drives = {c.device: c.drive for c in candidates if c.drive is not None}
    refused = told_apart(drives, paths_of)
    return [replace(c, refusal=refused[c.device]) if c.device in refused else c for c in candidates]


def at_work(drive: Drive | None, refusals: tuple[Reason, ...], state_dir: Path) -> tuple[Reason, ...]:
    """Add to the refusals whether a job of this state folder runs on the drive.

    That says more than that it is held.
    """
    running = None
    with contextlib.suppress(LedgerProblem):  # who may not enter the state folder is told so when the drive is claimed
        running = AtWork(state_dir).running(drive) if drive is not None else None
    if running is None:
        return refusals
    others = (reason for reason in refusals if reason.code != HELD)
    return (*others, Reason(running.code, str(running), running.hint))


def known_result(device: str, ended: Job, registrar: Registrar, deliver: Callable[[Certificate], Path]) -> Result:
    """Build the row of a job that was certified before, and of which nobody was told."""
    try:
        certificate, problem = registrar.certificate(ended.certificate_id or ""), "the ledger has no row of it"
    except (OSError, CertificateProblem) as error:
        certificate, problem = None, str(error)
    if certificate is None:
        text = f"Its job ended {ended.state}, and its certificate cannot be read: {problem}"
        return Result(device=device, outcome="failed", reason=str(Reason("BW-P13", text, "Mend that first.")))
    record = certificate.record
    passes = sum(one.bytes for one in record.sanitization.passes)
    text = f"Certificate {record.number} of {record.finished_at} says so; its command was ended before it could"
    told = Reason("BW-P12", text, "Nothing was done to the drive now.")
    why = f"{ended.reason.text}. " if ended.reason else ""
    return Result(
        device=device,
        outcome=record.outcome,
        certificate_id=certificate.id,
        certificate_file=str(deliver(certificate)),
        reason=f"{why}{told}",
        read_back=record.verification.kind != "none" if record.outcome == "erased" else msgspec.UNSET,
        bytes=passes or (record.drive.capacity_bytes if record.outcome == "erased" else 0),
    )
