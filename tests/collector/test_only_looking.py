"""Whoever only looks makes nothing: no database under a name that was mistyped, no key, no folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.collector.conftest import free_port
from tests.patience import PROGRAM_S

LOOKS = (("check", 1), ("audit", 2))


def run(config: Path, command: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "collector.cli", command, "--config", str(config)]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=PROGRAM_S)


@pytest.mark.parametrize(("command", "status"), LOOKS)
def test_a_database_that_is_not_there_is_told_and_not_made(tmp_path: Path, command: str, status: int) -> None:
    config = tmp_path / "c.toml"
    broker = f'[broker]\nhost = "127.0.0.1"\nport = {free_port()}\n'
    config.write_text(f'[tls]\nnames = ["localhost"]\n{broker}[database]\nurl = "sqlite:///mistyped/c.db"\n')
    done = run(config, command)
    lines = done.stderr.splitlines()
    assert done.returncode == status, done.stderr
    assert sum(f"there is no database at {tmp_path}/mistyped/c.db" in line for line in lines) == 1
    assert ("does not answer" in done.stderr) == (command == "check")
    assert list(tmp_path.rglob("*")) == [config]


def test_a_key_that_is_open_to_others_is_told_and_those_that_are_missing_are_not_made(tmp_path: Path) -> None:
    config, keys = tmp_path / "c.toml", tmp_path / "keys"
    config.write_text("")
    keys.mkdir()
    (keys / "receipt.key").write_text("not a key")
    (keys / "receipt.key").chmod(0o644)
    done = run(config, "check")
    assert (done.returncode, "receipt.key" in done.stderr) == (1, True), done.stderr
    assert sorted(tmp_path.rglob("*")) == [config, keys, keys / "receipt.key"]
