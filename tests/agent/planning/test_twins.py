"""Who is the same drive, and who only says so."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from agent.planning.twins import alike, told_apart
from drivers.drives.drive import Drive

DRIVE = Drive(device="/dev/a", model="Wheel", serial="S1", wwn="0x5", capacity_bytes=1 << 20, number="8:0")
NAMELESS = replace(DRIVE, serial=None, wwn=None, disk_sequence=1)


def alone(number: str) -> tuple[str, ...]:
    return (number,)


@pytest.mark.parametrize(
    "other",
    [
        replace(DRIVE, number="8:16"),
        replace(DRIVE, wwn=None),
        replace(DRIVE, capacity_bytes=2 << 20),
        replace(DRIVE, lun=0),
    ],
)
def test_what_says_the_same_cannot_be_told_apart(other: Drive) -> None:
    assert alike(DRIVE, other)
    assert alike(other, DRIVE)


@pytest.mark.parametrize(
    "other",
    [
        replace(DRIVE, serial="S2"),
        replace(DRIVE, wwn="0x6"),
        replace(DRIVE, model="Tape"),
        replace(DRIVE, lun=1),
        replace(DRIVE, wwn=None, capacity_bytes=2 << 20),
        NAMELESS,
    ],
)
def test_what_differs_is_another(other: Drive) -> None:
    assert not alike(DRIVE, other)
    assert not alike(other, DRIVE)


def test_drives_that_say_nothing_are_told_apart_by_place_and_appearance() -> None:
    here = replace(NAMELESS, appearance="boot 1 8:0 1")
    assert not alike(here, replace(here, appearance="boot 1 8:16 1"))
    assert not alike(here, replace(here, appearance="boot 1 8:0 2"))
    assert not alike(NAMELESS, replace(NAMELESS, disk_sequence=2))
    assert alike(here, replace(here, device="/dev/link"))


def test_three_of_one_identity_are_all_refused() -> None:
    three = {f"/dev/{name}": replace(DRIVE, number=f"8:{n}") for n, name in enumerate("abc")}
    assert {device: reason.code for device, reason in told_apart(three, alone).items()} == dict.fromkeys(
        three, "BW-S42"
    )


def test_of_paths_all_but_the_first_are_refused_and_a_twin_of_them_refuses_all() -> None:
    named = {
        f"/dev/{name}": replace(DRIVE, number=number) for name, number in (("a", "8:0"), ("b", "8:16"), ("c", "8:32"))
    }
    paths = {"8:0": ("8:0", "8:16"), "8:16": ("8:16", "8:0"), "8:32": ("8:32",)}
    two = dict(list(named.items())[:2])
    assert {d: r.code for d, r in told_apart(two, paths.__getitem__).items()} == {"/dev/b": "BW-S41"}
    found = {d: r.code for d, r in told_apart(named, paths.__getitem__).items()}
    assert found == {"/dev/a": "BW-S42", "/dev/b": "BW-S41", "/dev/c": "BW-S42"}


def test_a_record_of_before_units_were_counted_means_the_drive_that_says_the_same() -> None:
    earlier, now = replace(DRIVE, lun=None), replace(DRIVE, lun=1)
    assert now.fingerprint != earlier.fingerprint
    assert now.is_meant_by(earlier)
    assert not now.is_meant_by(replace(DRIVE, lun=0))
    assert not replace(now, serial="S2").is_meant_by(earlier)
