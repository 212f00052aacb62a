"""One installation under DESTDIR for all tests of this folder: it takes a quarter of a minute."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest

from tests.patience import PROGRAM_S

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Installed:
    """`make install DESTDIR=...`: where it stands."""

    destdir: Path

    def make(self, target: str) -> subprocess.CompletedProcess[str]:
        """`make install` or `make uninstall` there, without extras: their wheels are no part of what is tested."""
        command = ["make", "--silent", target, f"DESTDIR={self.destdir}", "WITH="]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
        return subprocess.run(
            command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=PROGRAM_S, check=False
        )


@pytest.fixture
def installed(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Installed]:
    """A station under DESTDIR, made once for all workers; one test at a time has it."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    with (shared / "destdir.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        place = Installed(shared / "destdir")
        if not (shared / "destdir.made").exists():
            done = place.make("install")
            assert done.returncode == 0, done.stderr
            (shared / "destdir.made").touch()
        yield place
