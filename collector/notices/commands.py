"""`benchwipe-collector notice ...`: where alarms go, and what became of each message."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from collector.errors import CollectorError

if TYPE_CHECKING:
    from collector.parties.services import Actor

Option = Callable[[Any], Any]
Run = Callable[..., Any]
LONGEST_FILE = 4096


def notice_group(config_option: Option, json_option: Option, in_database: Run) -> click.Group:
    """Make the group, with the options and the database of its program."""

    @click.group("notice")
    def notice() -> None:
        """Send alarms out, by e-mail and by webhook."""

    _add(notice, config_option, in_database)
    for verb, told in (
        ("pause", "Send it nothing more, until `resume`. It is not told of that time's alarms."),
        ("resume", "Send to it again, also what waited."),
        ("remove", "Remove it, with what waits for it."),
        ("test", "Send it a test; `notice messages` says what becomes of that."),
    ):
        _verb(notice, verb, told, config_option, in_database)
    _list(notice, config_option, json_option, in_database)
    _messages(notice, config_option, json_option, in_database)
    _replay(notice, config_option, in_database)
    return notice


def _add(group: click.Group, config_option: Option, in_database: Run) -> None:
    @group.command("add")
    @config_option
    @click.argument("name")
    @click.option("--mail", "address", metavar="ADDRESS", help="By e-mail, to this address.")
    @click.option(
        "--webhook-file", "file", type=click.File("r"), metavar="FILE",
        help="By webhook, to the address in this file (-: standard input), since it may hold a secret.",
    )  # fmt: skip
    @click.option("--critical", is_flag=True, help="Critical alarms alone.")
    @click.option("--station", "stations", multiple=True, metavar="NAME", help="Of this station alone; * is any text.")
    @click.option("--ended", "ended_too", is_flag=True, help="Also tell when an alarm ends.")
    @click.option("--language", type=click.Choice(["da", "en"]), default="da", show_default=True, help="Of mails.")
    def add(
        config: Path | None,
        name: str,
        address: str | None,
        file: TextIO | None,
        critical: bool,
        stations: tuple[str, ...],
        ended_too: bool,
        language: str,
    ) -> None:
        """Send alarms to a destination. Prints the secret of a webhook on standard output, this once."""
        if (address is None) is (file is None):
            raise click.UsageError("one of --mail and --webhook-file")
        told = address if file is None else file.read(LONGEST_FILE).strip()
        kind = "mail" if file is None else "webhook"

        def run(actor: Actor) -> str:
            from collector.notices import services

            severity = "critical" if critical else "warning"
            made = services.add(
                actor, name, kind, str(told), severity=severity, stations=" ".join(stations), ended_too=ended_too,
                language=language,
            )  # fmt: skip
            return str(made[1])

        secret = in_database(config, run)
        click.echo(f"{name}: alarms go there from now on; try it: benchwipe-collector notice test {name!r}", err=True)
        if secret:
            click.echo("this is its secret, shown this once:", err=True)
            click.echo(secret)


def _verb(group: click.Group, verb: str, told: str, config_option: Option, in_database: Run) -> None:
    @group.command(verb, help=told)
    @config_option
    @click.argument("name")
    def do(config: Path | None, name: str) -> None:
        def run(actor: Actor) -> object:
            from collector.notices import services

            return getattr(services, verb)(actor, name)

        made = in_database(config, run)
        done = {"pause": "is paused", "resume": "gets alarms again", "remove": "is removed"}.get(verb)
        click.echo(f"{name}: {done or f'message {made.pk} goes to it'}", err=True)


def _list(group: click.Group, config_option: Option, json_option: Option, in_database: Run) -> None:
    @group.command("list")
    @config_option
    @json_option
    def list_destinations(config: Path | None, as_json: bool) -> None:
        """List the destinations, and how each is doing."""

        def run(_: Actor) -> list[dict[str, Any]]:
            from collector.notices import queries

            return [queries.destination_facts(one) for one in queries.destinations()]

        found = in_database(config, run)
        if as_json:
            click.echo(json.dumps({"destinations": found}))
            return
        for one in found:
            state = "paused; " if one["paused"] else ""
            which = "critical ones" if one["severity"] == "critical" else "all"
            of = f" of {' '.join(one['stations'])}" if one["stations"] else ""
            counts = f"{one['waiting']} wait, {one['given_up']} given up"
            click.echo(f"{one['name']}: {one['kind']} {one['place']}, {which}{of}; {state}{counts}")


def _messages(group: click.Group, config_option: Option, json_option: Option, in_database: Run) -> None:
    @group.command("messages")
    @config_option
    @json_option
    @click.option("--to", "name", default="", metavar="NAME", help="To this destination alone.")
    @click.option("--failed", is_flag=True, help="Those alone that were given up.")
    def list_messages(config: Path | None, as_json: bool, name: str, failed: bool) -> None:
        """List the newest fifty messages with what became of them."""

        def run(_: Actor) -> list[dict[str, Any]]:
            from collector.notices import queries
            from collector.notices.models import GIVEN_UP

            rows = queries.deliveries(name=name, state=GIVEN_UP if failed else "")
            return [queries.delivery_facts(one) for one in rows[: queries.PER_PAGE]]

        found = in_database(config, run)
        if as_json:
            click.echo(json.dumps({"messages": found}))
            return
        for one in found:
            last = f": {one['outcome']}" if one["outcome"] else ""
            click.echo(f"{one['made_at']} {one['id']} {one['destination']} {one['state']}, {one['tries']} tries{last}")


def _replay(group: click.Group, config_option: Option, in_database: Run) -> None:
    @group.command("replay")
    @config_option
    @click.argument("messages", nargs=-1, metavar="[MESSAGE]..")
    @click.option("--failed", "name", metavar="NAME", help="All that were given up, of this destination.")
    def replay(config: Path | None, messages: tuple[str, ...], name: str | None) -> None:
        """Send messages again that are over, each under its own id."""
        if bool(messages) is (name is not None):
            raise click.UsageError("messages, or --failed NAME")

        def run(actor: Actor) -> tuple[int, list[str]]:
            from collector.notices import services

            if name is not None:
                return services.replay_failed(actor, name), []
            wrong = []
            for one in messages:
                try:
                    services.replay(actor, one)
                except CollectorError as error:
                    wrong.append(error.line())
            return len(messages) - len(wrong), wrong

        count, wrong = in_database(config, run)
        click.echo(f"{count} message(s) are sent again", err=True)
        for line in wrong:
            click.echo(f"benchwipe-collector: {line}", err=True)
        if wrong:
            raise SystemExit(1)
