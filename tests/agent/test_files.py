"""Files that survive a power cut, on real file systems."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import files
from tests.patience import PROGRAM_S


def test_a_file_is_written_whole_with_its_mode_and_nothing_beside_it(tmp_path: Path) -> None:
    files.write_once(tmp_path / "a", b"certificate", mode=0o600)
    assert (tmp_path / "a").read_bytes() == b"certificate"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["a"]


def test_writing_the_same_again_is_harmless_and_other_bytes_are_refused(tmp_path: Path) -> None:
    files.write_once(tmp_path / "a", b"one")
    files.write_once(tmp_path / "a", b"one")
    with pytest.raises(FileExistsError):
        files.write_once(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["a"]


def test_replace_puts_new_bytes_in_the_place_of_the_old(tmp_path: Path) -> None:
    files.replace(tmp_path / "a", b"one")
    files.replace(tmp_path / "a", b"two", mode=0o640)
    assert (tmp_path / "a").read_bytes() == b"two"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
    with pytest.raises(OSError, match="directory"):
        files.replace(tmp_path, b"x")
    assert [n for n in os.listdir(tmp_path.parent) if n.startswith(files.TEMPORARY)] == []


def test_a_full_medium_leaves_nothing_half_written(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small tmpfs")
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], check=True)
    try:
        with pytest.raises(OSError, match="No space"):
            files.write_once(small / "a", b"x" * 200_000)
        assert os.listdir(small) == []
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_sweep_removes_what_is_left_over_and_spares_what_is_being_written(tmp_path: Path) -> None:
    (tmp_path / (files.TEMPORARY + "left")).write_bytes(b"half")
    (tmp_path / "kept.jws").write_bytes(b"whole")
    with files._written_beside(tmp_path / "now", b"data", 0o644) as temporary:
        files.sweep(tmp_path)
        assert sorted(os.listdir(tmp_path)) == sorted(["kept.jws", temporary.name])
    files.sweep(tmp_path)
    assert os.listdir(tmp_path) == ["kept.jws"]


def test_writers_and_sweepers_at_once_lose_no_file(tmp_path: Path) -> None:
    done = threading.Event()

    def sweeps() -> None:
        while not done.is_set():
            files.sweep(tmp_path)

    sweepers = [threading.Thread(target=sweeps) for _ in range(2)]
    for sweeper in sweepers:
        sweeper.start()
    try:
        for number in range(150):
            files.write_once(tmp_path / f"{number}.jws", str(number).encode())
    finally:
        done.set()
        for sweeper in sweepers:
            sweeper.join()
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {f"{n}.jws": str(n) for n in range(150)}


def _write_both(path: Path, data: bytes, results: multiprocessing.Queue[str]) -> None:
    try:
        files.write_once(path, data)
    except FileExistsError:
        results.put("refused")
    else:
        results.put("written")


def test_of_two_processes_with_different_bytes_one_wins(tmp_path: Path) -> None:
    results: multiprocessing.Queue[str] = multiprocessing.Queue()
    writers = [
        multiprocessing.Process(target=_write_both, args=(tmp_path / "a", bytes([n]), results)) for n in range(4)
    ]
    for writer in writers:
        writer.start()
    outcomes = sorted(results.get(timeout=PROGRAM_S) for _ in writers)
    for writer in writers:
        writer.join()
    assert outcomes == ["refused"] * 3 + ["written"]
    assert len((tmp_path / "a").read_bytes()) == 1


def test_a_private_folder_lets_only_its_owner_in_and_an_old_one_stays(tmp_path: Path) -> None:
    files.make_private_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    (tmp_path / "a" / "b").chmod(0o750)
    files.make_private_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o750


@pytest.fixture
def stick(tmp_path: Path) -> Iterator[Path]:
    """A mounted FAT file system, as on a USB stick that certificates are written to."""
    program = shutil.which("mkfs.vfat", path="/usr/sbin:/sbin:/usr/bin")
    if os.geteuid() != 0 or program is None:
        pytest.skip("needs root and mkfs.vfat (apt-get install dosfstools)")
    image, folder = tmp_path / "stick.img", tmp_path / "stick"
    image.write_bytes(bytes(4 << 20))
    folder.mkdir()
    subprocess.run([program, image], check=True, capture_output=True)
    mounted = subprocess.run(["mount", "-o", "loop", image, folder], check=False, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount vfat here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_stick_without_hard_links_takes_certificates_too(stick: Path) -> None:
    files.write_once(stick / "a.jws", b"one")
    files.write_once(stick / "a.jws", b"one")
    with pytest.raises(FileExistsError):
        files.write_once(stick / "a.jws", b"two")
    assert (stick / "a.jws").read_bytes() == b"one"
    assert os.listdir(stick) == ["a.jws"]
    with pytest.raises(PermissionError):
        files.write_once(stick / "station.key", b"secret", mode=0o600)
    assert os.listdir(stick) == ["a.jws"]


def test_where_the_kernel_knows_no_hard_links_the_file_is_written_once_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    files.write_once(tmp_path / "a.jws", b"one")
    files.write_once(tmp_path / "a.jws", b"one")
    with pytest.raises(FileExistsError):
        files.write_once(tmp_path / "a.jws", b"two")
    assert (tmp_path / "a.jws").read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["a.jws"]
