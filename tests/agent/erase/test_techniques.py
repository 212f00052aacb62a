"""The table of techniques, walked whole: what each is worth on each medium, and what stands in its way."""

from __future__ import annotations

from itertools import product
from typing import Any, get_args

import msgspec
import pytest

from agent.certificates.record import Level
from agent.erase.techniques import TECHNIQUES, everything_at_once, levels_of, obstacle
from agent.pdf.words import Words
from agent.planning.plan import offered
from agent.planning.reach import also_destroyed, not_reached
from drivers.drives.drive import Capabilities, Drive, HiddenArea, Media
from firmware_bridge.ata import Sanitize
from tests.agent.engine_rig import drive

MEDIA: tuple[Media, ...] = get_args(Media)
Pair = tuple[Level, Level]
BOTH: Pair = ("purge", "purge")
HALF: Pair = ("clear", "purge")
FORMAT: Pair = ("purge", "clear")
CLEAR: Pair = ("clear", "clear")

# (SP 800-88 Rev. 1, IEEE 2883) for: hdd, ssd, nvme, flash, unknown. Written out, so that nothing follows by a rule.
EXPECTED: dict[str, tuple[Pair, ...]] = {
    "ata-secure-erase": (CLEAR, CLEAR, CLEAR, CLEAR, CLEAR),
    "ata-secure-erase-enhanced": (BOTH, HALF, HALF, HALF, HALF),
    "ata-sanitize-block": (BOTH, BOTH, BOTH, HALF, BOTH),
    "ata-sanitize-crypto": (BOTH, BOTH, BOTH, HALF, BOTH),
    "ata-sanitize-overwrite": (BOTH, HALF, HALF, HALF, HALF),
    "scsi-sanitize-block": (BOTH, BOTH, BOTH, HALF, BOTH),
    "scsi-sanitize-crypto": (BOTH, BOTH, BOTH, HALF, BOTH),
    "scsi-sanitize-overwrite": (BOTH, HALF, HALF, HALF, HALF),
    "nvme-sanitize-block": (BOTH, BOTH, BOTH, HALF, BOTH),
    "nvme-sanitize-crypto": (BOTH, BOTH, BOTH, HALF, BOTH),
    "nvme-sanitize-overwrite": (BOTH, HALF, HALF, HALF, HALF),
    "nvme-format-user-data": (FORMAT, FORMAT, FORMAT, CLEAR, FORMAT),
    "nvme-format-crypto": (FORMAT, FORMAT, FORMAT, CLEAR, FORMAT),
}
PURGED = {name: tuple(m for m, two in zip(MEDIA, row, strict=True) if two == BOTH) for name, row in EXPECTED.items()}

ALL: tuple[Sanitize, ...] = ("block", "crypto", "overwrite")
ATA = Capabilities(
    sanitize=ALL, security_supported=True, enhanced_erase=True, secure_erase_minutes=40, enhanced_erase_minutes=44
)
SCSI = Capabilities(sanitize=ALL)
NVME = Capabilities(sanitize=ALL, format=True, format_crypto=True, namespaces=1)
ABLE = {"ata": ATA, "scsi": SCSI, "nvme": NVME}


def able(technique: str, **facts: Any) -> Drive:  # noqa: ANN401 - fields of Drive
    return drive(capabilities=ABLE[TECHNIQUES[technique].speaks], **facts)


def changed(can: Capabilities, **facts: Any) -> Drive:  # noqa: ANN401 - fields of Capabilities
    import msgspec

    return drive(capabilities=msgspec.structs.replace(can, **facts))


@pytest.mark.parametrize(("technique", "column"), list(product(EXPECTED, range(len(MEDIA)))))
def test_every_technique_on_every_medium_has_its_levels_and_the_lower_one_is_certified(
    technique: str, column: int
) -> None:
    levels = levels_of(TECHNIQUES[technique], able(technique, media=MEDIA[column]))
    assert (levels.r1, levels.ieee) == EXPECTED[technique][column]
    assert levels.certified == ("purge" if MEDIA[column] in PURGED[technique] else "clear")


def test_the_table_has_the_thirteen_techniques_and_no_other() -> None:
    assert set(TECHNIQUES) == set(EXPECTED)


@pytest.mark.parametrize("technique", EXPECTED)
def test_a_drive_that_says_it_can_has_no_obstacle_and_one_that_lacks_it_does(technique: str) -> None:
    row = TECHNIQUES[technique]
    assert obstacle(row, able(technique)) is None
    bare = {"ata": Capabilities(security_supported=False), "scsi": Capabilities(), "nvme": Capabilities(format=False)}
    wrong = obstacle(row, drive(capabilities=bare[row.speaks]))
    assert wrong is not None
    assert wrong.text.startswith("it has no")


@pytest.mark.parametrize(("technique", "family"), list(product(EXPECTED, ABLE)))
def test_a_technique_of_another_command_set_is_never_offered(technique: str, family: str) -> None:
    wrong = obstacle(TECHNIQUES[technique], drive(capabilities=ABLE[family]))
    assert (wrong is None) == (TECHNIQUES[technique].speaks == family)
    names = {offer.technique for offer in offered(drive(capabilities=ABLE[family]))}
    assert (technique in names) == (TECHNIQUES[technique].speaks == family)


@pytest.mark.parametrize("technique", EXPECTED)
def test_a_bridge_that_passes_nothing_on_leaves_no_technique(technique: str) -> None:
    wrong = obstacle(TECHNIQUES[technique], drive(transport="usb", identity_source="bridge"))
    assert wrong is not None
    assert "bridge" in wrong.cure


@pytest.mark.parametrize("technique", [name for name in EXPECTED if name.startswith("ata")])
def test_frozen_stops_what_needs_security_and_locked_stops_everything(technique: str) -> None:
    row = TECHNIQUES[technique]
    frozen = obstacle(row, changed(ATA, security_frozen=True))
    assert (frozen is not None and frozen.power_cycle) == technique.startswith("ata-secure-erase")
    locked = obstacle(row, changed(ATA, security_locked=True))
    assert locked is not None
    assert not locked.power_cycle


@pytest.mark.parametrize("technique", [name for name in EXPECTED if name.startswith("nvme")])
def test_format_is_refused_where_capacity_belongs_to_no_namespace_and_sanitize_is_not(technique: str) -> None:
    wrong = obstacle(TECHNIQUES[technique], changed(NVME, unallocated_bytes=4096))
    assert (wrong is not None) == ("format" in technique)


@pytest.mark.parametrize("technique", [name for name in EXPECTED if name.startswith("nvme")])
def test_what_dies_beside_the_named_namespace_is_named_and_so_is_what_stays(technique: str) -> None:
    three = changed(NVME, namespaces=3, replay_protected_units=2)
    everything = everything_at_once(technique, three)
    assert everything == ("sanitize" in technique)
    assert bool(also_destroyed(three, technique)) == everything
    left = " ".join(not_reached(three, technique, revealed=False))
    assert ("other namespaces" in left) == (not everything)
    assert "RPMB" in left
    assert "boot partitions" in left
    all_at_once = changed(NVME, namespaces=3, format_all_namespaces=True)
    assert also_destroyed(all_at_once, technique) == ("every other namespace of this drive (2)",)


@pytest.mark.parametrize("technique", ["zero", *EXPECTED])
def test_only_what_reaches_past_the_shown_range_says_nothing_of_it(technique: str) -> None:
    beyond = "sanitize" in technique or technique.endswith("enhanced")
    can = ABLE[TECHNIQUES[technique].speaks] if technique in TECHNIQUES else None
    left = " ".join(not_reached(drive(media="ssd", capabilities=can), technique, revealed=False))
    assert ("flash cells" in left) == (not beyond)


def test_a_hidden_area_is_not_reached_unless_it_is_removed_or_belongs_to_no_namespace() -> None:
    hpa = drive(capabilities=ATA, hidden_area=HiddenArea(kind="hpa", bytes=4096))
    assert "4096 bytes of hidden area" in not_reached(hpa, "ata-sanitize-block", revealed=False)
    assert not not_reached(hpa, "ata-sanitize-block", revealed=True)
    none = drive(capabilities=NVME, hidden_area=HiddenArea(kind="unknown", bytes=4096))
    assert "4096" not in " ".join(not_reached(none, "nvme-sanitize-crypto", revealed=False))
    assert "4096" in " ".join(not_reached(none, "overwrite", revealed=False))


def test_each_sentence_of_what_is_not_reached_is_known_in_danish() -> None:
    every = {
        what
        for media, transport, can in product(MEDIA, ("sata", "mmc"), (None, *ABLE.values()))
        for technique in ("zero", *EXPECTED)
        for area in (None, HiddenArea(kind="hpa", bytes=4096))
        for what in not_reached(
            drive(media=media, transport=transport, hidden_area=area, capabilities=can and changed_can(can)),
            technique,
            revealed=False,
        )
    }
    assert len(every) >= 8
    assert [what for what in sorted(every) if Words("da").signed(what) == what] == []


def changed_can(can: Capabilities) -> Capabilities:
    """With everything that it can leave out of reach."""
    return msgspec.structs.replace(can, namespaces=3, replay_protected_units=2, hidden_area_unread=("dco",))
