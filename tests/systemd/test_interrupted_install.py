"""`make install` that is interrupted, and `make back` where nothing is to go back to: no network, no root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.patience import SOON_S

REPOSITORY = Path(__file__).resolve().parents[2]
SYSTEM_PYTHON = Path("/usr/bin/python3")
# The system's Python, but that fetching takes for ever, and that it dies slowly, as pip does.
SLOW = """#!/bin/sh
case "$*" in
*" install "*) trap 'sleep 1; exit 1' INT TERM; : >"{begun}"; while [ -e "{begun}" ]; do sleep 0.1; done ;;
esac
exec {python} "$@"
"""


def until(holds: Callable[[], bool]) -> None:
    """Wait for it, with patience."""
    end = time.monotonic() + SOON_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("interruption", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.skipif(not SYSTEM_PYTHON.exists(), reason="needs the system's Python")
def test_an_interrupted_install_leaves_no_half_built_version(tmp_path: Path, interruption: signal.Signals) -> None:
    begun, slow = tmp_path / "begun", tmp_path / "python"
    slow.write_text(SLOW.format(begun=begun, python=SYSTEM_PYTHON))
    slow.chmod(0o755)
    argv = ["make", "install", f"PYTHON={slow}", f"DESTDIR={tmp_path / 'root'}"]
    with subprocess.Popen(argv, cwd=REPOSITORY, start_new_session=True, stdout=subprocess.DEVNULL) as install:
        try:
            until(begun.exists)
        finally:
            os.killpg(install.pid, interruption)  # all of them, as a terminal does
        assert install.wait(SOON_S) != 0
    until(lambda: not list((tmp_path / "root/opt/benchwipe/versions").iterdir()))


def test_back_without_a_version_before_says_so(tmp_path: Path) -> None:
    program = shutil.which("true") or "/bin/true"
    place = tmp_path / "opt/benchwipe"
    (place / "versions/one/bin").mkdir(parents=True)
    (place / "versions/one/bin/benchwipe").symlink_to(program)
    (place / "current").symlink_to("versions/one")
    argv = ["make", "back", f"DESTDIR={tmp_path}"]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True, timeout=SOON_S, check=False)
    assert done.returncode != 0
    assert "benchwipe: there is no version before one to go back to\n" in done.stderr
