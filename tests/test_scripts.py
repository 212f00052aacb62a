"""What `make` runs before anything of benchwipe does: it must say in one line what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.patience import PROGRAM_S

REPOSITORY = Path(__file__).resolve().parents[1]
ABSENT = "benchwipe-no-such-package"

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="dpkg-query is missing: this is no Debian")


def program(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


def run(script: str, *arguments: str, path: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(REPOSITORY / "scripts" / script), *arguments],
        env={"PATH": path, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PROGRAM_S,
        check=False,
    )


@needs_dpkg
def test_packages_that_are_there_are_not_mentioned() -> None:
    done = run("debian-packages.sh", "bash", "dpkg", path=os.defpath)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@needs_dpkg
def test_an_ordinary_user_is_told_what_is_missing(tmp_path: Path) -> None:
    program(tmp_path, "id", "echo 1000")
    program(tmp_path, "apt-get", "echo it was called >&2; exit 1")
    done = run("debian-packages.sh", "bash", ABSENT, path=f"{tmp_path}:{os.defpath}")
    assert done.returncode == 1
    assert done.stderr == (
        f"benchwipe: Debian packages that are missing: {ABSENT} (as root: apt-get install {ABSENT})\n"
    )


@needs_dpkg
def test_root_is_told_which_package_could_not_be_installed_and_why(tmp_path: Path) -> None:
    program(tmp_path, "id", "echo 0")
    program(tmp_path, "apt-get", 'echo "E: no network here"; exit 100')
    done = run("debian-packages.sh", ABSENT, path=f"{tmp_path}:{os.defpath}")
    assert done.returncode == 1
    assert f"benchwipe: apt-get could not install {ABSENT}: E: no network here" in done.stderr.splitlines()


def test_a_machine_without_a_new_enough_python_is_told_so(tmp_path: Path) -> None:
    for tool in ("bash", "dirname", "flock", "id", "env"):
        found = shutil.which(tool)
        assert found
        (tmp_path / tool).symlink_to(found)
    done = run("setup.sh", ".venv-never-made", "dev", path=str(tmp_path), PYTHON="python2")
    assert done.returncode == 1
    assert done.stderr.startswith("benchwipe: Python 3.11 or newer is needed and python2 is not; ")
    assert done.stderr.count("\n") == 1
    assert not (REPOSITORY / ".venv-never-made").exists()
