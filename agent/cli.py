"""The command line: click commands, nothing else. Words and exit status are a contract (docs/cli.md).

Commands are looked up when they are called: `benchwipe --version` loads neither engine nor cryptography.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from typing import cast

if "_hashlib" not in sys.modules:
    # An import that fails: hashlib then takes Python's own SHA-2, and a second OpenSSL beside that of cryptography is
    # not loaded unless TLS is used. 3.7 MB of an idle daemon (benchmarks/idle_footprint.py).
    cast("dict[str, object]", sys.modules)["_hashlib"] = None

try:
    import click

    from agent.commands.options import INTERRUPTED, NOT_TRUE, USAGE, Commands, tell_systemd
    from agent.version import version
except KeyboardInterrupt:  # Ctrl-C while Python still loads
    sys.exit(130)

COMMANDS = {
    "drives": "agent.commands.drives:drives",
    "erase": "agent.commands.erase:erase",
    "attest": "agent.commands.attest:attest",
    "verify-drive": "agent.commands.drives:verify_drive",
    "certificate": "agent.commands.certificates:certificate",
    "label": "agent.commands.certificates:label",
    "key": "agent.commands.certificates:key",
    "ledger": "agent.commands.ledger:ledger",
    "backup": "agent.commands.backup:backup",
    "restore": "agent.commands.backup:restore",
    "enrol": "agent.commands.enrol:enrol",
    "check": "agent.commands.daemon:check",
    "run": "agent.commands.daemon:run",
    "status": "agent.commands.daemon:status",
    "cancel": "agent.commands.daemon:cancel",
    "reprint": "agent.commands.daemon:reprint",
    "outbox": "agent.commands.outbox:outbox",
    "bays": "agent.commands.daemon:bays",
    "dock-firmware": "agent.commands.dock_firmware:dock_firmware",
    "command-sheet": "agent.commands.certificates:command_sheet",
    "benchmark": "agent.commands.drives:benchmark",
}


TOUCH_DRIVES = frozenset({"benchmark", "drives", "erase", "verify-drive"})
"""Commands that a drive may keep from ending: agent/commands/attended.py."""


def _guarded(words: Sequence[str]) -> tuple[int, list[str]]:
    """(exit status, lines that say what was wrong)."""
    from agent.errors import CertificateProblem, SettingsError
    from firmware_bridge.errors import CodedError

    try:
        return int(cli.main(list(words), "benchwipe", standalone_mode=False) or 0), []
    except click.UsageError as error:
        return USAGE, [_usage_line(error)]
    except (click.Abort, KeyboardInterrupt):
        _end_undisturbed()
        return INTERRUPTED, ["interrupted"]
    except click.ClickException as error:
        return USAGE, [error.format_message()]
    except SettingsError as error:
        return USAGE, list(error.problems)
    except CodedError as error:
        return NOT_TRUE if isinstance(error, CertificateProblem) else USAGE, [error.line()]
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return USAGE, [f"{place}{error.strerror or error}"]
    except Exception as error:  # the outermost edge: a defect of ours is one line too, unless somebody looks for it
        if os.environ.get("BENCHWIPE_DEBUG"):
            raise
        told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return NOT_TRUE, [f"a defect of benchwipe: {told}; please report it (BENCHWIPE_DEBUG=1 shows where)"]


def _end_undisturbed() -> None:
    """Ignore further requests to stop: a signal may come twice, of the terminal and of whoever passes it on."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _usage_line(error: click.UsageError) -> str:
    """What is wrong, where, and where to read what is allowed; the whole help where nothing was said."""
    if error.ctx is None:
        return error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        return f"a command is missing after `{error.ctx.command_path}`; see `{error.ctx.command_path} --help`"
    where = error.ctx.command_path.removeprefix("benchwipe").strip()
    said = " ".join(error.format_message().split()).rstrip(".")
    help_hint = f"; see `{error.ctx.command_path} --help`"
    return f"{where}: {said}{help_hint}" if where else f"{said}{help_hint}"


def _tell(problems: Iterable[str], *, as_json: bool) -> None:
    """Each on a line of standard error; with --json also as the one document on standard output."""
    from agent.views.certificate import printable

    with contextlib.suppress(OSError):
        for problem in problems:
            click.echo(f"benchwipe: {printable(problem)}", err=True)
        if as_json:
            click.echo(json.dumps({"error": "; ".join(printable(problem) for problem in problems)}))


def _flushed(status: int) -> int:
    """What was printed has left this program, or the status is not 0. A reader that went away gets no complaint."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError) as error:
            told, status = status != 0, status or NOT_TRUE
            if stream is sys.stdout and not told and not isinstance(error, BrokenPipeError):
                with contextlib.suppress(OSError):
                    click.echo(f"benchwipe: standard output: {getattr(error, 'strerror', error)}", err=True)
            with contextlib.suppress(OSError, ValueError):  # or the interpreter's own flush complains at its end
                os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), stream.fileno())
    return status


def _tell_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(f"benchwipe {version()}")
        ctx.exit()


@click.group(cls=Commands, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """Erase drives on a bench, prove it, and sign a certificate for each."""


def main(words: Sequence[str] | None = None) -> None:
    """Run the `benchwipe` command, say what was wrong, and exit with the command's status: its entry point."""
    attended = words is None and _may_be_kept(sys.argv[1:2])
    words = sys.argv[1:] if words is None else words
    if attended:
        from agent.commands.attended import attend

        sys.exit(attend(lambda: _run(words)))
    sys.exit(_run(words))


def _may_be_kept(command: Sequence[str]) -> bool:
    """Say whether a drive may keep the command from ending, and somebody waits for it.

    A service manager ends the daemon by limits of its own, and watches the process that it started; a person at a
    terminal waits.
    """
    if command and command[0] == "run":
        return "NOTIFY_SOCKET" not in os.environ and sys.stdin is not None and sys.stdin.isatty()
    return bool(command) and command[0] in TOUCH_DRIVES


def _run(words: Sequence[str]) -> int:
    """Run a command to its exit status; all that it had to say has left this program then."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # it is closed
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a terminal of another alphabet
    if words[:1] == ["erase"]:  # until it has handlers of its own: to be stopped before the first byte is 130 as well
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        strange = [word for word in words if not _is_utf8(word)]
        problem = f"the argument {strange[0]!r} is not valid UTF-8" if strange else ""
        status, problems = (USAGE, [problem]) if problem else _guarded(words)
    except KeyboardInterrupt:  # before the command began
        _end_undisturbed()
        status, problems = INTERRUPTED, ["interrupted"]
    if problems:
        _tell(problems, as_json="--json" in words)
    if problems and words[:1] == ["run"]:
        tell_systemd(problems)
    return _flushed(status)


def _is_utf8(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True
