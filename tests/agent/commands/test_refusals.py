"""What may not be erased is refused by the command itself (3), with its reason, and not one bit of it changes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from drivers.drives import block
from drivers.drives.drive import Drive
from tests.agent.commands.conftest import Call, finish, start
from tests.agent.commands.test_erase import read_direct
from tests.drivers.drives.conftest import MIB, Loops

Use = AbstractContextManager[tuple[str, str]]
"""(what is named on the command line, what the reason must say) while the device is in that use."""


def run(*command: str | Path) -> str:
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout


def digest(image: Path, first: int = -1) -> str:
    with image.open("rb") as file:
        return hashlib.sha256(file.read(first)).hexdigest()


@contextlib.contextmanager
def mounted(loops: Loops, image: Path, folder: Path) -> Iterator[tuple[str, str]]:
    run("mkfs.ext4", "-q", "-F", image)
    device = loops.attach(image)
    run("mount", "-o", "ro", device, folder)
    try:
        yield device, f"{device} is mounted on {folder}"
    finally:
        run("umount", folder)


@contextlib.contextmanager
def mounted_partition(loops: Loops, image: Path, folder: Path) -> Iterator[tuple[str, str]]:
    device = loops.attach(image, "-P")
    run("addpart", device, "1", "2048", "8192")
    run("mkfs.ext4", "-q", f"{device}p1")
    run("mount", "-o", "ro", f"{device}p1", folder)
    try:
        yield device, f"{device}p1 is mounted on {folder}"
    finally:
        run("umount", folder)
        run("delpart", device, "1")


@contextlib.contextmanager
def partition(loops: Loops, image: Path, folder: Path) -> Iterator[tuple[str, str]]:
    device = loops.attach(image, "-P")
    run("addpart", device, "1", "2048", "8192")
    try:
        yield f"{device}p1", f"is a partition of {device}"
    finally:
        run("delpart", device, "1")


@contextlib.contextmanager
def swapped_to(loops: Loops, image: Path, folder: Path) -> Iterator[tuple[str, str]]:
    device = loops.attach(image)
    run("mkswap", device)
    if subprocess.run(["swapon", device], capture_output=True, check=False).returncode:
        pytest.skip("this kernel has no swap")
    try:
        yield device, f"{device} is active swap"
    finally:
        run("swapoff", device)


@contextlib.contextmanager
def loop_on_top(loops: Loops, image: Path, folder: Path) -> Iterator[tuple[str, str]]:
    device = loops.attach(image)
    upper = loops.attach(device)
    yield device, f"{upper} stands on {device}"
    loops.detach(upper)


@contextlib.contextmanager
def held(loops: Loops, image: Path, folder: Path) -> Iterator[tuple[str, str]]:
    device = loops.attach(image)
    fd = os.open(device, os.O_RDONLY | os.O_EXCL)
    try:
        yield device, f"is held exclusively by {Path('/proc/self/comm').read_text().strip()} (process {os.getpid()})"
    finally:
        os.close(fd)


@contextlib.contextmanager
def read_only(loops: Loops, image: Path, folder: Path) -> Iterator[tuple[str, str]]:
    yield loops.attach(image, "--read-only"), "is read-only"


@contextlib.contextmanager
def the_file_itself(loops: Loops, image: Path, folder: Path) -> Iterator[tuple[str, str]]:
    yield str(image), "is a file. Only whole drives are erased"


@contextlib.contextmanager
def a_link_to_the_file(loops: Loops, image: Path, folder: Path) -> Iterator[tuple[str, str]]:
    (folder / "link").symlink_to(image)
    yield str(folder / "link"), "is a file. Only whole drives are erased"


@pytest.mark.parametrize(
    "use",
    [
        mounted,
        mounted_partition,
        partition,
        swapped_to,
        loop_on_top,
        held,
        read_only,
        the_file_itself,
        a_link_to_the_file,
    ],
)
def test_what_is_in_use_is_refused_and_not_one_bit_of_it_changes(
    call: Call, loops: Loops, tmp_path: Path, use: Callable[[Loops, Path, Path], Use]
) -> None:
    image, folder = loops.image(8 * MIB), tmp_path / "folder"
    folder.mkdir()
    with use(loops, image, folder) as (named, reason):
        run("sync")
        first = 4096 if use is swapped_to else -1  # the kernel itself may write to active swap, but not to its header
        before = digest(image, first)
        done = call("erase", named, "--method", "one", "--yes", "--json")
        assert (done.status, done.outcomes) == (3, ["refused"])
        assert reason in done.results[0]["reason"]
        assert call("benchmark", named, "--write", "--yes").status == 2
        assert digest(image, first) == before


def test_drives_says_which_may_be_erased_and_why_not(call: Call, loops: Loops) -> None:
    free, locked = loops.attach(loops.image(MIB)), loops.attach(loops.image(MIB), "--read-only")
    for _ in range(20):  # another test's `drives` holds it for an instant while it looks
        rows = {row["device"]: row for row in call("drives", "--json").document["drives"]}
        if rows[free]["erasable"] and "held" not in rows[locked]["reason"]:
            break
    assert (rows[free]["erasable"], rows[free]["reason"], rows[free]["capacity_bytes"]) == (True, None, MIB)
    assert rows[free]["plan"]["method"] == "zero"
    assert (rows[locked]["erasable"], rows[locked]["plan"]) == (False, None)
    assert "is read-only" in rows[locked]["reason"]


def test_the_disk_under_the_state_folder_is_refused(call: Call, loops: Loops, tmp_path: Path) -> None:
    device, folder = loops.attach(loops.image(16 * MIB)), tmp_path / "mnt"
    folder.mkdir()
    run("mkfs.ext4", "-q", device)
    run("mount", device, folder)
    try:
        done = call("erase", device, "--yes", "--json", "--state-dir", folder / "not" / "yet" / "there")
        assert (done.status, done.outcomes) == (3, ["refused"])
        assert "this station's" in done.results[0]["reason"]
        assert "lies on it" in done.results[0]["reason"]
        assert list(folder.iterdir()) == [folder / "lost+found"]
    finally:
        run("umount", folder)


def test_a_link_that_changes_between_look_and_open_erases_neither_drive(
    call: Call, loops: Loops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [loops.image(MIB), loops.image(MIB)]
    images[1].write_bytes(images[1].read_bytes().swapcase())
    before = [image.read_bytes() for image in images]
    devices, link = [loops.attach(image) for image in images], tmp_path / "link"
    link.symlink_to(devices[0])

    def switched_first(path: str, expected: Drive | None = None) -> block.BlockDrive:
        link.unlink()
        link.symlink_to(devices[1])
        return block.open_device(path, expected)

    monkeypatch.setattr("agent.commands.work.erase.open_device", switched_first)
    done = call("erase", link, "--yes", "--json")
    assert (done.status, done.outcomes) == (3, ["refused"])
    assert "is not the drive that was planned" in done.results[0]["reason"]
    assert [read_direct(device) for device in devices] == before


def test_a_drive_that_vanishes_between_look_and_open_is_refused(
    call: Call, loops: Loops, monkeypatch: pytest.MonkeyPatch
) -> None:
    device, other = loops.attach(loops.image(MIB)), loops.attach(loops.image(MIB))

    def pulled_first(path: str, expected: Drive | None = None) -> block.BlockDrive:
        if path == device and path in loops.made:
            loops.detach(device)
        return block.open_device(path, expected)

    monkeypatch.setattr("agent.commands.work.erase.open_device", pulled_first)
    done = call("erase", device, other, "--yes", "--json")
    assert (done.status, done.outcomes) == (3, ["refused", "erased"])
    # Somebody else's new loop device may have taken its number meanwhile.
    assert any(words in done.results[0]["reason"] for words in ("is gone", "is not the drive that was planned"))


NOBODY = """
import locale
import os
import sys
# Before the switch: this interpreter may lie in root's own folder.
import agent.commands.erase, agent.views.certificate, agent.errors, drivers.drives.examine
sys.executable = "/bin/sh"
from agent.cli import main
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
main()
"""


def test_without_rights_to_the_device_it_is_refused_in_one_line(loops: Loops) -> None:
    image = loops.image(MIB)
    before, device = image.read_bytes(), loops.attach(image)
    words = ("erase", device, "--yes", "--state-dir", "/nobody-may-make-this")
    done = finish(start(*words, command=[sys.executable, "-c", NOBODY]))
    assert (done.status, done.out, done.err.count("\n")) == (3, "", 1), done.err
    assert "may not be opened by this user" in done.err
    assert "needs root" in done.err
    assert read_direct(device) == before
