"""The locks: what setup.cfg wants, each package at one version, with a hash of what each of our machines would take."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging import tags
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from release import lock, lockfile
from tests.patience import PROGRAM_S

WANTED = lockfile.wanted()
every_lock = pytest.mark.parametrize("name", WANTED)


def fitting(python: str, machine: str) -> frozenset[tags.Tag]:
    """Every wheel tag that a CPython of Debian takes on a machine."""
    version = tuple(int(part) for part in python.split("."))
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in sorted(lock.GLIBC, reverse=True)]
    platforms += [f"manylinux{name}_{machine}" for name in ("2014", "2010", "1")]
    own = tags.cpython_tags(version, platforms=platforms)
    return frozenset([*own, *tags.compatible_tags(version, f"cp{version[0]}{version[1]}", platforms)])


def brought_by(requirement: Requirement) -> Iterator[str]:
    """Name the packages that come with the extras of a requirement, by its own metadata."""
    told = metadata.requires(requirement.name) if requirement.extras else ()
    for needed in map(Requirement, told or ()):
        marker = needed.marker
        if marker is None or marker.evaluate({"extra": ""}):
            continue
        if any(marker.evaluate({"extra": extra}) for extra in requirement.extras):
            yield canonicalize_name(needed.name)


def test_each_extra_that_a_station_may_have_is_locked_and_no_other() -> None:
    assert {"station", "collector", "docks", "labels", "pdf", "build"} <= set(WANTED)
    assert {file.stem for file in lockfile.FOLDER.iterdir()} == set(WANTED)


@every_lock
def test_a_lock_was_made_from_what_is_wanted_today(name: str) -> None:
    """Otherwise: `make lock`."""
    assert lockfile.read(name).wants == WANTED[name]


@every_lock
def test_each_requirement_is_met_by_a_package_of_the_lock(name: str) -> None:
    pins = {pin.name: pin for pin in lockfile.read(name).pins}
    for line in WANTED[name]:
        requirement = Requirement(line)
        pin = pins[canonicalize_name(requirement.name)]
        assert pin.version in requirement.specifier, line
        assert "benchwipe" in pin.wanted_by
        for needed in brought_by(requirement):
            assert needed in pins, f"{line}: {needed} of the extra is not locked"


@every_lock
def test_every_package_is_wanted_by_one_that_is_there(name: str) -> None:
    pins = {pin.name: pin for pin in lockfile.read(name).pins}
    assert {by for pin in pins.values() for by in pin.wanted_by} <= {"benchwipe", *pins}


def test_a_package_has_one_version_in_all_locks() -> None:
    """pip is given several of them at once, and takes nothing from two that contradict."""
    seen: dict[str, tuple[str, object]] = {}
    for name in WANTED:
        for pin in lockfile.read(name).pins:
            assert seen.setdefault(pin.name, (pin.version, pin.files)) == (pin.version, pin.files)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_each_machine_and_python_finds_a_wheel_with_its_hash(python: str, machine: str) -> None:
    takes = fitting(python, machine)
    missing = []
    for name in WANTED:
        for pin in lockfile.read(name).pins:
            if pin.marker and not Marker(pin.marker).evaluate(lock.environment(python, machine)):
                continue
            if not any(parse_wheel_filename(file)[3] & takes for file in pin.files):
                missing.append(f"{name}: {pin.name}")
    assert missing == []


@every_lock
def test_files_are_of_the_version_that_is_locked_and_hashes_are_whole(name: str) -> None:
    for pin in lockfile.read(name).pins:
        for file, digest in pin.files.items():
            project, version, _, _ = parse_wheel_filename(file)
            assert (project, str(version)) == (pin.name, pin.version)
            assert len(bytes.fromhex(digest)) == 32


@every_lock
def test_a_lock_is_written_as_it_is_read(name: str) -> None:
    assert lockfile.read(name).text() == (lockfile.FOLDER / f"{name}.lock").read_text("utf-8")


@pytest.mark.parametrize("damage", ["    --hash=sha256:", "# file: "])
def test_a_hash_without_its_file_is_found(tmp_path: Path, damage: str) -> None:
    lines = (lockfile.FOLDER / "docks.lock").read_text("utf-8").splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if line.startswith(damage))
    (tmp_path / "docks.lock").write_text("".join(lines[:at] + lines[at + 1 :]), "utf-8")
    with pytest.raises(ValueError, match="not the same"):
        lockfile.read("docks", tmp_path)


def test_pip_takes_no_file_but_those_of_the_lock(tmp_path: Path) -> None:
    """As `make install` calls it, with one wheel that is not the one that was locked."""
    name = next(iter(lockfile.read("docks").pins[0].files))
    (tmp_path / name).write_bytes(b"another file")
    shutil.copy(lockfile.FOLDER / "docks.lock", tmp_path)
    done = subprocess.run(
        ["sh", "-c", "python3 -m pip download --no-deps --no-index -f . --require-hashes -r docks.lock -d out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PROGRAM_S,
        check=False,
    )
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr or "No matching distribution" in done.stderr
