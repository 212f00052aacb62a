"""Commands that look at drives: drives, verify-drive, benchmark."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from agent.commands.options import config_option, json_option, looking_config_option, state_option
from agent.commands.parameters import DeviceName, PathParameter, Seconds
from agent.commands.work.terminal import Screen, is_terminal
from agent.settings import Settings
from agent.views.certificate import printable


@click.command("verify-drive")
@click.argument("device", type=DeviceName())
@click.argument("certificate", type=PathParameter(dir_okay=False))
@click.option(
    "--key",
    type=PathParameter(dir_okay=False),
    metavar="PUBLIC_KEY",
    help="The key that must have signed it: JWK, JWK set or PEM [default: this station's, where it fits]",
)
@json_option
@config_option
@state_option
def verify_drive(
    device: str, certificate: Path, key: Path | None, as_json: bool, settings: Settings, state_dir: Path
) -> None:
    """Read a drive and hold it against its certificate. Nothing is written.

    Exit status: 0 it holds what the certificate says, 1 it does not (or the certificate is not genuine, or does not
    say "erased"), 2 bad usage, 3 the drive cannot be read, 130 interrupted.
    """
    from agent.commands.work.verify import verify_device

    screen = Screen()
    verdict = verify_device(device, certificate, key=key, state_dir=state_dir, show=screen.show)
    screen.clear()
    click.echo(printable(f"{device}: {verdict.text}"), err=True)
    if as_json:
        click.echo(msgspec.json.encode(verdict))
    raise click.exceptions.Exit(verdict.exit_status)


@click.command(short_help="List the block devices; may each be erased?")
@json_option
@looking_config_option
@state_option
def drives(as_json: bool, settings: Settings, state_dir: Path) -> None:
    """List the block devices, the bay of each, and whether it may be erased or why not."""
    from agent.commands.work.drives import drive_rows, drive_table

    rows = drive_rows(settings, state_dir)
    if as_json:
        click.echo(msgspec.json.encode({"drives": rows}))
        return
    for line in drive_table(rows):
        click.echo(printable(line))


@click.command(short_help="Measure how fast this machine could erase.")
@click.argument("path", type=DeviceName(), metavar="DEVICE_OR_FILE")
@click.option("--write", is_flag=True, help="Write to the device too: DESTROYS what it holds")
@click.option("--yes", is_flag=True, help="Do not ask before --write")
@click.option(
    "--seconds", type=Seconds(0.1, 60), default=2.0, show_default=True, metavar="S", help="For each measurement"
)
@json_option
@state_option
def benchmark(path: str, write: bool, yes: bool, seconds: float, as_json: bool, state_dir: Path) -> None:
    """Measure how fast this machine writes, generates, reads and hashes, and which of them is the limit.

    A device is only read, unless told otherwise. For a file, writing is measured in a temporary file beside it.
    """
    from agent.commands.work.benchmark import measure, rate_lines

    if write and not yes:
        _ask_to_write(path)
    found = measure(path, write=write, seconds=seconds, state_dir=state_dir)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for line in rate_lines(found):
        click.echo(printable(line))


def _ask_to_write(path: str) -> None:
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise click.UsageError("nothing was touched: there is no terminal to ask on, say --yes")
    click.echo(f"{printable(path)} will be written over. Type YES to do it: ", err=True, nl=False)
    if sys.stdin.buffer.readline().strip() != b"YES":
        raise click.UsageError("nothing was touched: the answer was not YES")
