"""`benchwipe-collector`: click commands, nothing else."""

from __future__ import annotations

import json
import logging
import sys
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO, NoReturn

import click
import msgspec

from agent.errors import SettingsError
from collector import settings
from collector.errors import CollectorError
from collector.intake import keys as documents
from collector.intake import signing
from collector.old import enrolment
from drivers.options import convert

CONFIG = Path("/etc/benchwipe/collector.toml")
config_option = click.option(
    "--config", "config", type=click.Path(path_type=Path, dir_okay=False), default=CONFIG, show_default=True
)


@click.group()
@click.version_option(version("benchwipe"), prog_name="benchwipe-collector")
def main() -> None:
    """Take certificates in, check them, keep them, show them: the central server."""


@main.command()
@config_option
@click.option("--listen", metavar="HOST:PORT", help="Web pages' address, instead of the configuration's.")
def serve(config: Path, listen: str | None) -> None:
    """Take certificates over MQTT, store them, show them."""
    from collector.old.service import serve as run  # heavy: only here

    configuration = _load(config)
    if listen is not None:
        configuration = _with_listen(configuration, listen)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        sys.exit(run(configuration))
    except CollectorError as error:
        _fail([error.line()])


@main.command()
@config_option
@click.argument("station")
@click.argument("key", type=click.File("rb"), metavar="KEY.jwk")
def enrol(config: Path, station: str, key: BinaryIO) -> None:
    """Trust a station's public key, as `benchwipe key show` prints it (- reads standard input).

    A station that has a key already has both from now on, so that keys can be exchanged without a pause. A running
    collector sees it by itself.
    """
    configuration = _load(config)
    try:
        keys = documents.parse_keys(key.read(documents.LARGEST + 1), where=getattr(key, "name", "standard input"))
        new = enrolment.enrol(configuration.stations_dir, station, keys)
    except CollectorError as error:
        _fail([error.line()])
    for kid in keys:
        click.echo(f"{station}: key {kid} {'enrolled' if kid in new else 'was enrolled before'}")


@main.group()
def key() -> None:
    """Handle the collector's own keys."""


@key.command("show")
@config_option
@click.option("--use", type=click.Choice(signing.USES), default="receipt", show_default=True, help="Which of them")
def show_key(config: Path, use: str) -> None:
    """Print a public key as a JWK; the key is made if there is none yet.

    The receipt's key belongs into each station's `mqtt.collector_keys`.
    """
    try:
        own = signing.load_or_make(_load(config).keys_dir, use)
    except CollectorError as error:
        _fail([error.line()])
    click.echo(json.dumps(documents.jwk(own.public_key())))


def _load(config: Path) -> settings.Configuration:
    try:
        return settings.load(config)
    except SettingsError as error:
        _fail([f"{error.where}: {problem}" for problem in error.problems])


def _with_listen(configuration: settings.Configuration, listen: str) -> settings.Configuration:
    """The same check as the file's key gets."""
    data = {**msgspec.to_builtins(configuration.settings), "listen": listen}
    changed, problems = convert(data, settings.Settings)
    problems = problems or settings.listen_problems(listen)
    if changed is None or problems:
        _fail([f"--{problem}" for problem in problems])
    return msgspec.structs.replace(configuration, settings=changed)


def _fail(lines: list[str]) -> NoReturn:
    for line in lines:
        click.echo(f"benchwipe-collector: {line}", err=True)
    sys.exit(2)


if __name__ == "__main__":
    main()
