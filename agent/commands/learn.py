"""`benchwipe bays learn`: click, nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from agent.commands.options import config_option, json_option, language_option, require_config, state_option, tell
from agent.settings import Settings


@click.command("learn", short_help="Map ports to bays by asking for a drive in each.")
@config_option
@state_option
@click.option("--fresh", is_flag=True, help="The bays' present ports do not count: another bay may have one of them.")
@click.option("--start", is_flag=True, help="Start the station's service at the end, and at every boot from then on.")
@language_option
@json_option
@click.pass_context
def learn(
    ctx: click.Context,
    settings: Settings,
    state_dir: Path,
    fresh: bool,
    start: bool,
    language: str | None,
    as_json: bool,
) -> None:
    """Ask on a terminal for a drive in each bay in turn, and write the ports into the configuration.

    Nothing is erased. The file as it was stays beside it, as FILE~. Ctrl-C leaves it as it is.
    """
    require_config(ctx)
    from agent.commands.work import learn
    from agent.commands.work.terminal import is_terminal

    if not is_terminal(sys.stdin):
        raise click.UsageError("it asks for a drive in each bay, and needs a terminal as its standard input", ctx)
    path = Path(ctx.meta["benchwipe.config"]).resolve()
    spoken = msgspec.structs.replace(settings.station, language=language or settings.station.language)
    settings = msgspec.structs.replace(settings, station=spoken)
    learned = learn.learn(settings, path, state_dir.absolute(), fresh=fresh)
    if start:
        learn.start_service()
    tell({"file": str(path), "learned": {bay: place.port for bay, place in learned.items()}}, as_json=as_json)
