"""`benchwipe erase`: what would die is shown, asked for, and checked; agent/commands/work/erase.py does it."""

from __future__ import annotations

import contextlib
import shlex
import signal
import stat
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NoReturn

import click
import msgspec

from agent import files
from agent.certificates.jws import MAX_BYTES
from agent.certificates.label import capacity
from agent.commands.attended import command_process
from agent.commands.options import DEFAULT_STATE_DIR, config_option, json_option, log_to_stderr, state_option
from agent.commands.parameters import DeviceName, PathParameter, Word
from agent.commands.people import operator_named
from agent.commands.plan_lines import plan_lines, rehearsal
from agent.commands.work.erase import (
    LOOK_S,
    EraseCommand,
    examine,
    locked,
    to_resume,
)
from agent.commands.work.erase_request import Candidate, EraseRequest, apart
from agent.commands.work.erase_result import Result, exit_status
from agent.commands.work.terminal import Screen, is_terminal
from agent.jobs.at_work import known_as
from agent.jobs.registrar import Registrar
from agent.planning.plan import known_methods
from agent.planning.policy import BUILT_IN, Policy
from agent.settings import Settings
from agent.views.certificate import printable

Verify = Literal["full", "sample", "none"]


@click.command(short_help="Erase whole drives, with a certificate for each.")
@click.argument("devices", nargs=-1, required=True, type=DeviceName(), metavar="DEVICE...")
@click.option(
    "--method",
    metavar="NAME",
    help="A policy (nist-clear, nist-purge, or one of the configuration), an overwrite method (zero, one, random, ...) "
    "or a firmware technique; a wrong name lists them all [default: the station's policy]",
)
@click.option(
    "--verify", type=click.Choice(["full", "sample", "none"]), help="How it is read back [default: the policy's, full]"
)
@click.option("--asset", metavar="TAG", type=Word(), help="Asset tag of the device that the drive came in")
@click.option("--operator", metavar="ID", type=Word(), help="Who does this; name and title are the configuration's")
@click.option(
    "--certificate-dir", metavar="DIR", type=PathParameter(file_okay=False), help="Write <certificate id>.jws here too"
)
@click.option("--dry-run", is_flag=True, help="Show the plan of each drive, and why; touch nothing")
@click.option(
    "--unidentified", is_flag=True, help="Erase drives too that tell no identity, only a default of bridge or maker"
)
@click.option("--resume", is_flag=True, help="Go on with the interrupted job of each drive, from its last checkpoint")
@click.option("--yes", is_flag=True, help="Do not ask. Without it, this shows what would die and asks on a terminal")
@json_option
@config_option
@state_option
def erase(
    devices: tuple[str, ...],
    method: str | None,
    verify: Verify | None,
    asset: str | None,
    operator: str | None,
    certificate_dir: Path | None,
    dry_run: bool,
    unidentified: bool,
    resume: bool,
    yes: bool,
    as_json: bool,
    settings: Settings,
    state_dir: Path,
) -> None:
    """Erase whole drives, several at once, and sign a certificate for each.

    Exit status: 0 all erased and verified, 1 at least one failed, 2 bad usage or configuration and nothing touched,
    3 at least one refused and nothing of it touched, 130 interrupted. With --dry-run: 0 all would be erased, 3 at
    least one would be refused.
    """
    policy, who = _policy(settings, method, verify, unidentified=unidentified), operator_named(settings, operator)
    _named_twice(devices)
    look = partial(examine, policy=policy, state_dir=state_dir, patience_s=LOOK_S)
    if dry_run:
        _rehearse(apart([look(device) for device in devices]), as_json)
    named = frozenset(name for name, value in (("method", method), ("verify", verify)) if value is not None)
    request = EraseRequest(asset=asset, operator=who, resume=resume, named=named)
    log_to_stderr(quiet=True)
    with contextlib.ExitStack() as at_the_end:
        candidates = [look(device) for device in devices]
        registrar = None
        if any(locked(candidate) for candidate in candidates):
            registrar = at_the_end.enter_context(_registrar(settings, state_dir))
            ours = partial(look, as_ours=registrar.as_ours)
            candidates = [ours(c.device) if locked(c) else c for c in candidates]
        candidates = apart(candidates)
        if resume and not all(candidate.refusal for candidate in candidates):
            registrar = registrar or at_the_end.enter_context(_registrar(settings, state_dir))
            candidates = [to_resume(candidate, registrar, named) for candidate in candidates]
        if not yes:
            _ask(candidates)
        if all(candidate.refusal for candidate in candidates):
            results, interrupted = [_refused(candidate) for candidate in candidates], False
            _report(results, as_json=as_json)
        else:
            _prepare(certificate_dir)
            registrar = registrar or at_the_end.enter_context(_registrar(settings, state_dir))
            results, interrupted = _run(registrar, certificate_dir, candidates, request, as_json=as_json)
    raise click.exceptions.Exit(exit_status(results, interrupted=interrupted))


def _rehearse(candidates: Sequence[Candidate], as_json: bool) -> NoReturn:
    """What would be done, and nothing else."""
    if as_json:
        click.echo(msgspec.json.encode({"plans": [rehearsal(candidate) for candidate in candidates]}))
    else:
        for candidate in candidates:
            for line in describe(candidate, fully=True):
                click.echo(printable(line))
    raise click.exceptions.Exit(3 if any(candidate.refusal for candidate in candidates) else 0)


@contextlib.contextmanager
def _registrar(settings: Settings, state_dir: Path) -> Iterator[Registrar]:
    known_as(command_process())
    registrar = Registrar(settings, state_dir)
    try:
        _prepare(registrar.ledger.certificates_dir)
        registrar.recover()
        yield registrar
    finally:
        registrar.close()


def _run(
    registrar: Registrar, folder: Path | None, candidates: Sequence[Candidate], request: EraseRequest, *, as_json: bool
) -> tuple[list[Result], bool]:
    """(results, whether somebody interrupted), told. From here on a signal asks the workers to stop."""
    screen = Screen()
    command = EraseCommand(registrar, folder=folder, show=screen.show)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
            continue  # nohup
        signal.signal(number, lambda *_: command.interrupt())
    results = command.run(candidates, request)
    screen.clear()
    if _report(results, as_json=as_json):
        command.told()
    _name_the_way_on(results, registrar.state_dir)
    return results, command.interrupted


def _name_the_way_on(results: Sequence[Result], state_dir: Path) -> None:
    """Say how the drives that were interrupted go on."""
    stopped = [result.device for result in results if result.outcome == "aborted"]
    if stopped:
        where = [] if state_dir == DEFAULT_STATE_DIR else ["--state-dir", str(state_dir)]
        words = shlex.join(["benchwipe", "erase", "--resume", *where, *stopped])
        with contextlib.suppress(OSError):
            click.echo(printable(f"to go on where it stopped: {words}"), err=True)


def _refused(candidate: Candidate) -> Result:
    return Result(device=candidate.device, outcome="refused", reason=str(candidate.refusal))


def _policy(settings: Settings, method: str | None, verify: Verify | None, *, unidentified: bool) -> Policy:
    names = {**BUILT_IN, **{p.name: p for p in settings.policy}}
    if method is None:
        policy = settings.policy_named(settings.station.policy)
    elif method in names:
        policy = names[method]
    elif method in known_methods():
        policy = Policy(name=method, method=method)
    else:
        allowed = ", ".join(dict.fromkeys((*names, *known_methods())))
        raise click.BadParameter(f"{method!r}: allowed is one of {allowed}", param_hint="'--method'")
    if unidentified:
        policy = msgspec.structs.replace(policy, allow_unidentified=True)
    if verify is None:
        return policy
    return msgspec.structs.replace(policy, verify=msgspec.structs.replace(policy.verify, kind=verify))


def _named_twice(devices: Sequence[str]) -> None:
    """Two names of one device are one device: by link, or by another node of the same number."""
    seen: dict[object, str] = {}
    for device in devices:
        try:
            status = Path(device).stat()
            node = stat.S_IFMT(status.st_mode), status.st_rdev
            who: object = node if status.st_rdev else (status.st_dev, status.st_ino)
        except OSError:
            who = device
        if who in seen:
            same = f" (as {seen[who]} too)" if seen[who] != device else ""
            raise click.UsageError(f"{device} is named twice{same}; each drive once")
        seen[who] = device


def _ask(candidates: Sequence[Candidate]) -> None:
    """Show what would die, and want a YES. Off a terminal there is nobody to ask."""
    for candidate in candidates:
        for line in describe(candidate):
            click.echo(printable(line), err=True)
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise click.UsageError("nothing was touched: there is no terminal to ask on, say --yes")
    if all(candidate.idle for candidate in candidates):
        return
    click.echo("All data on these drives will be lost for ever. Type YES to erase them: ", err=True, nl=False)
    answer = sys.stdin.buffer.readline()
    if not answer.endswith(b"\n"):
        click.echo("", err=True)
    if answer.strip() != b"YES":
        raise click.UsageError("nothing was touched: the answer was not YES")


def describe(candidate: Candidate, *, fully: bool = False) -> Iterator[str]:
    """Describe a candidate for a person: who it is, and what would be done to it or why not.

    `fully`: and what else could be.
    """
    drive, who = candidate.drive, candidate.device
    if drive is not None:
        name = " ".join(v for v in (drive.vendor, drive.model, drive.serial) if v) or "unknown drive"
        who = f"{candidate.device}: {name}, {capacity(drive.capacity_bytes)}"
    if candidate.refusal or candidate.plan is None:
        yield f"{who}: refused: {candidate.refusal}"
        return
    if candidate.certified is not None:
        yield f"{who}: nothing to do: its job ended {candidate.certified.state}, and has its certificate"
        return
    again = "begin anew to ERASE" if candidate.anew else "go on to ERASE" if candidate.resumes else "ERASE"
    yield f"{who}: {again} with {candidate.plan.method}, verify {candidate.plan.verify.kind} ({candidate.plan.level})"
    yield from plan_lines(candidate.plan, fully=fully)


def _prepare(folder: Path | None) -> None:
    """Make the folder for copies, and try that it takes a file; OSError before anything is erased."""
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with files.temporary(folder) as (file, _):
            file.write(bytes(MAX_BYTES))
            file.flush()
    except OSError as error:  # of a write it says no place
        raise OSError(error.errno, error.strerror, str(error.filename or folder)) from error


def _report(results: Sequence[Result], *, as_json: bool) -> bool:
    """Whether somebody was told. The document first: whatever happens to standard error, a program gets it."""
    told = False
    if as_json:
        with contextlib.suppress(BrokenPipeError):
            click.echo(msgspec.json.encode({"results": results}))
            told = True
    with contextlib.suppress(OSError):
        for result in results:
            number = f", certificate {result.certificate_file}" if result.certificate_file else ""
            reason = f": {result.reason}" if result.reason else ""
            click.echo(printable(f"{result.device}: {result.words}{reason}{number}"), err=True)
        told = told or not as_json
    return told
