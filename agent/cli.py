"""The command line: click commands, nothing else. Words and exit status are a contract (docs/cli.md).

Commands are looked up when they are called: `benchwipe --version` loads neither engine nor cryptography.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import json
import logging
import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

try:
    import click

    from agent import __version__
    from agent.commands.parameters import Place
except KeyboardInterrupt:  # Ctrl-C while Python still loads
    sys.exit(130)

if TYPE_CHECKING:
    from agent.settings import Settings

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
    "check": "agent.commands.bench:check",
    "run": "agent.commands.bench:run",
    "status": "agent.commands.bench:status",
    "cancel": "agent.commands.bench:cancel",
    "reprint": "agent.commands.bench:reprint",
    "outbox": "agent.commands.outbox:outbox",
    "bays": "agent.commands.bench:bays",
    "dock-firmware": "agent.commands.dock_firmware:dock_firmware",
    "command-sheet": "agent.commands.certificates:command_sheet",
    "benchmark": "agent.commands.drives:benchmark",
}
DEFAULT_CONFIG = Path("/etc/benchwipe/station.toml")
DEFAULT_STATE_DIR = Path("/var/lib/benchwipe")
NOT_TRUE, USAGE, INTERRUPTED = 1, 2, 130


class Commands(click.Group):
    """A group whose commands are loaded when they are called, and end with one clear line, never with a traceback."""

    def __init__(self, *args: Any, lazy: Mapping[str, str] | None = None, **kwargs: Any) -> None:  # noqa: ANN401
        """`lazy`: name of a command -> "module:attribute"."""
        super().__init__(*args, **kwargs)
        self._lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table: what is used most comes first."""
        return [*self._lazy, *(name for name in self.commands if name not in self._lazy)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, loaded now."""
        if cmd_name in self._lazy and cmd_name not in self.commands:
            module, _, attribute = self._lazy[cmd_name].partition(":")
            self.commands[cmd_name] = getattr(importlib.import_module(module), attribute)
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Of an unknown word the nearest command is told, or all of them."""
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            near = [n for n in known if n.startswith(args[0])] or difflib.get_close_matches(args[0], known, n=1)
            told = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            ctx.fail(f"no command is called {args[0]!r}; {told}")
        return super().resolve_command(ctx, args)


def _guarded(words: Sequence[str]) -> tuple[int, list[str]]:
    """(exit status, lines that say what was wrong)."""
    from agent.errors import CertificateProblem, SettingsError
    from firmware_bridge.errors import CodedError

    try:
        return int(cli.main(list(words), "benchwipe", standalone_mode=False) or 0), []
    except click.UsageError as error:
        return USAGE, [_usage_line(error)]
    except (click.Abort, KeyboardInterrupt):
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
    from agent.show import printable

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


def _config(ctx: click.Context, _: click.Parameter, value: Path | None) -> Settings:
    """The settings of a file; the built-in ones where nobody named a file and the usual one is absent."""
    from agent.settings import Settings, load

    if value is None and not DEFAULT_CONFIG.exists():
        ctx.meta["benchwipe.config"] = None
        return Settings()
    ctx.meta["benchwipe.config"] = value or DEFAULT_CONFIG
    return load(value or DEFAULT_CONFIG)


config_option = click.option(
    "--config",
    "settings",
    type=Place(dir_okay=False),
    callback=_config,
    metavar="FILE",
    help=f"The station's configuration [default: {DEFAULT_CONFIG}; where that is absent, built-in values]",
)
state_option = click.option(
    "--state-dir",
    type=Place(file_okay=False),
    envvar="BENCHWIPE_STATE_DIR",
    default=DEFAULT_STATE_DIR,
    show_default=True,
    metavar="DIR",
    help="Holds key, ledger and certificates; BENCHWIPE_STATE_DIR names another one too",
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output")


@click.group(cls=Commands, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="benchwipe", message="%(prog)s %(version)s")
def cli() -> None:
    """Erases drives on a bench, proves it, and signs a certificate for each."""


def main(words: Sequence[str] | None = None) -> None:
    """Entry point of the `benchwipe` command: run, say what was wrong, and exit with the command's status."""
    words = sys.argv[1:] if words is None else words
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
        status, problems = INTERRUPTED, ["interrupted"]
    if problems:
        _tell(problems, as_json="--json" in words)
    sys.exit(_flushed(status))


def _is_utf8(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def log_to_stderr(*, verbose: bool = False, quiet: bool = False) -> None:
    """Log lines on standard error. Under systemd the journal adds the time itself."""
    stamp = "" if os.environ.get("JOURNAL_STREAM") else "%(asctime)s "
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO,
        format=f"{stamp}%(levelname)s %(name)s: %(message)s",
    )
    logging.raiseExceptions = False  # a log line that nobody can read any more (a closed pipe) stops nothing


def require_config(ctx: click.Context) -> None:
    """For commands that mean nothing without a configuration."""
    if ctx.meta.get("benchwipe.config") is None:
        raise click.UsageError(f"there is no {DEFAULT_CONFIG}; name a configuration with --config FILE", ctx)
