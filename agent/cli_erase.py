"""Commands that touch drives: erase, verify-drive, drives, benchmark."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from agent.cli import config_option, json_option, log_to_stderr, state_option
from agent.settings import Settings

if TYPE_CHECKING:
    from agent.erase_command import Candidate, EraseCommand, Result
    from agent.policy import Policy


def register(group: click.Group) -> None:
    """Add this file's commands."""
    for command in (erase, verify_drive, drives, benchmark):
        group.add_command(command)


@click.command()
@click.argument("devices", nargs=-1, required=True)
@click.option("--method", help="Overwrite method, firmware technique or policy [default: the station's policy]")
@click.option("--verify", type=click.Choice(["full", "sample", "none"]), help="How it is read back [default: full]")
@click.option("--asset", metavar="TAG", help="Asset tag of the device that the drive came in")
@click.option("--operator", metavar="ID", help="Who does this")
@click.option("--certificate-dir", type=click.Path(path_type=Path, file_okay=False), help="Also put certificates here")
@click.option("--resume", is_flag=True, help="Go on with the interrupted job of each drive")
@click.option("--yes", is_flag=True, help="Do not ask")
@json_option
@config_option
@state_option
def erase(
    devices: tuple[str, ...],
    method: str | None,
    verify: str | None,
    asset: str | None,
    operator: str | None,
    certificate_dir: Path | None,
    resume: bool,
    yes: bool,
    as_json: bool,
    settings: Settings,
    state_dir: Path,
) -> None:
    """Erase whole drives, several at once, and sign a certificate for each.

    Exit status: 0 all erased and verified, 1 at least one not, 2 bad usage and nothing touched, 3 at least one
    refused and nothing of it touched, 130 interrupted.
    """
    from agent.erase_command import EraseCommand, examine, exit_status, to_resume
    from agent.registrar import Registrar

    policy = _policy(settings, method, verify)
    _named_twice(devices)
    candidates = [examine(device, policy, state_dir=state_dir) for device in devices]
    if not yes:
        _ask(candidates)
    if certificate_dir is not None:
        certificate_dir.mkdir(parents=True, exist_ok=True)
        _writable(certificate_dir)
    log_to_stderr(quiet=True)
    registrar = Registrar(settings, state_dir)
    try:
        registrar.recover()
        if resume:
            candidates = [to_resume(candidate, registrar) for candidate in candidates]
        command = EraseCommand(registrar, folder=certificate_dir, show=_Screen().show)
        _stop_on_signals(command)
        results = command.run(candidates, asset=asset, operator=operator)
    finally:
        registrar.close()
    _report(results, as_json=as_json)
    sys.exit(exit_status(results, interrupted=command.interrupted))


def _policy(settings: Settings, method: str | None, verify: str | None) -> Policy:
    from agent.plan import known_methods
    from agent.policy import BUILT_IN, Policy

    names = {**BUILT_IN, **{p.name: p for p in settings.policy}}
    if method is None:
        policy = settings.policy_named(settings.station.policy)
    elif method in names:
        policy = names[method]
    elif method in known_methods():
        policy = Policy(name=method, method=method)
    else:
        raise click.BadParameter(
            f"{method!r} is none of {', '.join((*names, *known_methods()))}", param_hint="'--method'"
        )
    if verify is not None:
        spec = msgspec.structs.replace(policy.verify, kind=verify)
        policy = msgspec.structs.replace(policy, verify=spec)
    return policy


def _named_twice(devices: Sequence[str]) -> None:
    real = [str(Path(device).resolve()) for device in devices]
    for device, path in zip(devices, real, strict=True):
        if real.count(path) > 1:
            raise click.UsageError(f"{device} is named twice; each drive once")


def _ask(candidates: Sequence[Candidate]) -> None:
    """Show what would die, and want a YES. Off a terminal there is nobody to ask."""
    for candidate in candidates:
        click.echo(describe(candidate), err=True)
    if not sys.stdin.isatty():
        raise click.UsageError("nothing was touched: say --yes where nobody can be asked")
    if all(candidate.refusal for candidate in candidates):
        return
    answer = click.prompt(
        "All data on these drives will be lost for ever. Type YES to erase them", err=True, default=""
    )
    if answer != "YES":
        raise click.UsageError("nothing was touched: the answer was not YES")


def describe(candidate: Candidate) -> str:
    """A candidate in one line: who it is, and what would be done to it or why not."""
    drive = candidate.drive
    who = candidate.device
    if drive is not None:
        name = " ".join(v for v in (drive.vendor, drive.model, drive.serial) if v) or "unknown drive"
        who = f"{candidate.device}: {name}, {drive.capacity_bytes / 1e9:.1f} GB"
    if candidate.refusal:
        return f"{who}: refused: {candidate.refusal}"
    assert candidate.plan is not None
    text = f"{who}: ERASE with {candidate.plan.method}, verify {candidate.plan.verify.kind} ({candidate.plan.level})"
    missed = "".join(f"\n    not reached: {what}" for what in candidate.plan.not_reached)
    return text + missed


def _writable(folder: Path) -> None:
    import tempfile

    with tempfile.TemporaryFile(dir=folder):
        return


def _stop_on_signals(command: EraseCommand) -> None:
    def stop(_signal: int, _frame: object) -> None:
        command.interrupt()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def _report(results: Sequence[Result], *, as_json: bool) -> None:
    for result in results:
        number = f", certificate {result.certificate_file}" if result.certificate_file else ""
        reason = f": {result.reason}" if result.reason else ""
        click.echo(f"{result.device}: {result.outcome}{reason}{number}", err=True)
    if as_json:
        click.echo(msgspec.json.encode({"results": results}).decode())


class _Screen:
    """A few lines on a terminal, written over again; nothing elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._height = 0

    def show(self, lines: list[str]) -> None:
        """Put these lines in the place of the last ones."""
        if not self._live:
            return
        up = f"\x1b[{self._height}A" if self._height else ""
        sys.stderr.write(up + "".join(f"\r\x1b[2K{line}\n" for line in lines))
        sys.stderr.flush()
        self._height = len(lines)


@click.command("verify-drive")
@click.argument("device")
@click.argument("certificate", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--key", type=click.Path(path_type=Path, dir_okay=False), help="Public key that must have signed it")
@json_option
@config_option
@state_option
def verify_drive(
    device: str, certificate: Path, key: Path | None, as_json: bool, settings: Settings, state_dir: Path
) -> None:
    """Read a drive and hold it against its certificate. Nothing is written.

    Exit status: 0 it holds, 1 it does not (or the certificate is not genuine), 2 bad usage, 3 it cannot be read.
    """
    from agent.verify_command import verify_device

    verdict = verify_device(device, certificate, key=key, state_dir=state_dir, show=_Screen().show)
    click.echo(f"{device}: {verdict.text}", err=True)
    if as_json:
        click.echo(msgspec.json.encode(verdict).decode())
    sys.exit(verdict.exit_status)


@click.command()
@json_option
@config_option
@state_option
def drives(as_json: bool, settings: Settings, state_dir: Path) -> None:
    """The block devices, the bay of each, and whether it may be erased or why not."""
    from agent.drives_command import drive_rows, drive_table

    rows = drive_rows(settings, state_dir)
    if as_json:
        click.echo(msgspec.json.encode({"drives": rows}).decode())
        return
    for line in drive_table(rows):
        click.echo(line)


@click.command()
@click.argument("path", metavar="DEVICE_OR_FILE")
@click.option("--write", is_flag=True, help="Write too: DESTROYS what the device or file holds")
@click.option("--seconds", type=click.FloatRange(0.1, 60), default=2.0, show_default=True, help="For each measurement")
@json_option
@state_option
def benchmark(path: str, write: bool, seconds: float, as_json: bool, state_dir: Path) -> None:
    """How fast this machine writes, generates, reads and hashes, and which of them is the limit.

    Only reads, unless told otherwise.
    """
    from agent.benchmark_command import measure, rate_lines

    found: Any = measure(path, write=write, seconds=seconds, state_dir=state_dir)
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    for line in rate_lines(found):
        click.echo(line)
