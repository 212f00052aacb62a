"""What may never be erased. Pure over facts: drivers/drives/examine.py gathers them, this file judges.

Each rule is a row: a stable code, and a function from the facts to the sentence that refuses, or to nothing. All rules
are asked, so that a person learns every reason at once; the gravest comes first. What is unknown refuses.
docs/safety.md lists the codes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from agent.certificates.outcome import ABSURD_CAPACITY, NAMELESS_HINT, UNIDENTIFIED, Reason
from drivers.drives.drive import LARGEST
from drivers.drives.facts import Facts

ERASABLE_BLOCKS = (512, 4096)
WHOLE = "Only whole drives are erased."


@dataclass(frozen=True)
class Rule:
    """`says` returns the refusal's sentence, or an empty one."""

    code: str
    says: Callable[[Facts], str]
    hint: str = ""


def judge(facts: Facts, *, allow_unidentified: bool = False) -> tuple[Reason, ...]:
    """Say why this path may not be erased; empty when it may.

    `allow_unidentified`: a policy may allow drives without an identity of their own; the plan decides then.
    """
    if facts.kind != "block":
        return (_not_block(facts),)
    rules = [rule for rule in RULES if not (allow_unidentified and rule.code == UNIDENTIFIED and _appears(facts))]
    found = [(rule, rule.says(facts)) for rule in rules]
    return tuple(Reason(rule.code, text, rule.hint.format(disk=facts.partition_of)) for rule, text in found if text)


def _not_block(facts: Facts) -> Reason:
    if facts.kind == "missing":
        return Reason("BW-S01", f"{facts.path} is not there" + (f": {facts.problem}" if facts.problem else ""))
    if facts.kind == "unreadable":
        return Reason("BW-S16", f"{facts.path} cannot be examined: {facts.problem}")
    words = {"file": "a file", "directory": "a directory", "character": "a character device"}
    return Reason("BW-S02", f"{facts.path} is {words.get(facts.kind, 'no block device')}", WHOLE)


def _uses(kind: Literal["mount", "swap", "holder", "protected", "writer"]) -> Callable[[Facts], str]:
    def says(facts: Facts) -> str:
        sentences = [use.sentence for use in facts.uses if use.kind == kind]
        return f"{facts.path}: {'; '.join(sentences)}" if sentences else ""

    return says


def _beside(facts: Facts) -> str:
    sentences = [use.sentence for use in facts.beside]
    return f"{facts.path}: another namespace of this drive is in use: {'; '.join(sentences)}" if sentences else ""


def _unasked(facts: Facts) -> str:
    return f"{facts.path}: it cannot be asked who uses it: {'; '.join(facts.unasked)}" if facts.unasked else ""


def _uncounted(facts: Facts) -> str:
    if not facts.unseen or facts.counted:
        return ""
    return f"{facts.path}: nobody can say who writes to it ({facts.unseen}), and the kernel does not count it"


def _partition(facts: Facts) -> str:
    return f"{facts.path} is a partition of {facts.partition_of}" if facts.partition_of else ""


def _no_drive(facts: Facts) -> str:
    return f"{facts.path} is {facts.no_drive}, not a drive" if facts.no_drive else ""


def _held(facts: Facts) -> str:
    who = facts.holder or "another program or the kernel"
    return f"{facts.path} is held exclusively by {who}" if facts.held else ""


def _read_only(facts: Facts) -> str:
    return f"{facts.path} is read-only" if facts.read_only else ""


def _no_capacity(facts: Facts) -> str:
    if facts.capacity_bytes:
        return ""
    return f"{facts.path} shows no capacity: no medium, or sectors of 520 or 528 bytes that Linux cannot address"


def _sectors(facts: Facts) -> str:
    if facts.logical_block_bytes in ERASABLE_BLOCKS:
        return ""
    return f"{facts.path} has sectors of {facts.logical_block_bytes} bytes; only 512 and 4096 can be erased"


def _unidentified(facts: Facts) -> str:
    if facts.drive is not None and facts.drive.identified:
        return ""
    if facts.partition_of or facts.no_drive or not facts.capacity_bytes:
        return ""  # it has its reason already, and was not asked who it is
    told = facts.drive and (facts.drive.told or facts.drive.serial or facts.drive.wwn)
    why = facts.problem.rstrip(".") or "it tells neither a serial number nor a WWN"
    return f"{facts.path} cannot be identified: {f'it tells {told}, as many others do' if told else why}"


def _appears(facts: Facts) -> bool:
    """Whether the kernel can tell this stay of the drive from any other: what else tells nothing needs that."""
    return facts.drive is not None and bool(facts.drive.appearance)


def _too_large(facts: Facts) -> str:
    claimed = max(facts.capacity_bytes, facts.drive.capacity_bytes if facts.drive else 0)
    if claimed <= LARGEST:
        return ""
    bridge = facts.drive.bridge if facts.drive else None
    who = f"the bridge before it ({bridge})" if bridge else "it, or the dock before it,"
    return f"{facts.path}: {who} claims {claimed / 1e15:,.0f} PB, and no drive is so large"


def _outside(facts: Facts) -> str:
    return f"{facts.path} stands in no bay of this station" if facts.in_bay is False else ""


RULES: tuple[Rule, ...] = (
    Rule("BW-S07", _uses("protected"), "It belongs to the running system."),
    Rule("BW-S23", _beside, "Its own commands reach every namespace. Free the others first, or take the drive out."),
    Rule("BW-S03", _partition, "Erase whole drives only: {disk}."),
    Rule("BW-S15", _no_drive, "Erase the drives under it, after it was taken apart."),
    Rule("BW-S04", _uses("mount"), "Unmount it first."),
    Rule("BW-S05", _uses("swap"), "Switch that swap off first (swapoff)."),
    Rule("BW-S06", _uses("holder"), "Take what stands on it apart first (LVM, RAID, encryption, losetup -d)."),
    Rule("BW-S08", _held, "Close the program that uses it."),
    Rule("BW-S31", _uses("writer"), "Close that program, or detach the drive from it."),
    Rule("BW-S09", _read_only, "Look for a write-protect switch, or blockdev --setrw."),
    Rule(
        "BW-S11", _no_capacity, "Reformat to sectors of 512 bytes (sg_format --format --size=512), or put a medium in."
    ),
    Rule("BW-S10", _sectors, "Reformat to sectors of 512 bytes (sg_format --format --size=512), then try again."),
    Rule(ABSURD_CAPACITY.code, _too_large, ABSURD_CAPACITY.hint),
    Rule(UNIDENTIFIED, _unidentified, NAMELESS_HINT),
    Rule("BW-S30", _unasked, "Run it as root; for the daemon: systemctl start benchwipe-uses.socket."),
    Rule("BW-S32", _uncounted, "Run it as root outside of the container, or echo 1 > /sys/block/.../queue/iostats."),
    Rule("BW-S13", _outside, "Put it into a bay."),
)
