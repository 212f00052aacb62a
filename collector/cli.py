"""`benchwipe-collector`: click commands, nothing else. Django is imported by those alone that need the database."""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn, TypeVar

import click
import msgspec

from agent.errors import SettingsError
from agent.version import version
from collector import logs, settings
from collector.audit.commands import audit_command
from collector.certificates.statements_commands import validate_command
from collector.demo.commands import demo_command
from collector.effect.commands import effect_command, factors_group, work_command
from collector.errors import CollectorError
from collector.fleet import commands as fleet_commands
from collector.foreign.commands import import_foreign_command
from collector.notices.commands import notice_group
from collector.parties.commands import organisation_group, person_group
from collector.report_command import report_command
from collector.settings_tables import Settings
from collector.statements.commands import statement_group
from collector.trade import commands as trade_commands
from collector.units.commands import commands as unit_commands
from collector.units.said_commands import destroy_command, grade_command
from drivers.options import convert

if TYPE_CHECKING:
    from collector.parties.services import Actor

CONFIG = Path("/etc/benchwipe/collector.toml")
T = TypeVar("T")
config_option = click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"[default: {CONFIG}; where there is none, all defaults and a folder for the data]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")


class _Commands(click.Group):
    """The outermost edge: a defect of ours is one line too, unless somebody looks for it; a server's is in its log."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except OSError as error:
            _fail([f"{error.filename or 'this machine'}: {error.strerror or error}"])
        except Exception as error:
            if ctx.invoked_subcommand == "serve" or os.environ.get("BENCHWIPE_DEBUG"):
                raise
            told = " ".join(f"{type(error).__name__}: {error}".rstrip(": ").split())
            _fail([f"a defect of benchwipe-collector: {told}; please report it (BENCHWIPE_DEBUG=1 shows where)"], 1)


@click.group(cls=_Commands)
@click.version_option(version(), prog_name="benchwipe-collector")
def main() -> None:
    """Take certificates in, check them, keep them, show them: the central server."""


@main.command()
@config_option
@click.option("--only", type=click.Choice(["intake", "web", "worker"]), help="One part alone, in this very process.")
@click.option("--listen", metavar="HOST:PORT", help="Web pages' address, instead of the configuration's.")
def serve(config: Path | None, only: str | None, listen: str | None) -> None:
    """Take certificates over MQTT, store them, show them: a process for each part."""
    from collector import service

    configuration = _load(config)
    if listen is not None:
        configuration = _with_listen(configuration, listen)
    os.umask(0o077)  # what is kept here is its owner's alone
    logs.begin(configuration.settings.log, only or "serve")
    try:
        if only is None:
            _make_ready(configuration)
            sys.exit(service.serve(configuration, service.this_program(config, listen)))
        _boot(configuration)
        sys.exit(_part(only)(configuration))
    except CollectorError as error:
        _fail([error.line()])


def _part(name: str) -> Callable[[settings.Configuration], int]:
    if name == "intake":
        from collector import intake_process

        return intake_process.run
    if name == "worker":
        from collector import worker_process

        return worker_process.run
    from collector import web_process

    return web_process.run


def _make_ready(configuration: settings.Configuration) -> None:
    """What is wrong with keys is said once, before any part starts; where everything lies, too."""
    from collector.intake import signing

    signing.load_or_make(configuration.keys_dir, "receipt")
    signing.secret(configuration.keys_dir, "session")
    if configuration.bare:
        click.echo(f"No configuration: all defaults. The data lie in {configuration.file.parent}", err=True)


@main.command()
@config_option
@json_option
def check(config: Path | None, as_json: bool) -> None:
    """Look whether everything is as it must be: configuration, database, broker, keys, clock. Each problem a line."""
    configuration = _load(config)

    def run() -> list[str]:
        _boot(configuration, make=False)
        from collector import checks

        return checks.problems(configuration)

    found = _try(run)
    if as_json:
        click.echo(json.dumps({"problems": found}))
    else:
        for line in found:
            click.echo(line, err=True)
        click.echo("Everything is as it must be." if not found else f"{len(found)} problem(s).", err=True)
    sys.exit(1 if found else 0)


@main.command()
@config_option
def migrate(config: Path | None) -> None:
    """Bring the database up to date. `serve` does so by itself unless migrate_at_start = false."""
    configuration = _load(config)

    def run() -> None:
        _boot(configuration)
        from collector import upkeep

        upkeep.bring_up()

    _try(run)
    click.echo("The database is up to date.", err=True)


@main.command()
@config_option
@click.argument("station")
@click.argument("key", type=click.File("rb"), metavar="KEY.jwk")
def enrol(config: Path | None, station: str, key: BinaryIO) -> None:
    """Trust a station's public key, as `benchwipe key show` prints it (- reads standard input).

    A station that has a key already has both from now on, so that keys can be exchanged without a pause. A running
    collector believes it from the next message on.
    """
    from collector.intake import keys as documents

    try:
        keys = documents.parse_keys(key.read(documents.LARGEST + 1), where=getattr(key, "name", "standard input"))
    except CollectorError as error:
        _fail([error.line()])

    def run(actor: Actor) -> list[str]:
        from collector.intake import enrolment

        return enrolment.enrol(actor, station, keys)

    new = _in_database(config, run)
    for kid in keys:
        click.echo(f"{station}: key {kid} {'enrolled' if kid in new else 'was enrolled before'}")


@main.group()
def key() -> None:
    """Handle the collector's own keys."""


@key.command("show")
@config_option
@click.option("--use", type=click.Choice(["receipt", "statement", "controller"]), default="receipt", show_default=True)
def show_key(config: Path | None, use: str) -> None:
    """Print a public key as a JWK; the key is made if there is none yet.

    The receipt's key belongs into each station's `mqtt.collector_keys`.
    """
    from collector.intake import keys, signing

    own = _try(lambda: signing.load_or_make(_load(config).keys_dir, use))
    click.echo(json.dumps(keys.jwk(own.public_key())))


def _in_database(config: Path | None, run: Callable[[Actor], T]) -> T:
    """Run it over the database, made ready, as the person at this command line."""
    configuration = _load(config)

    def work() -> T:
        _boot(configuration)
        from collector import upkeep
        from collector.parties.services import Actor

        upkeep.prepare(migrate=configuration.settings.migrate_at_start)

        return run(Actor(who=f"by command line, {getpass.getuser()}"))

    return _try(work)


def _only_looking(config: Path | None, run: Callable[[], T]) -> T:
    """Run it over the database as it stands: nothing is brought up to date, and no trigger is mended."""
    configuration = _load(config)

    def work() -> T:
        _boot(configuration, make=False)
        from collector import upkeep

        upkeep.require()
        return run()

    return _try(work)


def _boot(configuration: settings.Configuration, *, make: bool = True) -> None:
    """Start Django. Only then can its models be imported. Whoever only looks has it make no file."""
    from collector import boot

    boot.boot(configuration, make=make)


def _try(work: Callable[[], T]) -> T:
    """Run it; what cannot be done is one line and a status: 1 refused, 2 unusable. Nothing was changed."""
    try:
        return work()
    except CollectorError as error:
        _fail([error.line()], error.status)
    except Exception as error:
        if type(error).__module__.startswith("django.db"):
            _fail([f"the database does not answer: {' '.join(str(error).split())}"])
        raise


def _load(config: Path | None) -> settings.Configuration:
    if config is None and not CONFIG.exists():
        return settings.bare()
    try:
        return settings.load(config or CONFIG)
    except SettingsError as error:
        _fail([f"{error.where}: {problem}" for problem in error.problems])


def _with_listen(configuration: settings.Configuration, listen: str) -> settings.Configuration:
    """The same check as the file's key gets."""
    data = {**msgspec.to_builtins(configuration.settings), "listen": listen}
    changed, problems = convert(data, Settings)
    problems = problems or settings.listen_problems(listen)
    if changed is None or problems:
        _fail([f"--{problem}" for problem in problems])
    return msgspec.structs.replace(configuration, settings=changed)


def _fail(lines: list[str], status: int = 2) -> NoReturn:
    for line in lines:
        click.echo(f"benchwipe-collector: {line}", err=True)
    sys.exit(status)


main.add_command(report_command(config_option, _in_database))
main.add_command(audit_command(config_option, json_option, _only_looking))
main.add_command(effect_command(config_option, json_option, _in_database))
main.add_command(work_command(config_option, _in_database))
main.add_command(demo_command(main.main))
main.add_command(factors_group(config_option, json_option, _in_database))
main.add_command(organisation_group(config_option, _in_database))
main.add_command(person_group(config_option, json_option, _in_database, _load))
main.add_command(statement_group(config_option, _load))
main.add_command(validate_command(config_option, _in_database))
main.add_command(import_foreign_command(config_option, _in_database))
main.add_command(destroy_command(config_option, _in_database))
main.add_command(grade_command(config_option, _in_database))
main.add_command(notice_group(config_option, json_option, _in_database))
for _command in (
    *unit_commands(config_option, json_option, _in_database),
    *trade_commands.commands(config_option, _in_database),
    *fleet_commands.commands(config_option, json_option, _in_database, _load),
):
    main.add_command(_command)

if __name__ == "__main__":
    main()
