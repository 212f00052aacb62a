"""(Drive, Policy) -> Plan | Reason. Pure: what will be done, why, and what it does not reach, before anything moves."""

from __future__ import annotations

import msgspec

from agent.erase import METHODS, Limits, VerifySpec
from agent.outcome import Reason
from agent.policy import Policy
from agent.record import Level
from drivers.drives.base import Drive

FIRMWARE_TECHNIQUES = (
    "ata-secure-erase",
    "ata-secure-erase-enhanced",
    "ata-sanitize-block",
    "ata-sanitize-crypto",
    "ata-sanitize-overwrite",
    "nvme-format-user-data",
    "nvme-format-crypto",
    "nvme-sanitize-block",
    "nvme-sanitize-crypto",
    "nvme-sanitize-overwrite",
    "scsi-sanitize-block",
    "scsi-sanitize-crypto",
    "scsi-sanitize-overwrite",
)
POLICY_METHODS = ("nist-clear", "nist-purge")
STANDARD = "NIST SP 800-88 Rev. 2; techniques as in Rev. 1, Appendix A"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What will be done to one drive. `level` is the certified one: the lower of the two standards' levels."""

    policy: str
    technique: str
    method: str
    passes: int
    why: str
    not_reached: tuple[str, ...] = ()
    level: Level
    level_nist_800_88_r1: Level
    level_ieee_2883: Level
    standard: str = STANDARD
    verify: VerifySpec
    limits: Limits


def known_methods() -> tuple[str, ...]:
    """Every word that a policy's or the command line's `method` may be."""
    return (*POLICY_METHODS, *METHODS, *FIRMWARE_TECHNIQUES)


def plan(drive: Drive, policy: Policy) -> Plan | Reason:
    """The plan, or why there is none. Never a lower level than the policy asks for."""
    refusal = _hides_too_much(drive, policy)
    if refusal:
        return refusal
    if policy.method == "nist-clear":
        return _overwrite(drive, policy, *_clear_method(drive))
    if policy.method in METHODS:
        return _overwrite(drive, policy, policy.method, "chosen by name")
    if policy.method == "nist-purge" or policy.method in FIRMWARE_TECHNIQUES:
        return Reason(
            "BW-P03",
            f"{drive.device} offers no technique that reaches {policy.method} through this station",
            "Choose a policy that allows clear, or send the drive to destruction.",
        )
    return Reason("BW-P04", f"no method is called {policy.method}", f"Known: {', '.join(known_methods())}.")


def _hides_too_much(drive: Drive, policy: Policy) -> Reason | None:
    if _hidden_bytes(drive) and not policy.accept_hidden_area:
        return Reason(
            "BW-P02",
            f"{drive.device} hides {_hidden_bytes(drive)} bytes that an overwrite does not reach",
            "Remove the hidden area, or choose a policy with accept_hidden_area.",
        )
    return None


def _clear_method(drive: Drive) -> tuple[str, str]:
    if drive.media == "flash":
        return (
            "pattern-complement",
            "removable flash: two passes, a pattern and its complement (SP 800-88r1, table A-8)",
        )
    return "zero", "one pass of a fixed value is Clear (SP 800-88r1, table A-5)"


def _overwrite(drive: Drive, policy: Policy, method: str, why: str) -> Plan:
    return Plan(
        policy=policy.name,
        technique="overwrite",
        method=method,
        passes=len(METHODS[method].passes),
        why=why,
        not_reached=_not_reached(drive),
        level="clear",
        level_nist_800_88_r1="clear",
        level_ieee_2883="clear",
        verify=policy.verify,
        limits=policy.limits,
    )


def _not_reached(drive: Drive) -> tuple[str, ...]:
    missing = []
    if drive.media in ("ssd", "nvme", "flash"):
        missing.append("flash cells outside the addressable range (over-provisioning, retired blocks)")
    if _hidden_bytes(drive):
        missing.append(f"{_hidden_bytes(drive)} bytes of hidden area")
    if can := drive.capabilities:
        missing += [f"whatever {feature.upper()} may hide: the drive did not say" for feature in can.hidden_area_unread]
        if (can.namespaces or 1) > 1:
            missing.append(f"the drive's other namespaces (it has {can.namespaces})")
        if can.replay_protected_units:
            missing.append("the replay protected memory block (RPMB)")
    return tuple(missing)


def _hidden_bytes(drive: Drive) -> int:
    native = drive.native_capacity_bytes or drive.capacity_bytes
    return max(native - drive.capacity_bytes, drive.hidden_area.bytes if drive.hidden_area else 0)
