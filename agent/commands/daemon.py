"""Commands of the bench: run, check, status, cancel, bays."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from agent.commands.options import (
    NOT_TRUE,
    USAGE,
    Commands,
    config_file_option,
    config_option,
    json_option,
    language_option,
    log_to_stderr,
    looking_config_option,
    require_config,
    state_option,
    tell,
)

if TYPE_CHECKING:
    from agent.settings import Settings


bays = Commands(
    "bays",
    help="The places where drives stand.",
    lazy={"learn": "agent.commands.learn:learn", "udev-rules": "agent.commands.bay_rules:udev_rules"},
)


@click.command(short_help="Run the station's daemon, in the foreground.")
@config_option
@state_option
@click.option("--verbose", is_flag=True, help="Log more")
@json_option
@click.pass_context
def run(ctx: click.Context, settings: Settings, state_dir: Path, verbose: bool, as_json: bool) -> None:
    """Run the station's daemon, in the foreground, logging to standard error.

    SIGTERM, Ctrl-C and a closed terminal end it: jobs go on from their last checkpoint next time.

    Exit status: 0 stopped, 1 a thread of it broke down (a service manager starts it again), 2 it could not begin.
    """
    require_config(ctx)
    _refuse_no_bays(ctx, settings)
    from agent.devices.threads import ThreadLost
    from agent.station import Station

    log_to_stderr(verbose=verbose)
    if os.geteuid() != 0 and "NOTIFY_SOCKET" in os.environ:
        _refuse_what_no_rule_gives(settings)
    state_dir = state_dir.absolute()
    folder = _beside_config(ctx)
    try:
        Station(settings, state_dir, folder).run()
    except ThreadLost as lost:
        click.echo(f"benchwipe: {lost.line()}", err=True)
        tell({"station": settings.station.id, "ended": "broke-down", "reason": lost.line()}, as_json=as_json)
        raise click.exceptions.Exit(NOT_TRUE) from None
    tell({"station": settings.station.id, "ended": "stopped", "reason": None}, as_json=as_json)


def _refuse_no_bays(ctx: click.Context, settings: Settings) -> None:
    from agent.errors import SettingsError

    if not settings.bay:
        config = str(ctx.meta["benchwipe.config"])
        raise SettingsError(config, (f"{config}: bay is missing: a station needs at least one [[bay]]",))


def _refuse_what_no_rule_gives(settings: Settings) -> None:
    """The unit's user opens only the drives that udev's rules gave it: a bay that can have none is an error."""
    from agent.commands.work.bay_rules import refuse_bays

    refuse_bays(settings)


@click.command(short_help="Check the configuration and the hardware.")
@json_option
@config_file_option
@state_option
def check(as_json: bool, config: Path, state_dir: Path) -> None:
    """Check the configuration and the bench's hardware; each problem is a line. Nothing is made or changed.

    Root does it as the service's own user: what that one cannot read or open is a problem.

    Exit status: 0 all well, 2 not.
    """
    from agent.commands.options import DEFAULT_STATE_DIR
    from agent.commands.work import service_user

    config, state_dir = config.absolute(), state_dir.absolute()
    user = service_user.of(state_dir, usual=DEFAULT_STATE_DIR)

    def work() -> int:
        return _check(config, state_dir, as_json=as_json, as_service=user is not None)

    raise click.exceptions.Exit(service_user.call_as(user, work) if user else work())


def _check(config: Path, state_dir: Path, *, as_json: bool, as_service: bool) -> int:
    from agent.commands.work.check import report
    from agent.views.certificate import printable

    os.chdir(config.resolve().parent)
    found = report(config, state_dir, as_service=as_service)
    for finding in found.problems:
        click.echo(printable(f"benchwipe: {finding.text}"), err=True)
    for note in found.notes:
        click.echo(printable(f"note: {note}"), err=True)
    if found.well:
        click.echo(f"{config}: all well, {len(found.bays)} bays", err=True)
    if as_json:
        click.echo(msgspec.json.encode(found))
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return 0 if found.well else USAGE


@click.command()
@click.option("--watch", is_flag=True, help="Stay, look every second, and show every change")
@click.option("--no-color", "plain", is_flag=True, help="Shapes and words alone; as NO_COLOR in the environment")
@language_option
@json_option
@looking_config_option
@state_option
def status(watch: bool, plain: bool, language: str | None, as_json: bool, settings: Settings, state_dir: Path) -> None:
    """Show the running daemon's bays. With --watch and --json: one document a line, whenever something changed.

    With --watch on a terminal: the whole screen, all bays, until Ctrl-C; it waits for a daemon that does not run.

    Exit status: 0 shown, 2 no daemon runs on this state folder.
    """
    from agent.commands.work.terminal import is_terminal
    from agent.devices.control import ask

    if watch and not as_json and is_terminal(sys.stdout) and os.environ.get("TERM", "dumb") != "dumb":
        from agent.commands.watch import watch as watch_screen

        watch_screen(state_dir, language or settings.station.language, colour=not plain)
    shown = None
    while True:
        answer = ask(state_dir, {"ask": "status"})
        if answer != shown:
            lines = [json.dumps(answer)] if as_json else _status_lines(answer)
            click.echo("\n".join(lines))
            shown = answer
        if not watch:
            return
        time.sleep(1)


@click.command()
@click.argument("bay")
@json_option
@config_option
@state_option
def cancel(bay: str, as_json: bool, settings: Settings, state_dir: Path) -> None:
    """Stop a bay's countdown or erasure. What was erased so far is certified as aborted."""
    from agent.devices.control import ask

    answer = ask(state_dir, {"ask": "cancel", "bay": bay})
    if "error" in answer:
        raise click.UsageError(str(answer["error"]))
    click.echo(f"asked bay {bay} to stop", err=True)
    tell({"asked": bay}, as_json=as_json)


@click.command()
@click.argument("label", metavar="NUMBER")
@json_option
@config_option
@state_option
def reprint(label: str, as_json: bool, settings: Settings, state_dir: Path) -> None:
    """Print a certificate's label again, by its number or id; it says COPY n if an earlier print may have come out."""
    from agent.devices.control import ask

    answer = ask(state_dir, {"ask": "reprint", "label": label})
    if "error" in answer:
        raise click.UsageError(str(answer["error"]))
    click.echo(f"asked for label {answer['asked']}; `benchwipe status` says what came of it", err=True)
    tell({"asked": answer["asked"]}, as_json=as_json)


def _status_lines(answer: dict[str, Any]) -> list[str]:
    from agent.views.bay import table
    from agent.views.certificate import printable

    if "error" in answer:
        return [printable(f"the daemon answers: {answer['error']}")]
    lines = table(answer["bays"])
    uplink = answer["uplink"]
    if uplink is None:
        lines.append("uplink: none is configured; certificates wait in the outbox")
    else:
        how = "connected" if uplink["connected"] else f"not connected: {uplink['last_error'] or 'not yet'}"
        ignored = uplink.get("receipts_ignored")
        doubt = f"; {ignored} receipts ignored that no trusted collector gave" if ignored else ""
        lines.append(f"uplink: {how}; {uplink['outbox_depth']} in the outbox{doubt}")
    lines += [f"! {text}" for text in answer["alarms"].values()]
    return [printable(line) for line in lines]


def _beside_config(ctx: click.Context) -> Path:
    """Relative paths of a configuration are relative to its folder."""
    folder = Path(ctx.meta["benchwipe.config"]).resolve().parent
    os.chdir(folder)
    return folder
