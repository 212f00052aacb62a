"""`benchwipe-collector station ...` and `broker-config`: what they are asked and answer."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from collector.settings import Configuration

if TYPE_CHECKING:
    from collector.parties.services import Actor

Option = Callable[[Any], Any]
ALWAYS = ("localhost", "127.0.0.1")
PLAIN_PORT, TLS_PORT = 1883, 8883


def commands(
    config_option: Option, json_option: Option, in_database: Callable[..., Any], load: Callable[..., Configuration]
) -> list[click.Command]:
    """Make the commands, with the options, the database and the configuration of their program."""
    return [_station(config_option, json_option, in_database, load), _broker(config_option, in_database, load)]


def _station(
    config_option: Option, json_option: Option, in_database: Callable[..., Any], load: Callable[..., Configuration]
) -> click.Command:
    @click.group()
    def station() -> None:
        """Handle the stations."""

    @station.command("invite")
    @config_option
    @json_option
    @click.argument("name", metavar="ID")
    def invite(config: Path | None, as_json: bool, name: str) -> None:
        """Print a code that makes a station known: good once, for an hour. Type it at `sudo benchwipe enrol URL`."""
        configuration = load(config)

        def run(actor: Actor) -> Any:  # noqa: ANN401 - the code and its row
            from collector.fleet import services

            return services.invite(actor, configuration, name)

        code, row = in_database(config, run)
        if as_json:
            click.echo(json.dumps({"station": name, "code": code.text, "ends_at": row.ends_at.isoformat()}))
            return
        click.echo(code.text)
        click.echo(f"{name}: this code is good once, until {row.ends_at:%H:%M} UTC; ten wrong tries lock it", err=True)
        if not configuration.secure:
            click.echo("note: stations come over https alone: [tls] names, or public_url of a proxy with TLS", err=True)

    for verb, accepted in (("accept", True), ("refuse", False)):
        _decide(station, verb, config_option, in_database, accepted=accepted)
    _list(station, config_option, json_option, in_database)
    _revoke(station, config_option, in_database)
    return station


def _list(group: click.Group, config_option: Option, json_option: Option, in_database: Callable[..., Any]) -> None:
    @group.command("list")
    @config_option
    @json_option
    def list_stations(config: Path | None, as_json: bool) -> None:
        """List the stations with the keys that are believed, and until when their certificates are valid."""

        def run(_: Actor) -> list[dict[str, Any]]:
            from collector.fleet import queries

            return queries.stations()

        found = in_database(config, run)
        if as_json:
            click.echo(json.dumps({"stations": found}))
            return
        for one in found:
            click.echo(_line(one))


def _revoke(group: click.Group, config_option: Option, in_database: Callable[..., Any]) -> None:
    @group.command("revoke")
    @config_option
    @click.argument("name", metavar="STATION")
    def revoke(config: Path | None, name: str) -> None:
        """Believe a station's keys no more, and cut it off. What it signed before stays proved."""

        def run(actor: Actor) -> tuple[int, int]:
            from collector.fleet import services

            return services.revoke(actor, name)

        keys, certificates = in_database(config, run)
        more = f"; {certificates} certificate(s) revoked: it is cut off within a minute" if certificates else ""
        click.echo(f"{name}: {keys} key(s) are believed no more{more}", err=True)


def _decide(
    group: click.Group, verb: str, config_option: Option, in_database: Callable[..., Any], *, accepted: bool
) -> None:
    told = "Say yes to" if accepted else "Say no to"

    @group.command(verb, help=f"{told} the other signing key with which a known station asks to be enrolled.")
    @config_option
    @click.argument("name", metavar="STATION")
    def decide(config: Path | None, name: str) -> None:
        def run(actor: Actor) -> str:
            from collector.fleet import services

            return services.decide(actor, name, accepted=accepted)

        kid = in_database(config, run)
        click.echo(f"{name}: key {kid} {'is accepted' if accepted else 'is refused'}", err=True)


def _broker(
    config_option: Option, in_database: Callable[..., Any], load: Callable[..., Configuration]
) -> click.Command:
    @click.command("broker-config")
    @config_option
    @click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="The broker's folder.")
    @click.option("--name", "names", multiple=True, help="A name or address by which stations reach the broker.")
    @click.option(
        "--adopt",
        is_flag=True,
        help="Also make this machine's mosquitto use it, and write [tls] and [broker.tls] into the configuration.",
    )
    def broker_config(config: Path | None, out: Path, names: tuple[str, ...], adopt: bool) -> None:
        """Write mosquitto's configuration, access list and certificates, by the collector's own authority.

        A collector that runs keeps the certificate and the list of revoked stations in it new.
        """
        from collector.fleet import adopting

        if adopt:
            for line in adopting.configure(config, names):
                click.echo(line, err=True)
        configuration = load(config)
        reached = [*names, *_usual_names(configuration)]
        broker = configuration.settings.broker
        told = broker.tls.ca or broker.port != PLAIN_PORT
        port = broker.stations.port or (broker.port if told else TLS_PORT)

        def run(_: Actor) -> Any:  # noqa: ANN401 - the folder
            from collector.fleet import broker_files, own_tls

            own_tls.refresh(configuration)
            return broker_files.write(configuration, out.absolute(), reached, port)

        made = in_database(config, run)
        click.echo(f"{made.out}: a broker for port {made.port}, known as {', '.join(made.names)}", err=True)
        if adopt:
            click.echo(adopting.include(out.absolute()), err=True)
        elif not broker.tls.ca:
            click.echo("the collector's own configuration knows no TLS to it: add [broker.tls] own = true", err=True)

    return broker_config


def _usual_names(configuration: Configuration) -> list[str]:
    told = configuration.settings
    return [*ALWAYS, *told.tls.names, *filter(None, (told.broker.stations.host, told.broker.host)), socket.getfqdn()]


def _line(one: dict[str, Any]) -> str:
    keys = ", ".join(one["keys"]) or ("revoked" if one["revoked"] else "no key")
    until = f"; certificate until {one['certificate_ends_at'][:10]}" if one["certificate_ends_at"] else ""
    waits = "; another key waits for a person's yes" if one["waiting_key"] else ""
    return f"{one['station']}: {keys}{until}{waits}"
