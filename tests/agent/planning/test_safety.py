"""The whole table of refusals, over facts; the facts themselves are gathered in tests/drivers/drives."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from agent.planning.safety import RULES, judge
from drivers.drives.drive import Drive
from drivers.drives.facts import Facts, Use

DRIVE = Drive(device="/dev/sdb", model="M", serial="S", capacity_bytes=1 << 20)
FREE = Facts(path="/dev/sdb", kind="block", number="8:16", capacity_bytes=1 << 20, drive=DRIVE)
MOUNT = Use(kind="mount", device="/dev/sdb1", target="/mnt/x")

# code -> what must be different from a free drive, and what the sentence must name
REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "BW-S01": ({"kind": "missing"}, "/dev/sdb is not there"),
    "BW-S02": ({"kind": "file"}, "is a file"),
    "BW-S03": ({"partition_of": "/dev/sdb"}, "partition of /dev/sdb"),
    "BW-S04": ({"uses": (MOUNT,)}, "/dev/sdb1 is mounted on /mnt/x"),
    "BW-S05": ({"uses": (Use(kind="swap", device="/dev/sdb2"),)}, "/dev/sdb2 is active swap"),
    "BW-S06": ({"uses": (Use(kind="holder", device="/dev/sdb", target="/dev/dm-0 (vg-x)"),)}, "/dev/dm-0 (vg-x)"),
    "BW-S07": ({"uses": (Use(kind="protected", device="/dev/sdb", target="/boot"),)}, "/boot"),
    "BW-S08": ({"held": True, "holder": "mdadm (process 7)"}, "mdadm (process 7)"),
    "BW-S09": ({"read_only": True}, "read-only"),
    "BW-S10": ({"logical_block_bytes": 520}, "520 bytes"),
    "BW-S11": ({"capacity_bytes": 0}, "no capacity"),
    "BW-S12": ({"drive": msgspec.structs.replace(DRIVE, serial=None)}, "neither a serial number nor a WWN"),
    "BW-S46": ({"capacity_bytes": 130 * 10**15}, "130 PB"),
    "BW-S13": ({"in_bay": False}, "no bay"),
    "BW-S15": ({"no_drive": "a RAID array"}, "a RAID array"),
    "BW-S23": ({"beside": (Use(kind="mount", device="/dev/nvme0n1p2", target="/"),)}, "/dev/nvme0n1p2 is mounted on /"),
    "BW-S30": ({"unasked": ("what stands under /dev/loop3 (Permission denied)",)}, "/dev/loop3 (Permission denied)"),
    "BW-S31": ({"uses": (Use(kind="writer", device="/dev/sdb", target="qemu (process 7)"),)}, "qemu (process 7)"),
    "BW-S32": ({"unseen": "this is a container", "counted": False}, "this is a container"),
    "BW-S16": ({"kind": "unreadable", "problem": "Permission denied"}, "Permission denied"),
}


def test_a_free_drive_may_be_erased_on_the_command_line_and_in_a_bay() -> None:
    assert judge(FREE) == ()
    assert judge(msgspec.structs.replace(FREE, in_bay=True)) == ()


@pytest.mark.parametrize("code", sorted(REFUSED))
def test_each_fact_alone_refuses_with_its_code_and_names_the_cause(code: str) -> None:
    change, named = REFUSED[code]
    reasons = judge(msgspec.structs.replace(FREE, **change))
    assert [r.code for r in reasons] == [code]
    assert named in reasons[0].text
    assert "\n" not in str(reasons[0])


def test_every_rule_is_in_the_table_above() -> None:
    assert {rule.code for rule in RULES} <= set(REFUSED)
    assert len({rule.code for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("size", [0, 511, 520, 524, 528, 1024, 4104, 4160, 4224])
def test_no_other_sector_size_passes(size: int) -> None:
    assert [r.code for r in judge(msgspec.structs.replace(FREE, logical_block_bytes=size))] == ["BW-S10"]


def test_processes_that_cannot_be_seen_refuse_only_where_the_kernel_does_not_count_either() -> None:
    assert judge(msgspec.structs.replace(FREE, unseen="this is a container")) == ()
    assert judge(msgspec.structs.replace(FREE, counted=False)) == ()


def test_all_reasons_are_told_and_the_systems_disk_comes_first() -> None:
    uses = (MOUNT, Use(kind="protected", device="/dev/sdb", target="/"))
    reasons = judge(msgspec.structs.replace(FREE, uses=uses, held=True, read_only=True))
    assert [r.code for r in reasons] == ["BW-S07", "BW-S04", "BW-S08", "BW-S09"]


def test_a_drive_that_nobody_could_ask_is_refused_with_what_went_wrong() -> None:
    reasons = judge(msgspec.structs.replace(FREE, drive=None, problem="/dev/sdb may not be opened by this user."))
    assert [r.code for r in reasons] == ["BW-S12"]
    assert "may not be opened by this user" in reasons[0].text


def test_the_document_lists_every_code() -> None:
    document = (Path(__file__).parents[3] / "docs/safety.md").read_text(encoding="utf-8")
    assert set(REFUSED) <= set(re.findall(r"BW-S\d\d", document))
