"""The dialogue of `benchwipe bays learn`: one bay after the other, a drive in each, and which port it came to.

A drive that is put in is opened for reading alone, to show who it is; the drives that stood there before are not
opened at all. No daemon may run meanwhile: it would take the drives for its own.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import select
import stat
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from agent import files
from agent.certificates.label import capacity
from agent.commands.work.bay_map import Place, with_ports
from agent.errors import AgentError
from agent.phrases import phrase
from agent.settings import BaySettings, Settings, parse
from agent.views.certificate import printable
from drivers import registry
from drivers.drives.base import DriveError, DriveSource
from drivers.drives.facts import Facts
from drivers.drives.ports import canonical

POLL_S = 0.2
TOGETHER_S = 0.6  # a dock with two drives shows both within that time
AUTOMOUNTED = ("/media/", "/run/media/")  # a desktop mounts what just came: that is no use of this machine's own
WORDS: Mapping[str, str] = {
    **dict.fromkeys(("skip", "s", "spring", "spring over"), "skip"),
    **dict.fromkeys(("again", "a", "igen"), "again"),
    **dict.fromkeys(("done", "d", "færdig", "slut"), "done"),
}
SERVICE = "benchwipe.service"
START_S = 90.0  # the unit itself gives up after 60
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")  # as settings.Name


class DaemonRuns(AgentError):
    """It would take the drives for its own."""

    code = "BW-A19"
    message = "a benchwipe daemon runs on {state_dir}, and would take the drives for its own"
    hint = "Stop it first: sudo systemctl stop benchwipe"


class NotStarted(AgentError):
    """The bays are learned, and the service does not run."""

    code = "BW-A60"
    message = "{service} could not be started: {problem}"
    hint = "The ports are written. Look at it: systemctl status benchwipe"


def start_service() -> None:
    """Start the station's service, now and at every boot. NotStarted."""
    try:
        done = subprocess.run(
            ["systemctl", "enable", "--now", SERVICE],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            timeout=START_S,
            check=False,
        )
    except FileNotFoundError:
        raise NotStarted(service=SERVICE, problem="there is no systemctl here") from None
    except subprocess.TimeoutExpired:
        raise NotStarted(service=SERVICE, problem=f"systemctl did not end within {START_S:.0f} s") from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or [f"systemctl ended with {done.returncode}"]
        raise NotStarted(service=SERVICE, problem=said[0].rstrip("."))


def learn(settings: Settings, path: Path, state_dir: Path, *, fresh: bool) -> Mapping[str, Place]:
    """Run the whole command. Nothing is written before the last bay was asked for, or somebody said "done".

    Return what was written: bay -> place.
    """
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    lock = _hold_off_the_daemon(state_dir)
    try:
        dialogue = LearnDialogue(settings, _sources(settings, path.parent), protect=(state_dir, path), fresh=fresh)
        learned = dialogue.run()
        if not learned:
            dialogue.say("learn_nothing")
            return learned
        write(path, learned)
        dialogue.say("learn_written", count=str(len(learned)), file=str(path))
        return learned
    finally:
        if lock is not None:
            os.close(lock)


def write(path: Path, learned: Mapping[str, Place]) -> None:
    """Write into the file, in one step; what it held stays as FILE~, mode and owner stay.

    SettingsError: nothing written.
    """
    before = path.read_bytes()
    after = with_ports(before.decode("utf-8"), learned, where=str(path))
    parse(tomllib.loads(after), where=str(path))
    status = path.stat()
    backup = path.with_name(f"{path.name}~")
    for place, data in ((backup, before), (path, after.encode("utf-8"))):
        files.replace(place, data, mode=stat.S_IMODE(status.st_mode))
        if os.geteuid() == 0:
            os.chown(place, status.st_uid, status.st_gid)


def _hold_off_the_daemon(state_dir: Path) -> int | None:
    """The daemon's lock, held; None where no daemon ever ran."""
    try:
        lock = os.open(state_dir / "daemon.lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise DaemonRuns(state_dir=state_dir) from None
    return lock


def _sources(settings: Settings, folder: Path) -> dict[str, DriveSource]:
    """Where drives of bays come from: what the bays name, else what is configured, else the kernel's block devices."""
    os.chdir(folder)  # relative paths of a configuration are relative to it
    given = {item.name: item for item in settings.source}
    wanted = {bay.source for bay in settings.bay} or set(given) or {"block"}
    found = {}
    for name in sorted(wanted):
        driver, own = (given[name].driver, given[name].settings) if name in given else ("block", {})
        found[name] = registry.load("drives", driver, own, where=f"source.{name}")
    return found


class Lines:
    """What is typed, line by line, without waiting for it. click.Abort at the end of the input."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""

    def next(self, seconds: float) -> str | None:
        """Read the next line, without its end; None when none came in time."""
        if b"\n" not in self._rest and select.select([self._descriptor], [], [], seconds)[0]:
            data = os.read(self._descriptor, 4096)
            if not data:
                raise click.Abort
            self._rest = (self._rest + data)[-65536:]
        line, end, rest = self._rest.partition(b"\n")
        if not end:
            return None
        self._rest = rest
        return line.decode("utf-8", "replace").strip()


class Arrivals:
    """Which ports hold a drive now that did not hold it a moment ago."""

    def __init__(self, sources: Mapping[str, DriveSource]) -> None:
        self._sources = sources
        self._seen = dict(self._now())

    def new(self) -> list[Place]:
        """List all that came, if any did: after the first, others have a moment to come together with it."""
        before, came = self._seen, self._step()
        until = time.monotonic() + TOGETHER_S
        while came and time.monotonic() < until:
            time.sleep(POLL_S / 4)
            self._step()
        return [place for place, token in self._seen.items() if before.get(place) != token] if came else []

    def _step(self) -> bool:
        before, self._seen = self._seen, dict(self._now())
        return any(before.get(place) != token for place, token in self._seen.items())

    def _now(self) -> Iterator[tuple[Place, str]]:
        for name, source in self._sources.items():
            for port, token in source.every_port().items():
                yield Place(name, port), token


class LearnDialogue:
    """Questions on standard error, answers from the terminal and from the ports."""

    def __init__(
        self, settings: Settings, sources: Mapping[str, DriveSource], *, protect: tuple[Path, ...], fresh: bool
    ) -> None:
        self._language = settings.station.language
        self._bays = settings.bay
        self._sources = sources
        self._protect = protect
        self._fresh = fresh
        self._lines = Lines(sys.stdin.fileno())
        self._arrivals = Arrivals(sources)
        self.learned: dict[str, Place] = {}

    def say(self, key: str, **values: str) -> None:
        """Say one line on standard error, in the station's language."""
        click.echo(printable(phrase(self._language, key, **values)), err=True)

    def run(self) -> dict[str, Place]:
        """Ask for all bays; what was learned, by bay."""
        self.say("learn_begin")
        names = [bay.name for bay in self._bays]
        ask_names, at = not names, 0
        while at < len(names) or ask_names:
            if at == len(names):
                name = self._another_name(names)
                if name is None:
                    break
                names.append(name)
            word = self._ask(names[at])
            if word == "done":
                break
            at = max(0, at - 1) if word == "again" else at + 1
            if word == "again":
                self.learned.pop(names[at], None)
        return self.learned

    def _another_name(self, known: list[str]) -> str | None:
        """The name of one more bay; Enter takes the number that is offered. None: that was all."""
        offered = f"A{len(known) + 1}"
        self.say("learn_name", name=offered)
        while True:
            line = self._lines.next(POLL_S)
            if line is None:
                continue
            if WORDS.get(line.casefold()) == "done":
                return None
            name = line or offered
            if NAME.fullmatch(name) and name not in known:
                return name
            self.say("learn_bad_name")

    def _ask(self, name: str) -> str:
        """Until a drive came to a port that will do ("learned"), or one of the words was typed."""
        self.say("learn_insert", bay=name)
        sources = {bay.source for bay in self._bays if bay.name == name} or set(self._sources)
        while True:
            line = self._lines.next(POLL_S)
            if line:
                if line.casefold() in WORDS:
                    return WORDS[line.casefold()]
                self.say("learn_words")
            came = [place for place in self._arrivals.new() if place.source in sources]
            if len(came) > 1:
                self.say("learn_many")
            elif came and self._accept(name, came[0]):
                return "learned"

    def _accept(self, name: str, place: Place) -> bool:
        """Show what came, and take its port, unless another bay has it or this machine uses what is there."""
        other = self._owner(name, place)
        if other is not None:
            self.say("learn_taken", bay=other)
            return False
        try:
            facts = self._sources[place.source].facts(place.port, protect=self._protect)
        except DriveError as error:
            click.echo(printable(str(error)), err=True)
            return False
        mine = [use for use in facts.uses if use.kind != "mount" or not use.target.startswith(AUTOMOUNTED)]
        if mine:
            self.say("learn_used")
            click.echo(printable(f"  {mine[0].sentence}"), err=True)
            return False
        self.learned[name] = place
        self.say("learn_seen", bay=name, drive=_words(facts))
        click.echo(printable(f"  {place.port}"), err=True)
        return True

    def _owner(self, name: str, place: Place) -> str | None:
        """Another bay that has this port already, learned now or standing in the file."""
        standing = () if self._fresh else self._bays
        ports = {bay.name: _place(bay) for bay in standing} | self.learned
        same = (place.source, canonical(place.port))
        return next((n for n, p in ports.items() if n != name and (p.source, canonical(p.port)) == same), None)


def _place(bay: BaySettings) -> Place:
    return Place(bay.source, bay.port)


def _words(facts: Facts) -> str:
    drive = facts.drive
    if drive is None:
        return capacity(facts.capacity_bytes)
    known = (drive.vendor, drive.model, drive.serial or drive.wwn, capacity(drive.capacity_bytes))
    return " ".join(word for word in known if word)
