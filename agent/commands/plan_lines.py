"""A plan for people and programs: what is done, why, what else could be, and what is not reached. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from agent.planning.plan import Alternative, Plan, PlannedProof
from firmware_bridge.ata import OPEN_ENDED

if TYPE_CHECKING:
    from agent.commands.work.erase_request import Candidate

STEPS = {
    "power-cycle": "the bay's power goes off and on again",
    "replug": "then it must be plugged in again by hand, and erased",
    "reveal": "the drive is made to show its hidden area",
}


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """One row of `erase --dry-run --json`."""

    device: str
    model: str | None
    serial: str | None
    capacity_bytes: int | None
    plan: Plan | None
    reason: str | None


def rehearsal(candidate: Candidate) -> Rehearsal:
    """Say what would be done to a candidate, or why nothing."""
    drive = candidate.drive
    return Rehearsal(
        device=candidate.device,
        model=drive.model if drive else None,
        serial=drive.serial if drive else None,
        capacity_bytes=drive.capacity_bytes if drive else None,
        plan=candidate.plan if candidate.refusal is None else None,
        reason=str(candidate.refusal) if candidate.refusal else None,
    )


def plan_lines(plan: Plan, *, fully: bool) -> Iterator[str]:
    """Say what a person must know before a yes: always what dies beside it, and what stays.

    `fully`: the choice too.
    """
    if plan.unidentified:
        yield "    IDENTITY: it tells none of its own; its certificate says so, and it is never known again"
    for what in plan.also_destroyed:
        yield f"    ALSO DESTROYED: {what}"
    if plan.fell_back:
        fall = plan.fell_back
        yield f"    falls from {fall.from_} to {fall.to}, as the policy allows: {fall.why}"
    if plan.writers == "unknown":
        yield "    writers: unknown: not every process can be seen; the kernel's count of what is written decides"
    for step in plan.prepare:
        yield f"    before: {STEPS[step]}"
    for what in plan.not_reached:
        yield f"    not reached: {what}"
    if plan.capacity_proof and (fully or plan.capacity_proof.skipped):
        yield f"    capacity: {_proof(plan.capacity_proof)}"
    if fully or plan.technique != "overwrite":
        yield f"    why: {plan.why}"
    if plan.minutes:
        yield f"    takes: {_time(plan.minutes)}, the drive says"
    if fully:
        yield f"    level: {plan.level} (SP 800-88r1: {plan.level_nist_800_88_r1}; IEEE 2883: {plan.level_ieee_2883})"
        for other in plan.alternatives:
            yield f"    {'else' if other.possible else 'not'}: {alternative_line(other)}"


def alternative_line(other: Alternative) -> str:
    """Name one technique that is not taken, and say why."""
    minutes = f" ({_time(other.minutes)}, the drive says)" if other.minutes and other.possible else ""
    return f"{other.technique}: {other.why}{minutes}"


def _proof(proof: PlannedProof) -> str:
    if proof.skipped is not None:
        return f"not proved: {proof.skipped}"
    return f"proved first, by {proof.places} places and both ends, {proof.bytes} bytes written and read back"


def _time(minutes: int) -> str:
    return f"more than {OPEN_ENDED - 2} minutes" if minutes == OPEN_ENDED else f"{minutes} minutes"
