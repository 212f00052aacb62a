"""A clean root booted with systemd as its first process, and a terminal in it that somebody types on."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.installing.roots import USER, NoRoot
from tests.patience import HANGS_S, SOON_S

PROMPT = re.compile(r"\[ended (\d+)\]> ")
BOUNDARIES = ("--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
Answer = str | Callable[[], str]


class Terminal:
    """An ordinary user's shell on a terminal of its own."""

    def __init__(self, command: list[str]) -> None:
        self._child, self._master = pty.fork()
        if self._child == 0:
            os.execvp(command[0], command)
        self.seen = ""
        self._read = 0

    def _more(self, until: float) -> None:
        ready, _, _ = select.select([self._master], [], [], max(0.0, until - time.monotonic()))
        assert ready, f"nothing more came: {self.seen[-2000:]}"
        self.seen += os.read(self._master, 65536).decode("utf-8", "replace").replace("\r", "")

    def wait_for(self, pattern: re.Pattern[str], seconds: float) -> re.Match[str]:
        """Wait until it stands on the terminal, behind what was waited for before."""
        until = time.monotonic() + seconds
        while (found := pattern.search(self.seen, self._read)) is None:
            self._more(until)
        self._read = found.end()
        return found

    def type(self, line: str) -> None:
        """Type a line, and Enter."""
        os.write(self._master, f"{line}\n".encode())

    def run(self, line: str, answers: Mapping[str, Answer] | None = None, seconds: float = HANGS_S) -> tuple[int, str]:
        """Type a command and answer what it asks, in that order; its exit status, and all that it said."""
        begin = len(self.seen)
        self.type(line)
        for question, answer in (answers or {}).items():
            found = self.wait_for(re.compile(f"{question}|{PROMPT.pattern}"), seconds)
            if found[1] is not None:
                return int(found[1]), f"{self.seen[begin:]}\nIt never asked: {question}"
            self.type(answer if isinstance(answer, str) else answer())
        status = int(self.wait_for(PROMPT, seconds)[1])
        return status, self.seen[begin:]

    def do(self, line: str, answers: Mapping[str, Answer] | None = None) -> str:
        """Run a command that must succeed."""
        status, said = self.run(line, answers)
        assert status == 0, f"{line} ended with {status}:\n{said[-3000:]}"
        return said

    def close(self) -> None:
        """Hang up."""
        os.close(self._master)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._child, signal.SIGKILL)
        os.waitpid(self._child, 0)


class Container:
    """A root with a systemd of its own, from its start to its end."""

    def __init__(self, root: Path, repository: Path) -> None:
        self.root = root
        self._log = root.parent / "console"
        # Debian 13's systemd starts on the unified hierarchy of control groups alone.
        environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        command = ["systemd-nspawn", f"--directory={root}", "--boot", "--register=no", "--keep-unit", "--console=pipe"]
        command += ["--capability=all", "--resolv-conf=copy-host", f"--bind={repository}:/srv/benchwipe.git"]
        command += [f"--machine=bw{os.getpid()}n{time.monotonic_ns()}"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        self._leader = self._first_process()
        self._up()

    def _first_process(self) -> int:
        until = time.monotonic() + SOON_S
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        while time.monotonic() < until and self._process.poll() is None:
            for child in children.read_text().split():
                with contextlib.suppress(OSError):
                    if Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                        return int(child)
            time.sleep(0.1)
        self.close()
        raise NoRoot(f"systemd-nspawn started no systemd: {self._log.read_text(errors='replace')[-400:]}")

    def _up(self) -> None:
        until = time.monotonic() + SOON_S
        state = ""
        while time.monotonic() < until and state not in ("running", "degraded"):
            state = self.root_says("systemctl is-system-running || true").strip()
            time.sleep(0.2)
        if state != "running":
            failed = self.root_says("systemctl --failed --no-legend || true")
            self.close()
            raise NoRoot(f"systemd is {state!r}: {failed}")

    def entering(self, *command: str) -> list[str]:
        """Tell the command that runs another inside."""
        clean = ["env", "--ignore-environment", f"PATH={PATH}", "LANG=C.UTF-8", "TERM=dumb", "HOME=/root"]
        return ["nsenter", f"--target={self._leader}", *BOUNDARIES, "--", *clean, *command]

    def root_says(self, script: str) -> str:
        """Ask as root, past what is tested. It must end well."""
        command = self.entering("sh", "-c", script)
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SOON_S, check=False)
        assert done.returncode == 0, f"{script}: {done.stdout}{done.stderr}"
        return done.stdout

    @contextlib.contextmanager
    def terminal(self) -> Iterator[Terminal]:
        """Log in as the ordinary user."""
        login = ["su", USER, "--login", "--command", "exec bash --noprofile --norc --noediting"]
        made = Terminal(self.entering(*login))
        try:
            made.type("PS1='[ended $?]> '")
            made.wait_for(PROMPT, SOON_S)
            yield made
        finally:
            made.close()

    def close(self) -> None:
        """Shut it down, as a person does; kill it if it does not."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout=SOON_S / 4)
            except subprocess.TimeoutExpired:
                for victim in (getattr(self, "_leader", 0), self._process.pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(victim or self._process.pid, signal.SIGKILL)
                self._process.wait()


@contextlib.contextmanager
def booted(root: Path, repository: Path) -> Iterator[Container]:
    """Boot a root, and shut it down at the end."""
    container = Container(root, repository)
    try:
        yield container
    finally:
        container.close()
