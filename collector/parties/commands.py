"""`benchwipe-collector organisation` and `person`: what they are asked and answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

import click

from collector.parties.roles import KINDS, ROLES

if TYPE_CHECKING:
    from collector.parties.services import Actor

Option = Callable[[Any], Any]
InDatabase = Callable[[Path | None, Callable[["Actor"], Any]], Any]
Load = Callable[[Path | None], Any]


def organisation_group(config_option: Option, in_database: InDatabase) -> click.Group:
    """Make the commands, with the option and the database of their program."""

    @click.group()
    def organisation() -> None:
        """Handle organisations."""

    @organisation.command("add")
    @config_option
    @click.argument("name")
    @click.option("--kind", required=True, type=click.Choice(KINDS))
    @click.option("--cvr", default="", help="Number of a Danish company: 8 digits.")
    @click.option("--gln", default="", help="Address of its invoices: 13 digits.")
    def add(config: Path | None, name: str, kind: str, cvr: str, gln: str) -> None:
        """Add an organisation. A customer's certificates are found by its name on them."""

        def run(actor: Actor) -> None:
            from collector.parties import services

            services.add_organisation(actor, name, kind, cvr=cvr, gln=gln)

        in_database(config, run)
        click.echo(f"{name} is a {kind}.", err=True)

    return organisation


def person_group(config_option: Option, json_option: Option, in_database: InDatabase, load: Load) -> click.Group:
    """Make the commands, with the options, the database and the configuration of their program."""

    @click.group()
    def person() -> None:
        """Handle people."""

    person.add_command(_add(config_option, in_database, load))
    person.add_command(_list(config_option, json_option, in_database))
    person.add_command(_disable(config_option, in_database))
    person.add_command(_link(config_option, in_database, load))
    return person


def _add(config_option: Option, in_database: InDatabase, load: Load) -> click.Command:
    @click.command("add")
    @config_option
    @click.argument("login")
    @click.option("--name", required=True)
    @click.option("--role", required=True, type=click.Choice(ROLES))
    @click.option("--organisation", "where", help="Whose; without it the one that runs this collector.")
    @click.option("--password-file", type=click.File("rb"), help="Its first line (- reads standard input).")
    def add_person(
        config: Path | None, login: str, name: str, role: str, where: str | None, password_file: BinaryIO | None
    ) -> None:
        """Add somebody who signs in, or give somebody who is there another role."""
        password = None if password_file is None else _first_line(password_file)
        told = load(config).settings

        def run(actor: Actor) -> None:
            from collector.parties import services

            house = services.named_or_own(where, told.organisation)
            services.add_or_join(actor, login, name=name, role=role, organisation=house, password=password)

        in_database(config, run)
        more = (
            "" if password is not None else f"; `benchwipe-collector person link {login}` makes a link to sign in with"
        )
        click.echo(f"{login} is {role}{more}", err=True)

    return add_person


def _list(config_option: Option, json_option: Option, in_database: InDatabase) -> click.Command:
    @click.command("list")
    @config_option
    @json_option
    def list_people(config: Path | None, *, as_json: bool) -> None:
        """List people with their roles."""

        def run(_: Actor) -> list[dict[str, Any]]:
            from collector.parties import services

            return services.people()

        found = in_database(config, run)
        if as_json:
            click.echo(json.dumps({"people": found}))
            return
        for one in found:
            roles = ", ".join(f"{held['role']} ({held['organisation']})" for held in one["roles"])
            click.echo(f"{one['login']}: {one['name']}{', disabled' if one['disabled'] else ''}: {roles or 'no role'}")

    return list_people


def _disable(config_option: Option, in_database: InDatabase) -> click.Command:
    @click.command("disable")
    @config_option
    @click.argument("login")
    def disable_person(config: Path | None, login: str) -> None:
        """Let a person sign in no more."""

        def run(actor: Actor) -> None:
            from collector.parties import services

            services.disable_person(actor, services.person_named(login))

        in_database(config, run)
        click.echo(f"{login} signs in no more", err=True)

    return disable_person


def _link(config_option: Option, in_database: InDatabase, load: Load) -> click.Command:
    @click.command("link")
    @config_option
    @click.argument("login")
    @click.option("--address", help="How browsers reach the pages [default: public_url, else listen].")
    def link_person(config: Path | None, login: str, address: str | None) -> None:
        """Print a link that signs a person in, once, within an hour."""
        told = load(config).settings

        def run(actor: Actor) -> str:
            from collector.parties import links, services

            someone = services.person_named(login)
            services.note(actor, "person.link_made", someone.login)
            return links.make("sign-in", someone)

        token = in_database(config, run)
        click.echo(f"{(address or told.public_url or f'http://{told.listen}').rstrip('/')}/welcome/{token}")

    return link_person


def _first_line(file: BinaryIO) -> str:
    try:
        return file.read(4096).decode("utf-8").partition("\n")[0].rstrip("\r")
    except UnicodeDecodeError:
        _fail("the password's file is not UTF-8")


def _fail(line: str) -> NoReturn:
    click.echo(f"benchwipe-collector: {line}", err=True)
    sys.exit(2)
