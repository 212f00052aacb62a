"""Where programs are killed: the command on a loop device, the daemon on simulated drives; a drive after the other."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from drivers.drives.simulated import make_drive, plug, pull
from tests.faults.kill_account import rows
from tests.faults.kill_run import Log, Run, Target, run
from tests.faults.rig import SECRET

MIB = 1 << 20
SIZE = 8 * MIB
ATTEMPTS = 12
POLICY = """
[station]
id = "kills"
policy = "kills"
mode = "automatic"
countdown_s = 0

[[policy]]
name = "kills"
method = "dod-5220.22-m"
limits = { checkpoint_bytes = 1048576, checkpoint_s = 0.03 }
"""
BENCH = """
[[source]]
name = "simulated"
driver = "simulated"
settings = { folder = "bench" }

[[printer]]
name = "zpl"
driver = "simulated"
settings = { folder = "labels" }

[[bay]]
name = "A1"
source = "simulated"
port = "p1"
"""


class Bench(ABC):
    """A station's folder. What went wrong with the drive that was worked on last stands in `false_erased`, `wrong`."""

    settings = POLICY

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.killed_here = 0
        self.false_erased = 0
        self.wrong = 0

    def __enter__(self) -> Self:
        shared = "/dev/shm" if Path("/dev/shm").is_dir() else None
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="benchwipe-kills-", dir=shared))
        self.folder, self.state = Path(folder), Path(folder) / "state"
        self.config = self.folder / "station.toml"
        self.config.write_text(self.settings)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def work_on_one_drive(self, target: Callable[[], Target | None], chance: random.Random) -> list[Log]:
        """A drive full of secrets, killed and gone on with until it is done; the marks of each kill."""
        self.killed_here = self.false_erased = self.wrong = 0
        self._new_drive()
        already, kills = self._certificates(), list[Log]()
        for _ in range(ATTEMPTS):
            ended = self._run(target(), chance)
            erased = "erased" in self._certificates()[len(already) :]
            self.false_erased += erased and SECRET in self._image().read_bytes()
            if ended.status is None:
                kills.append(ended.log)
                self.killed_here += 1
            elif self._done(ended, kills, erased=erased):
                break
        else:
            self.wrong += 1
        return kills

    def _certificates(self) -> list[str]:
        return [outcome for (outcome,) in rows(self.state, "SELECT outcome FROM certificate ORDER BY sequence")]

    def _words(self, command: str, *more: str) -> list[str]:
        return [command, *more, "--config", str(self.config), "--state-dir", str(self.state)]

    def _fill(self, image: Path) -> None:
        image.write_bytes(SECRET * (SIZE // len(SECRET)))

    @abstractmethod
    def _new_drive(self) -> None: ...

    @abstractmethod
    def _image(self) -> Path: ...

    @abstractmethod
    def _run(self, target: Target | None, chance: random.Random) -> Run: ...

    @abstractmethod
    def _done(self, ended: Run, kills: list[Log], *, erased: bool) -> bool:
        """Whether the drive needs no further run after one that came to its end."""


class CommandBench(Bench):
    """`benchwipe erase`; after a kill mostly with --resume."""

    def __enter__(self) -> Self:
        super().__enter__()
        self._fill(self._image())
        command = ["losetup", "--find", "--show", "--direct-io=on", str(self._image())]
        self.device = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        self._stack.callback(subprocess.run, ["losetup", "--detach", self.device], check=False)
        return self

    def _new_drive(self) -> None:
        """The same medium, with secrets again."""
        with self._image().open("r+b") as medium:
            medium.write(SECRET * (SIZE // len(SECRET)))
        self._resume = False

    def _image(self) -> Path:
        return self.folder / "medium"

    def _run(self, target: Target | None, chance: random.Random) -> Run:
        more = ("--resume",) if self._resume else ()
        words = self._words("erase", self.device, "--yes", "--json", *more)
        ended = run(words, self.folder, target, chance, lambda: False)
        self._resume = ended.status is None and chance.random() < 0.8
        return ended

    def _done(self, ended: Run, kills: list[Log], *, erased: bool) -> bool:
        row: dict[str, Any] = json.loads(ended.out)["results"][0]
        if row["outcome"] == "erased":
            self.wrong += not Path(row["certificate_file"]).is_file() or ended.status != 0
            return True
        if row["outcome"] == "refused" and "BW-P10" in row["reason"] and kills:
            told = any(log.place("result") == "after" for log in kills)
            self.wrong += erased and not told  # its certificate was there: it had to be said which
            return erased
        self.wrong += 1
        return True


class DaemonBench(Bench):
    """`benchwipe run`: a simulated drive comes into its only bay, and leaves when it has its label."""

    settings = POLICY + BENCH

    def __enter__(self) -> Self:
        super().__enter__()
        self.bench, self._number = self.folder / "bench", 0
        (self.bench / "ports").mkdir(parents=True)
        return self

    def _new_drive(self) -> None:
        if self._number:
            pull(self.bench, "p1")
            shutil.rmtree(self.bench / "drives")
        self._number += 1
        make_drive(self.bench, self._name(), SIZE)
        self._fill(self._image())
        plug(self.bench, "p1", self._name())

    def _name(self) -> str:
        return f"S{self._number}"

    def _image(self) -> Path:
        return self.bench / "drives" / self._name() / "image"

    def _run(self, target: Target | None, chance: random.Random) -> Run:
        return run(self._words("run"), self.folder, target, chance, self._has_its_label)

    def _has_its_label(self) -> bool:
        sql = "SELECT serial FROM certificate JOIN label ON label.certificate = certificate.id WHERE state != 'due'"
        return (self._name(),) in rows(self.state, f"{sql} AND state != 'sent'")

    def _done(self, ended: Run, kills: list[Log], *, erased: bool) -> bool:
        self.wrong += not erased or ended.status != 0
        return True
