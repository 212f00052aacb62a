"""(Drive, Policy) -> Plan | Reason. Pure: what will be done, why, and what it does not reach, before anything moves."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from agent.certificates.outcome import NAMELESS_HINT, SILENT, SKIPPED, UNIDENTIFIED, Reason, Writers
from agent.certificates.record import FellBack, Level
from agent.erase import METHODS, Limits, Step, VerifySpec
from agent.erase.proof_plan import ProofPlan
from agent.erase.techniques import (
    FIRMWARE_TECHNIQUES,
    LOCKED,
    OVERWRITING,
    RANK,
    TECHNIQUES,
    Levels,
    Obstacle,
    levels_of,
    obstacle,
)
from agent.planning.policy import Policy
from agent.planning.reach import also_destroyed, can_be_revealed, hidden_bytes, not_reached, reaches_hidden, unread
from drivers.drives.drive import Drive, speaks

POLICY_METHODS = ("nist-clear", "nist-purge")
STANDARD = "NIST SP 800-88 Rev. 2; techniques as in Rev. 1, Appendix A"
OVERWRITE = "overwrite"
BY_LOCK = "BW-P06"
NEEDS_IDENTITY = "it tells no identity by which it would be known again after its power was off"
OVERWRITE_HINT = "Connect it without the bridge, or choose a policy that overwrites (nist-clear)."


class Alternative(msgspec.Struct, frozen=True, kw_only=True):
    """Another technique for the same drive: why it is second, or why it cannot be had. `level`: what it would reach."""

    technique: str
    level: Level
    possible: bool
    why: str
    minutes: int | None = None


class PlannedProof(msgspec.Struct, frozen=True, kw_only=True):
    """How the drive's capacity is proved before anything else; `skipped`: why it is not."""

    places: int = 0
    bytes: int = 0
    skipped: str | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What will be done to one drive. `level` is the certified one: the lower of the two standards' levels.

    `technique`: "overwrite", then `method` names its passes; or a firmware technique, then `method` is its name too.
    `prepare`: what comes before: the bay's power off and on, and making the drive show what it hides. `minutes`: how
    long the drive says that it takes; None where it does not say. `also_destroyed`: what dies beside the device
    that was named. `fell_back`: the policy asked for more, and allowed this instead. `hidden_accepted`: it is erased
    as far as it shows, also where nobody knows what it hides. `unidentified`: the drive tells no identity of its own,
    and the policy allows that. `capacity_proof`: None only in plans of earlier versions. `writers`: "unknown" where not
    every process could be asked whether it writes to the drive.
    """

    policy: str
    technique: str
    method: str
    passes: int
    why: str
    alternatives: tuple[Alternative, ...] = ()
    minutes: int | None = None
    prepare: tuple[Step, ...] = ()
    not_reached: tuple[str, ...] = ()
    also_destroyed: tuple[str, ...] = ()
    asked_level: Level = "clear"
    fell_back: FellBack | None = None
    hidden_accepted: bool = False
    unidentified: bool = False
    capacity_proof: PlannedProof | None = None
    writers: Writers | None = None
    level: Level
    level_nist_800_88_r1: Level
    level_ieee_2883: Level
    standard: str = STANDARD
    verify: VerifySpec
    limits: Limits


@dataclass(frozen=True)
class Offer:
    """A technique as this drive has it at this station. `obstacle` is None where it can be had."""

    technique: str
    levels: Levels
    merit: str
    obstacle: Obstacle | None = None
    power_cycle: bool = False
    minutes: int | None = None


def known_methods() -> tuple[str, ...]:
    """List every word that a policy's or the command line's `method` may be."""
    return (*POLICY_METHODS, *METHODS, *FIRMWARE_TECHNIQUES)


def may_be_refused(method: str) -> bool:
    """Tell whether some drive cannot have this method, so that a policy may say what is done instead."""
    return method in ("nist-purge", *FIRMWARE_TECHNIQUES)


def plan(drive: Drive, policy: Policy, *, power: bool = False) -> Plan | Reason:
    """Make the plan, or say why there is none.

    Never a lower level than the policy asks for, unless it names that.

    `power`: whether this station can switch the power of the drive's bay.
    """
    if policy.method not in known_methods():
        return Reason("BW-P04", f"no method is called {policy.method}", f"Known: {', '.join(known_methods())}.")
    if drive.capabilities and drive.capabilities.security_locked:
        return Reason(BY_LOCK, f"{drive.device}: {LOCKED.text}", LOCKED.cure)
    if reason := _nameless(drive, policy) or _unknown(drive, policy):
        return reason
    offers = survey(drive, power=power)
    chosen = _choose(drive, policy, offers)
    if isinstance(chosen, Reason) and policy.fallback == "nist-clear":
        instead = FellBack(from_=policy.method, to=policy.fallback, why=f"{chosen.text} ({chosen.code})")
        return _judged(drive, policy, offers, _overwrite(drive), instead, power=power)
    return chosen if isinstance(chosen, Reason) else _judged(drive, policy, offers, chosen, None, power=power)


def _nameless(drive: Drive, policy: Policy) -> Reason | None:
    """Why a drive that tells no identity of its own is not planned; None where it has one, or the policy allows it."""
    if drive.identified:
        return None
    if not policy.allow_unidentified or not drive.appearance:
        return Reason(UNIDENTIFIED, f"{drive.device} cannot be identified: {drive.identity_note}", NAMELESS_HINT)
    if policy.match_serial:
        text = f"{drive.device} cannot be matched with its label: {drive.identity_note}"
        return Reason("BW-S48", text, "Connect it without the bridge, or choose a policy without match_serial.")
    return None


def _unknown(drive: Drive, policy: Policy) -> Reason | None:
    """Why a drive is not planned of which nobody knows what it hides; None where that is known, or accepted.

    Silence may pass, so it is refused by every other policy. An answer that does not tell the size stays as it is: it
    refuses where the policy wants hidden areas removed, which nobody could see to be done.
    """
    if policy.hidden_area == "accept":
        return None
    accept = 'choose a policy that accepts hidden areas (hidden_area = "accept")'
    if drive.silent:
        text = f"{drive.device} was asked what it hides, and did not answer in time"
        return Reason(SILENT.code, text, f"{SILENT.hint} Or {accept}.")
    features = ", ".join(feature.upper() for feature in unread(drive))
    if features and policy.hidden_area == "remove":
        text = f"{drive.device} does not say whether it hides anything ({features})"
        return Reason("BW-P09", text, f"Connect it without a bridge, or {accept}.")
    return None


def survey(drive: Drive, *, power: bool = False) -> tuple[Offer, ...]:
    """List every technique for drives of this kind: those that can be had first, the highest level first."""
    spoken = speaks(drive) or {"usb": "ata", "ata": "ata", "nvme": "nvme", "sas": "scsi", "scsi": "scsi"}.get(
        drive.transport
    )
    found = [_offer(name, drive, power=power) for name, row in TECHNIQUES.items() if row.speaks == spoken]
    return tuple(sorted(found, key=lambda offer: (offer.obstacle is not None, -RANK[offer.levels.certified])))


def offered(drive: Drive) -> tuple[Alternative, ...]:
    """List what the drive's own firmware could do, whatever a policy says of it; nothing where it was silent."""
    if drive.capabilities is None:
        return ()
    return tuple(_as_alternative(o, o.obstacle.text if o.obstacle else o.merit) for o in survey(drive))


def _offer(name: str, drive: Drive, *, power: bool) -> Offer:
    row, levels = TECHNIQUES[name], levels_of(TECHNIQUES[name], drive)
    wrong = obstacle(row, drive)
    cured = wrong is not None and wrong.power_cycle and power
    minutes = row.minutes(drive.capabilities) if drive.capabilities else None
    return Offer(name, levels, row.merit, None if cured else wrong, cured, minutes)


# --- which one -------------------------------------------------------------------------------------------------


def _choose(drive: Drive, policy: Policy, offers: tuple[Offer, ...]) -> Offer | Reason:
    if policy.method == "nist-clear":
        return _overwrite(drive)
    if policy.method in METHODS:
        return Offer(policy.method, OVERWRITING, "chosen by name")
    if policy.method == "nist-purge":
        best = next((o for o in offers if o.obstacle is None and o.levels.certified == "purge"), None)
        return best or _no_purge(drive, offers)
    named = next((o for o in offers if o.technique == policy.method), None)
    if named is not None and named.obstacle is None:
        return named
    return _cannot(drive, policy.method, named, offers)


def _overwrite(drive: Drive) -> Offer:
    if drive.media == "flash":
        why = "removable flash: two passes, a pattern and its complement (SP 800-88r1, table A-8)"
        return Offer("pattern-complement", OVERWRITING, why)
    return Offer("zero", OVERWRITING, "one pass of a fixed value is Clear (SP 800-88r1, table A-5)")


def _no_purge(drive: Drive, offers: tuple[Offer, ...]) -> Reason:
    """With each technique's own reason. Silence is said once."""
    text = f"{drive.device} offers nothing for nist-purge"
    cures = [o.obstacle.cure for o in offers if o.obstacle and o.obstacle.cure and o.levels.certified == "purge"]
    destroy = "Choose a policy that allows clear (fallback), or send the drive to destruction."
    return Reason("BW-P03", f"{text}: {_each(drive, offers)}", " Or: ".join((*cures[:1], destroy)))


def _each(drive: Drive, offers: tuple[Offer, ...]) -> str:
    if drive.media == "flash":
        return "nothing purges sticks and cards (SP 800-88r1, table A-8)"
    if drive.capabilities is None:
        told = next((o.obstacle.text for o in offers if o.obstacle), "")
        return told or f"a drive on {drive.transport} has no commands for it"
    words = (o.obstacle.text if o.obstacle else f"certified as {o.levels.certified} here" for o in offers)
    return "; ".join(f"{offer.technique}: {why}" for offer, why in zip(offers, words, strict=True))


def _cannot(drive: Drive, method: str, named: Offer | None, offers: tuple[Offer, ...]) -> Reason:
    """A technique that was named and cannot be had, with those that can."""
    family = TECHNIQUES[method].speaks.upper()
    why = named.obstacle.text if named and named.obstacle else f"it takes no {family} commands here"
    can = [o.technique for o in offers if o.obstacle is None]
    cure = named.obstacle.cure if named and named.obstacle else ""
    supported = f"It supports: {', '.join(can)}." if can else "It supports no firmware technique here."
    return Reason("BW-P03", f"{drive.device} cannot have {method}: {why}", f"{cure} {supported}".strip())


# --- and what it means -----------------------------------------------------------------------------------------


def _judged(
    drive: Drive, policy: Policy, offers: tuple[Offer, ...], chosen: Offer, fell_back: FellBack | None, *, power: bool
) -> Plan | Reason:
    technique = chosen.technique if chosen.technique in TECHNIQUES else OVERWRITE
    hidden = hidden_bytes(drive) > 0 and not reaches_hidden(drive, technique)
    if hidden and policy.hidden_area != "accept" and (reason := _hides(drive, policy, technique)):
        return reason
    reveal = hidden and policy.hidden_area == "remove"
    prepare = _steps(chosen, reveal=reveal, power=power)
    if not drive.identified and (prepare or (technique in TECHNIQUES and TECHNIQUES[technique].security)):
        return Reason("BW-S49", f"{drive.device} cannot have {technique}: {NEEDS_IDENTITY}", OVERWRITE_HINT)
    return Plan(
        policy=policy.name,
        technique=technique,
        method=chosen.technique,
        passes=len(METHODS[chosen.technique].passes) if technique == OVERWRITE else 0,
        why=chosen.merit if technique == OVERWRITE else _because(chosen, policy),
        alternatives=_alternatives(chosen, offers, technique),
        minutes=chosen.minutes,
        prepare=prepare,
        not_reached=not_reached(drive, technique, revealed=reveal),
        also_destroyed=also_destroyed(drive, technique),
        asked_level=_asked(drive, policy),
        fell_back=fell_back,
        hidden_accepted=policy.hidden_area == "accept",
        unidentified=not drive.identified,
        capacity_proof=_proof(drive, policy),
        level=chosen.levels.certified,
        level_nist_800_88_r1=chosen.levels.r1,
        level_ieee_2883=chosen.levels.ieee,
        verify=policy.verify,
        limits=policy.limits,
    )


def _hides(drive: Drive, policy: Policy, technique: str) -> Reason | None:
    """Why a drive that hides something is not planned; None where the policy has it removed, and that can be done.

    The advice must lead to an erasure, and not to the next refusal: what a bridge hides no command brings back.
    """
    text = f"{drive.device} hides {hidden_bytes(drive)} bytes"
    if can_be_revealed(drive):
        if policy.hidden_area == "remove":
            return None
        hint = 'Choose a policy that removes hidden areas (hidden_area = "remove") or accepts them ("accept").'
        return Reason("BW-P02", f"{text} that {technique} does not reach", hint)
    if drive.transport == "usb":
        text = f"{drive.device}: its bridge hides the last {hidden_bytes(drive)} bytes of the drive"
        return Reason("BW-E70", text, "Connect it without the bridge: then all of it is erased.")
    can = ", ".join(o.technique for o in survey(drive) if o.obstacle is None and reaches_hidden(drive, o.technique))
    instead = f"Choose a policy with a technique that reaches them ({can}), or one" if can else "Choose a policy"
    hint = f'{instead} that accepts them (hidden_area = "accept"), or send the drive to destruction.'
    return Reason("BW-P07", f"{text}, and no command of it brings them back", hint)


def _proof(drive: Drive, policy: Policy) -> PlannedProof:
    if drive.transport in policy.skip_capacity_proof:
        return PlannedProof(skipped=f"{SKIPPED} {drive.transport}")
    proof = ProofPlan(drive.capacity_bytes, drive.logical_block_bytes)
    return PlannedProof(places=len(proof.places), bytes=proof.bytes) if proof.possible else PlannedProof()


def _because(chosen: Offer, policy: Policy) -> str:
    if policy.method == chosen.technique:
        return f"chosen by name: {chosen.merit}"
    return f"the best that this drive has at {chosen.levels.certified}: {chosen.merit}"


def _steps(chosen: Offer, *, reveal: bool, power: bool) -> tuple[Step, ...]:
    """Without power to switch, what is shown then is seen when the drive was plugged in anew, by hand."""
    steps: list[Step] = []
    if reveal:
        steps += ["reveal"] if power else ["reveal", "replug"]
    if chosen.power_cycle and power:
        steps.append("power-cycle")
    return tuple(steps)


def _asked(drive: Drive, policy: Policy) -> Level:
    if policy.method in TECHNIQUES:
        return levels_of(TECHNIQUES[policy.method], drive).certified
    return "purge" if policy.method == "nist-purge" else "clear"


def _alternatives(chosen: Offer, offers: tuple[Offer, ...], technique: str) -> tuple[Alternative, ...]:
    others = [offer for offer in offers if offer.technique != chosen.technique]
    if technique != OVERWRITE:
        others.insert(sum(o.obstacle is None for o in others), Offer(OVERWRITE, OVERWRITING, "written by this station"))
    return tuple(_as_alternative(other, _why_not(other, chosen)) for other in others)


def _as_alternative(offer: Offer, why: str) -> Alternative:
    return Alternative(
        technique=offer.technique,
        level=offer.levels.certified,
        possible=offer.obstacle is None,
        why=why,
        minutes=offer.minutes,
    )


def _why_not(other: Offer, chosen: Offer) -> str:
    if other.obstacle is not None:
        return other.obstacle.text
    level, best = other.levels.certified, chosen.levels.certified
    if RANK[level] < RANK[best]:
        return f"reaches {level} only: {other.merit}"
    if RANK[level] > RANK[best]:
        return f"reaches {level}, more than was asked for: {other.merit}"
    return f"reaches {level} too: {other.merit}"
