"""The command that makes a station known to a collector: enrol."""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.commands.options import (
    DEFAULT_STATE_DIR,
    config_file_option,
    json_option,
    state_option,
    tell,
)
from agent.commands.parameters import PathParameter
from agent.commands.work.terminal import is_terminal

if TYPE_CHECKING:
    from agent.certificates.enrolment import EnrolmentCode

FILE = PathParameter(dir_okay=False)
LONGEST = 4096


@click.command(short_help="Make this station known to a collector.")
@click.argument("url", metavar="URL")
@click.option("--code-file", type=FILE, metavar="F", help="Holds the code, mode 0600; without it, it is asked for")
@click.option(
    "--wait", "wait_s", type=click.FloatRange(0, 3600), default=600.0, show_default=True, metavar="SECONDS",
    help="How long to wait for a person's yes, where the collector knows this station by another signing key",
)  # fmt: skip
@json_option
@config_file_option
@state_option
def enrol(url: str, code_file: Path | None, wait_s: float, as_json: bool, config: Path, state_dir: Path) -> None:
    """Make this station known to the collector at URL (https://HOST), by the code that the collector gave.

    The collector is checked by the code before anything is sent. Then [mqtt] of the configuration, and the files that
    it names, are written: broker, authority, certificate and key of the connection, keys of collector and controller.
    The daemon renews the certificate by itself. It may be run again, with a new code.

    Exit status: 0 enrolled, 2 not: nothing was changed here.
    """
    from agent.certificates import keys
    from agent.commands.work import service_user
    from agent.enrolment import collector_tls, folder
    from agent.enrolment import enrol as work
    from agent.enrolment.facts import read_facts
    from agent.settings import Settings, load

    address = collector_tls.read_address(url)
    code = _code(code_file)
    config, state_dir = config.absolute(), state_dir.absolute()
    settings = load(config) if config.exists() else Settings()
    _refuse_other_name(settings.station.id, code, state_dir)
    user = service_user.of(state_dir, usual=DEFAULT_STATE_DIR)
    owner = folder.Owner(user.pw_uid, user.pw_gid) if user else None
    trusted = collector_tls.find(address, code.authority)
    wanted = work.Wanted(code.station, keys.load_or_make(state_dir), settings.station.signature_alg, config, owner)
    made = work.enrol(wanted, trusted, code, wait_s=wait_s, say=lambda text: click.echo(f"note: {text}", err=True))
    facts = read_facts(made)
    click.echo(f"{code.station} is known to {address.where}; {config} and {made} are written", err=True)
    click.echo("a running daemon takes it into use by: systemctl restart benchwipe (when the bays are empty)", err=True)
    ends = facts.ends if facts else None
    tell({"station": code.station, "collector": url, "folder": str(made), "certificate_ends": ends}, as_json=as_json)


def _code(file: Path | None) -> EnrolmentCode:
    """Get the code, from a file or a terminal. UsageError where there is none, CodeProblem where it is none."""
    from agent.certificates.enrolment import read_code

    if file is not None:
        with file.open("rb") as opened:
            mode, data = stat.S_IMODE(file.stat().st_mode), opened.read(LONGEST)
        if mode & 0o077:
            raise click.UsageError(f"{file} is open to others (mode {mode:o}); chmod 600 it")
        return read_code(data.decode("utf-8", "replace"))
    if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
        raise click.UsageError("there is no terminal to ask for the code on, name a file with --code-file")
    return read_code(click.prompt("Code", err=True))


def _refuse_other_name(configured: str, code: EnrolmentCode, state_dir: Path) -> None:
    """A station that has certificates keeps the name that stands on them."""
    from agent.enrolment.errors import EnrolmentRefused

    if configured != code.station and any((state_dir / "certificates").glob("*.jws")):
        problem = f"the code is for {code.station}, and this station has certificates as {configured}"
        raise EnrolmentRefused(problem=f"{problem}; `station invite {configured}` at the collector gives its code")
