"""What commands have in common: groups of them, the options that many take, exit statuses, and the log."""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.commands.parameters import PathParameter, PeopleLanguage

if TYPE_CHECKING:
    from agent.settings import Settings

DEFAULT_CONFIG = Path("/etc/benchwipe/station.toml")
DEFAULT_STATE_DIR = Path("/var/lib/benchwipe")
WITHOUT = {
    "drives": "bays are not shown, and the built-in policy is asked; sudo benchwipe drives knows them",
    "label": "built-in language (see --language), and no address in its QR code",
    "pdf": "built-in language (see --language), and no address in its QR code",
}
"""What a command that only looks goes without, where the configuration is not this user's to read."""
NOT_TRUE, USAGE, INTERRUPTED = 1, 2, 130


class Commands(click.Group):
    """A group whose commands are loaded when they are called, and end with one clear line, never with a traceback."""

    def __init__(self, *args: Any, lazy: Mapping[str, str] | None = None, **kwargs: Any) -> None:  # noqa: ANN401
        """`lazy`: name of a command -> "module:attribute"."""
        super().__init__(*args, **kwargs)
        self._lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order of the table: what is used most comes first."""
        return [*self._lazy, *(name for name in self.commands if name not in self._lazy)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load the command now."""
        if cmd_name in self._lazy and cmd_name not in self.commands:
            module, _, attribute = self._lazy[cmd_name].partition(":")
            self.commands[cmd_name] = getattr(importlib.import_module(module), attribute)
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolve a command; of an unknown word the nearest command is told, or all of them."""
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            import difflib  # only a mistake needs it

            near = [n for n in known if n.startswith(args[0])] or difflib.get_close_matches(args[0], known, n=1)
            told = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            ctx.fail(f"no command is called {args[0]!r}; {told}")
        return super().resolve_command(ctx, args)


def _config(ctx: click.Context, _: click.Parameter, value: Path | None) -> Settings:
    """The settings of a file; the built-in ones where nobody named a file and the usual one is absent."""
    from agent.settings import Settings, load

    if value is None and not DEFAULT_CONFIG.exists():
        ctx.meta["benchwipe.config"] = None
        return Settings()
    if value is None:
        _refuse_unreadable(ctx)
    ctx.meta["benchwipe.config"] = value or DEFAULT_CONFIG
    return load(value or DEFAULT_CONFIG)


def _refuse_unreadable(ctx: click.Context) -> None:
    """Raise NotYours where the usual configuration is not this user's to read."""
    from agent.errors import NotYours

    if not os.access(DEFAULT_CONFIG, os.R_OK):
        problem = f"{DEFAULT_CONFIG} is for root and the service's own user, and `{ctx.command_path}` needs it"
        raise NotYours(problem=problem)


def _config_or_none(ctx: click.Context, parameter: click.Parameter, value: Path | None) -> Settings:
    """The same; the built-in ones too where the usual file is not this user's to read, for commands that only look."""
    if value is None and DEFAULT_CONFIG.exists() and not os.access(DEFAULT_CONFIG, os.R_OK):
        from agent.settings import Settings

        ctx.meta["benchwipe.config"] = None
        if ctx.command.name in WITHOUT:
            click.echo(f"note: {DEFAULT_CONFIG} is root's to read: {WITHOUT[ctx.command.name]}", err=True)
        return Settings()
    return _config(ctx, parameter, value)


def _config_option(read: Callable[[click.Context, click.Parameter, Path | None], Settings]) -> Callable[[Any], Any]:
    return click.option(
        "--config",
        "settings",
        type=PathParameter(dir_okay=False),
        callback=read,
        metavar="FILE",
        help=f"The station's configuration [default: {DEFAULT_CONFIG}; where that is absent, built-in values]",
    )


def _config_file(ctx: click.Context, _: click.Parameter, value: Path | None) -> Path:
    """The file itself, for the command that tells what is wrong with it."""
    if value is None and not DEFAULT_CONFIG.exists():
        raise click.UsageError(f"there is no {DEFAULT_CONFIG}; name a configuration with --config FILE", ctx)
    if value is None:
        _refuse_unreadable(ctx)
    return value or DEFAULT_CONFIG


config_file_option = click.option(
    "--config",
    type=PathParameter(dir_okay=False),
    callback=_config_file,
    metavar="FILE",
    help=f"The station's configuration [default: {DEFAULT_CONFIG}]",
)
config_option = _config_option(_config)
looking_config_option = _config_option(_config_or_none)
state_option = click.option(
    "--state-dir",
    type=PathParameter(file_okay=False),
    envvar="BENCHWIPE_STATE_DIR",
    default=DEFAULT_STATE_DIR,
    show_default=True,
    metavar="DIR",
    help="Holds key, ledger and certificates; BENCHWIPE_STATE_DIR names another one too",
)


def _language(ctx: click.Context, _: click.Parameter, value: str | None) -> str | None:
    return value if value is not None else ctx.meta.get("benchwipe.text")


def _text(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.meta["benchwipe.text"] = value
        click.echo("note: --text is called --language; the old name goes with version 0.3", err=True)


language_option = click.option(
    "--language",
    type=PeopleLanguage(),
    callback=_language,
    metavar="da|en",
    help="The language of its words for people [default: the station's]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output")


text_option = click.option(
    "--text", type=PeopleLanguage(), hidden=True, is_eager=True, expose_value=False, callback=_text
)
"""What --language was called for words on a page or label."""


def tell(facts: Mapping[str, object], *, as_json: bool) -> None:
    """Print what a command did as the one document of --json; without it, lines on standard error have said so."""
    if as_json:
        click.echo(json.dumps(facts))


def log_to_stderr(*, verbose: bool = False, quiet: bool = False) -> None:
    """Log lines on standard error. Under systemd the journal adds the time itself."""
    stamp = "" if os.environ.get("JOURNAL_STREAM") else "%(asctime)s "
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO,
        format=f"{stamp}%(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("benchwipe.erase.costs").setLevel(logging.INFO)
    logging.raiseExceptions = False  # a log line that nobody can read any more (a closed pipe) stops nothing


def tell_systemd(problems: Iterable[str]) -> None:
    """Show why the daemon could not begin in `systemctl status`."""
    from agent.devices.notify import Notifier
    from agent.views.certificate import printable

    Notifier().status(printable("; ".join(problems)))


def require_config(ctx: click.Context) -> None:
    """Require a configuration, for commands that mean nothing without one."""
    if ctx.meta.get("benchwipe.config") is None:
        raise click.UsageError(f"there is no {DEFAULT_CONFIG}; name a configuration with --config FILE", ctx)
