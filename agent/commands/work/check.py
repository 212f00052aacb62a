"""`benchwipe check`: everything that can be found wrong before a drive is at stake."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import pwd
import re
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.certificates import keys, signature
from agent.commands.work.check_config import usable
from agent.commands.work.check_ports import BayRow, problems, rows
from agent.commands.work.toml_lines import line_of, lines_of
from agent.devices.control import NotRunning, ask
from agent.errors import KeyProblem
from agent.jobs.ledger import Ledger
from agent.jobs.reconcile import Reconciler
from agent.scan.codes import FIELD, Kind, bay_called, read
from agent.settings import Device, Mqtt, Settings, bad_patterns
from agent.state_folder import refuse_unfinished
from agent.uplink.uplink import read_secrets
from drivers import registry
from drivers.deadline import Deadline
from drivers.drives._witness import SOCKET, UNIT, silence
from drivers.errors import BadDriverSettings, DeviceTaken, DriverError
from drivers.inputs.hid import USUAL_DIGITS
from drivers.options import read_toml
from firmware_bridge.errors import CodedError

TABLES: tuple[tuple[str, registry.Kind], ...] = (
    ("source", "drives"),
    ("dock", "docks"),
    ("input", "inputs"),
    ("display", "displays"),
    ("printer", "printers"),
)
MOST_LOTS = 8  # that a note names
BROKER_S = 3.0
DOCK_S = 5.0


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A problem, and where in the file it stands; `line` is null where it is no line's."""

    file: str
    line: int | None
    key: str | None
    problem: str

    @property
    def text(self) -> str:
        """The line for people: FILE:LINE: what is wrong."""
        return f"{self.file}:{self.line}: {self.problem}" if self.line else f"{self.file}: {self.problem}"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. `user`: as whom; null where the file was all there was to look at."""

    config: str
    user: str
    well: bool
    problems: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    bays: tuple[BayRow, ...] = ()


def report(config: Path, state_dir: Path, *, as_service: bool) -> Report:
    """Check everything at once: the file, and with what is right of it the hardware, files and folders."""
    user = (
        pwd.getpwuid(os.geteuid()).pw_name if os.geteuid() in {p.pw_uid for p in pwd.getpwall()} else str(os.geteuid())
    )
    data, wrong = read_toml(config)
    if wrong:
        found = tuple(Finding(file=str(config), line=_told_line(w, config), key=None, problem=w) for w in wrong)
        return Report(config=str(config), user=user, well=False, problems=found)
    lines = lines_of(config.read_text("utf-8"))
    settings, told, pruned = usable(data)
    bays = rows(settings, lines)
    if not settings.bay and "bay" not in pruned.cut:
        told.append("bay is missing: a station needs at least one [[bay]]")
    more = [*problems(settings, bays, as_service=as_service), *find_problems(settings, state_dir, config.parent)]
    told += [pruned.as_in_the_file(problem) for problem in more]
    findings = sorted(
        (_finding(config, problem, lines) for problem in dict.fromkeys(told)), key=lambda found: found.line or 0
    )
    notes = (*find_notes(settings), *(f"bay {r.bay}: nothing stands in {r.port} now" for r in bays if r.drive is False))
    return Report(
        config=str(config), user=user, well=not findings, problems=tuple(findings), notes=notes, bays=tuple(bays)
    )


def _finding(config: Path, problem: str, lines: dict[str, int]) -> Finding:
    key, line = line_of(problem, lines)
    return Finding(file=str(config), line=line, key=key or None, problem=problem)


def _told_line(problem: str, config: Path) -> int | None:
    """The line that Python's parser tells of, or that the byte stands in which is no UTF-8."""
    if found := re.search(r"at line (\d+)", problem):
        return int(found[1])
    found = re.search(r"in position (\d+)", problem)
    return config.read_bytes()[: int(found[1])].count(b"\n") + 1 if found else None


def find_problems(settings: Settings, state_dir: Path, config_dir: Path) -> Iterator[str]:
    """Find each thing that the daemon would stumble over: one line for each."""
    for table, kind in TABLES:
        for i, device in enumerate(getattr(settings, table)):
            yield from _device_problems(f"{table}[{i}]", kind, device, settings, state_dir)
    checks: list[Callable[[], object]] = [
        lambda: _state(state_dir),
        lambda: _key(state_dir),
        lambda: _ledger(state_dir),
    ]
    for check in checks:
        try:
            check()
        except CodedError as error:
            yield error.line()
        except OSError as error:
            yield f"{error.filename or state_dir}: {error.strerror}"
    if settings.mqtt is not None:
        yield from _mqtt_problems(settings.mqtt, config_dir)
    yield from _code_problems(settings)


def _code_problems(settings: Settings) -> Iterator[str]:
    """Every configured code is one that the rules of [scanning] read as what it is: else nobody can ever scan it."""
    if any(bad_patterns(settings.scanning)):
        return
    people = [(f"operator[{i}].badge", who.badge, Kind.BADGE) for i, who in enumerate(settings.operator)]
    lots = [(f"lot[{i}].code", lot.code, Kind.LOT) for i, lot in enumerate(settings.lot)]
    places = [(f"destination[{i}].code", to.code, Kind.DESTINATION) for i, to in enumerate(settings.destination)]
    for key, text, kind in (*people, *lots, *places):
        if (is_read := read(text, None, settings).kind) is not kind:
            rule = getattr(settings.scanning, kind.value)
            taken = "nothing" if is_read is Kind.OTHER else f"scanning.{FIELD.get(is_read) or is_read.value}"
            yield f"{key} = {text!r}: it is scanned as {taken}; allowed is what scanning.{kind.value} = {rule!r} reads"


def _mqtt_problems(mqtt: Mqtt, config_dir: Path) -> Iterator[str]:
    """Every file that the connection needs is there for this user; and together they serve."""
    named = dict(_mqtt_files(mqtt))
    unread = {key: why for key, name in named.items() if (why := _unreadable(config_dir / name))}
    yield from (f"{key} = {named[key]!r}: {why}" for key, why in unread.items())
    checks: dict[str, Callable[[], object]] = {
        key: functools.partial(keys.read_public, config_dir / name)
        for key, name in named.items()
        if "_keys[" in key and key not in unread
    }
    if not any("_keys[" not in key for key in unread):
        checks["mqtt"] = lambda: read_secrets(mqtt, config_dir)
    for key, check in checks.items():
        try:
            check()
        except CodedError as error:
            place = next((k for k, name in named.items() if error.fields.get("path") == config_dir / name), key)
            yield f"{place}: {error.line()}"


def _mqtt_files(mqtt: Mqtt) -> Iterator[tuple[str, str]]:
    if mqtt.password_file is not None:
        yield "mqtt.password_file", mqtt.password_file
    for part in ("ca", "certificate", "key") if mqtt.tls is not None else ():
        if (name := getattr(mqtt.tls, part)) is not None:
            yield f"mqtt.tls.{part}", name
    for table in ("controller_keys", "collector_keys"):
        yield from ((f"mqtt.{table}[{i}]", name) for i, name in enumerate(getattr(mqtt, table)))


def _unreadable(path: Path) -> str:
    """Why this user cannot read the file, and what makes it readable; empty where it can."""
    try:
        if path.is_fifo() or path.is_socket():
            return "is no file, but a pipe or a socket"
        path.open("rb").close()
    except PermissionError:
        user = pwd.getpwuid(os.geteuid()).pw_name
        return f"{user} may not read it; sudo chown {user}: {path}; sudo chmod 600 {path}"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return ""


def _state(state_dir: Path) -> None:
    """It can be written to, or made. Nothing is made here: what root makes now, the daemon's user cannot read."""
    there = next(p for p in (state_dir, *state_dir.parents) if p.exists())
    if not there.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(there))
    if os.statvfs(there).f_flag & os.ST_RDONLY:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(there))
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(there))


def _key(state_dir: Path) -> None:
    refuse_unfinished(state_dir)
    keys.refuse_lost(state_dir)
    if os.path.lexists(state_dir / keys.FILE_NAME):
        keys.refuse_other(state_dir)
        keys.load(state_dir / keys.FILE_NAME)


def _ledger(state_dir: Path) -> None:
    if (state_dir / "ledger.sqlite3").exists():
        with contextlib.closing(Ledger(state_dir)) as ledger:
            Reconciler(ledger, _public(state_dir)).refuse_conflicts()


def _public(state_dir: Path) -> Ed25519PublicKey | None:
    """The present key, if there is a usable one: otherwise that is said by itself."""
    with contextlib.suppress(KeyProblem):
        return keys.load(state_dir / keys.FILE_NAME).public_key()
    return None


def find_notes(settings: Settings) -> Iterator[str]:
    """Tell what works without, and is worth knowing."""
    if late := signature.overdue(settings.station.signature_alg, datetime.now(UTC).date()):
        yield f"station.{late}"
    if any(source.driver == "block" for source in settings.source) and (why := silence(SOCKET)):
        yield (
            f"{UNIT} does not answer ({why}): a daemon that is not root cannot tell who else writes to a drive, and "
            f"refuses drives with loop devices on them; systemctl enable --now {UNIT}"
        )
    if not settings.station.certificate_url:
        yield (
            "station.certificate_url is empty: the QR code on labels and pages leads nowhere, it holds the number, the "
            "serial number and the outcome in words, and the certificate's id"
        )
    if settings.bay:
        yield _how_drives_begin(settings)
    if settings.mqtt is None:
        yield "no [mqtt]: certificates wait in the outbox"
        return
    if not settings.mqtt.collector_keys:
        yield f"mqtt: {keys.TRUSTS_THE_BROKER}"
    for address in settings.mqtt.addresses:
        try:
            socket.create_connection((address.host, address.port), timeout=BROKER_S).close()
        except OSError as error:
            yield f"mqtt: {address} does not answer now ({error.strerror or error})"


def _how_drives_begin(settings: Settings) -> str:
    """By what, and under which policy: whoever scans nothing must not be surprised by it."""
    standing = settings.standing_lot
    usual = f"policy {settings.policy_of(standing)}" + (f" (station.lot {standing.code})" if standing else "")
    wanted = [what for what, known in (("badge", settings.operator), ("lot", settings.lot and not standing)) if known]
    scans = settings.station.mode == "scan"
    needed = wanted if scans else list(settings.scanning.require)
    first = " and ".join(needed)
    if "lot" in needed:
        lots = ", ".join(f"{lot.code} {settings.policy_of(lot)}" for lot in settings.lot[:MOST_LOTS])
        more = f" and {len(settings.lot) - MOST_LOTS} more" if len(settings.lot) > MOST_LOTS else ""
        usual = f"the policy of the scanned lot ({lots}{more})"
    how = "a scanned asset tag and bay" if scans else "being put in"
    return f"drives begin by {how}, {f'after {first}' if first else 'without badge or lot'}, under {usual}"


def _device_problems(
    path: str, kind: registry.Kind, device: Device, settings: Settings, state_dir: Path
) -> Iterator[str]:
    try:
        registry.settings_of(kind, device.driver, device.settings, where=f"{path}.settings")
        if kind == "docks":
            yield from _dock_problems(path, device, settings, state_dir)
        elif kind == "inputs":
            yield from _input_problems(path, device, settings)
        else:
            _open_and_close(kind, device, path)
    except BadDriverSettings as error:
        problems = error.fields.get("problems")
        yield from problems if isinstance(problems, tuple) else (str(error),)
    except DriverError as error:
        yield f"{path} ({device.name}): {error.line()}"


def _input_problems(path: str, device: Device, settings: Settings) -> Iterator[str]:
    """A keypad's numbers name every bay. Nothing is opened."""
    typed = registry.load("inputs", device.driver, device.settings, where=path).numbers()
    if any(bad_patterns(settings.scanning)):  # said by itself, and nothing can be read by them
        return
    codes = (read(code, None, settings) for code in typed)
    names = tuple(bay.name for bay in settings.bay)
    named = {bay_called(code.value, names) for code in codes if code.kind is Kind.BAY}
    lost = [bay for bay in names if bay not in named]
    if not typed or not lost:
        return
    digits = len(str(max((int(name) for name in names if name.isdigit()), default=len(names))))
    if int(device.settings.get("digits", USUAL_DIGITS)) < digits:
        yield f"{path}.settings.digits: bay {lost[0]} has a longer number; allowed is digits = {digits}"
    else:
        allowed = "allowed are names with a number for every bay, or for none"
        yield f"{path}.settings: no number names bay {lost[0]}; {allowed}"


def _dock_problems(path: str, device: Device, settings: Settings, state_dir: Path) -> Iterator[str]:
    """It is there, it answers, and it has the slots that bays are in. Nothing is switched. DriverError.

    A running daemon has its docks for itself, and asks them all the time: then its word counts.
    """
    dock = registry.load("docks", device.driver, device.settings, where=path)
    try:
        for i, bay in enumerate(settings.bay):
            if bay.dock == device.name and bay.slot > dock.slots:
                yield f"bay[{i}].slot = {bay.slot}: allowed in dock {device.name} is 1 to {dock.slots}"
        dock.probe(within=Deadline(DOCK_S))
    except DeviceTaken:
        try:
            alarms = ask(state_dir, {"ask": "status"})["alarms"]
        except NotRunning:
            alarms = None
        if alarms is None:
            raise
        if (text := alarms.get(f"device-dock.{device.name}")) is not None:
            yield f"{path} ({device.name}): the running daemon says: {text}"
    finally:
        dock.close()


def _open_and_close(kind: Literal["printers", "displays", "drives"], device: Device, path: str) -> None:
    opened = registry.load(kind, device.driver, device.settings, where=path)
    close = getattr(opened, "close", None)
    if close is not None:
        close()
