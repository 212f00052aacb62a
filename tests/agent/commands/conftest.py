"""The `benchwipe` command, in this process where that is enough and in its own where it must be; real loop devices."""

from __future__ import annotations

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.cli import main
from tests.drivers.drives.conftest import Loops, needs_root
from tests.patience import HANGS_S, SOON_S

REPOSITORY = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-c", "from agent.cli import main; main()"]
WORDS = "four words are better"
"""The passphrase of every backup here."""
# The same program on a drive whose requests of a pass beyond 8 MiB wait until the gate opens, or somebody interrupts.
HELD_BACK = """
import os, threading, time
from agent.commands.work import erase
from drivers.drives._direct import DirectFile
erase.CERTIFY_FOR_S = 1.0
write, interrupt, interrupted = DirectFile.write, erase.EraseCommand.interrupt, threading.Event()
until, test = time.monotonic() + HANGS_S, os.getppid()  # of all requests: it outlives no test that was killed
command = os.getpid()
def whose():
    with open(f"/proc/{command}/stat") as stat:
        return int(stat.read().rpartition(")")[2].split()[1])
def slowly(self, buffer, offset):
    held = offset >= 8 << 20 and len(buffer) > 1 << 20  # of a pass: the capacity's proof comes before
    while held and not interrupted.wait(0.02) and not os.path.exists(GATE) and time.monotonic() < until:
        if whose() != test:
            os._exit(1)
    time.sleep(0.2 if interrupted.is_set() else 0)
    return write(self, buffer, offset)
def told(self):
    interrupt(self)
    interrupted.set()
DirectFile.write, erase.EraseCommand.interrupt = slowly, told
from agent.cli import main
main()
"""
STEPS = """
[[policy]]
name = "steps"
method = "zero"
limits = { checkpoint_bytes = 1048576, checkpoint_s = 0.1 }

[[policy]]
name = "random-steps"
method = "random"
limits = { checkpoint_bytes = 1048576, checkpoint_s = 0.1 }
"""


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:  # noqa: ANN401 - JSON
        """The one JSON document on standard output."""
        assert self.out.endswith("\n"), self.out
        assert self.out.count("\n") == 1, self.out
        return json.loads(self.out)

    @property
    def results(self) -> list[dict[str, Any]]:
        """The rows of `erase --json`."""
        found = self.document["results"]
        assert isinstance(found, list)
        return found

    @property
    def outcomes(self) -> list[str]:
        """Each row's outcome."""
        return [row["outcome"] for row in self.results]

    @property
    def complaint(self) -> str:
        """The one line on standard error."""
        assert self.err.startswith("benchwipe: "), self.err
        assert self.err.count("\n") == 1, self.err
        return self.err.strip()


Call = Callable[..., Done]


def held_back(gate: Path) -> list[str]:
    """The command on a drive that gets no further than 8 MiB before `gate` is there."""
    return [sys.executable, "-c", f"GATE, HANGS_S = {str(gate)!r}, {HANGS_S}\n{HELD_BACK}"]


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Call]:
    """Run a command in this process; the state folder is the test's own."""
    monkeypatch.setenv("BENCHWIPE_STATE_DIR", str(tmp_path / "state"))
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def run(*words: str | Path) -> Done:
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Done(int(ended.value.code or 0), out, err)

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)
    logging.raiseExceptions = True


@pytest.fixture
def loops(tmp_path: Path) -> Iterator[Loops]:
    """Loop devices over files full of recognisable bytes."""
    needs_root()
    (tmp_path / "loops").mkdir()
    made = Loops(tmp_path / "loops")
    yield made
    for device in reversed(made.made):
        subprocess.run(["losetup", "-d", device], check=False, capture_output=True)


@pytest.fixture
def steps(tmp_path: Path) -> Path:
    """A configuration whose policies "steps" and "random-steps" flush every MiB."""
    path = tmp_path / "station.toml"
    path.write_text(STEPS, encoding="utf-8")
    return path


def start(
    *words: str | Path, command: list[str] | None = None, stdin: int = subprocess.DEVNULL, **env: str
) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    return subprocess.Popen(
        [*(command or COMMAND), *map(str, words)],
        cwd=REPOSITORY,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **env},
    )


def finish(process: subprocess.Popen[str], within: float = SOON_S) -> Done:
    """Its end, or a failed test."""
    try:
        out, err = process.communicate(timeout=within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    assert "Traceback" not in err, err
    return Done(process.returncode, out, err)


def ledger(state: Path, sql: str) -> list[Any]:
    """Rows of the ledger, without a lock; none while there is no ledger."""
    path = state / "ledger.sqlite3"
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5) as db:
            return db.execute(sql).fetchall()
    except sqlite3.OperationalError:
        return []


def offsets(state: Path) -> list[int]:
    """How far each job was flushed."""
    return [json.loads(body)["offset"] for (body,) in ledger(state, "SELECT body FROM checkpoint ORDER BY job")]


def wait_until(true: Callable[[], object], within: float = SOON_S) -> None:
    """Poll, bounded."""
    until = time.monotonic() + within
    while not true():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def payload(path: Path | str) -> dict[str, Any]:
    """A certificate's payload, decoded without our own code."""
    import base64

    part = Path(path).read_text(encoding="ascii").split(".")[1]
    found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert isinstance(found, dict)
    return found


def chain(state: Path) -> list[dict[str, Any]]:
    """All certificates of a state folder by their sequence, after proving that they are one unbroken chain."""
    found = sorted(
        ((payload(p), p.stem) for p in (state / "certificates").glob("*.jws")), key=lambda c: c[0]["sequence"]
    )
    assert [record["sequence"] for record, _ in found] == list(range(1, len(found) + 1))
    assert [record["previous"] for record, _ in found] == [None, *(name for _, name in found[:-1])]
    return [record for record, _ in found]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of our own: `sudo`, `systemctl` and `benchwipe` on the path; its folders under tmp_path."""
    tools = tmp_path / "tools"
    for folder in (tools, tmp_path / "media/usb", tmp_path / "etc/benchwipe", tmp_path / "root", tmp_path / "var/lib"):
        folder.mkdir(parents=True)
    quoted = " ".join(f"'{word}'" for word in COMMAND)
    config = f"--config {tmp_path}/etc/benchwipe/station.toml"
    scripts = {
        "sudo": 'exec "$@"',
        "systemctl": "exit 0",
        "benchwipe": f'case $1 in bays) exec {quoted} "$@" {config};; *) exec {quoted} "$@";; esac',
    }
    for name, script in scripts.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    (tmp_path / "etc/benchwipe/station.toml").write_text('[station]\nid = "bench-01"\n')
    (tmp_path / "root/backup.passphrase").touch(0o600)
    (tmp_path / "root/backup.passphrase").write_text(WORDS)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.setenv("BENCHWIPE_STATE_DIR", str(tmp_path / "var/lib/benchwipe"))
    return tmp_path
