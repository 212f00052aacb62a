"""Commands of the outbox: what waits for the collector, what it refused, and what is to go again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.commands.options import Commands, config_option, json_option, state_option, tell

if TYPE_CHECKING:
    from agent.jobs.outbox_rows import Waiting
    from agent.settings import Settings


@click.group(cls=Commands)
def outbox() -> None:
    """Show or send again what waits for the collector's receipt."""


@outbox.command("list", short_help="Show what waits for a receipt, and what was refused.")
@json_option
@config_option
@state_option
def list_rows(as_json: bool, settings: Settings, state_dir: Path) -> None:
    """Show what waits for a receipt, and what the collector refused and is set aside.

    Exit status: 0 shown, 2 there is no ledger that can be read.
    """
    from agent.commands.work.outbox import listed, opened
    from agent.views.certificate import printable

    with opened(state_dir) as ledger:
        rows = ledger.outbox.listed()
    if as_json:
        click.echo(json.dumps({"rows": [listed(row) for row in rows]}))
        return
    for row in rows:
        click.echo(printable(_line(row)))
    refused = sum(row.refused is not None for row in rows)
    click.echo(f"{len(rows) - refused} wait, {refused} refused", err=True)


@outbox.command(short_help="Send again what was refused, or was forgotten wrongly.")
@click.argument("names", metavar="ID...", nargs=-1)
@click.option("--refused", is_flag=True, help="All that the collector refused, in the place of ids")
@json_option
@config_option
@state_option
def resend(names: tuple[str, ...], refused: bool, as_json: bool, settings: Settings, state_dir: Path) -> None:
    """Send again, until the collector gives a receipt: by id, or by the certificate's number.

    What was refused waits again. A certificate that has left the outbox comes back from its file, a statement from the
    ledger. A running daemon sees it within ten seconds.

    Exit status: 0 they wait now, 2 one of them is unknown: nothing was changed.
    """
    from agent.commands.work.outbox import find, opened

    if refused == bool(names):
        raise click.UsageError("name what is to go again: ids, or --refused")
    with opened(state_dir) as ledger:
        if refused:
            names = tuple(row for row, _ in ledger.outbox.quarantined())
        found = [find(ledger, name) for name in names]
        ledger.outbox.again(found)
    for row in found:
        click.echo(f"{row.kind} {row.id} waits to be sent", err=True)
    if not found:
        click.echo("nothing was refused", err=True)
    tell({"rows": [{"id": row.id, "kind": row.kind} for row in found]}, as_json=as_json)


def _line(row: Waiting) -> str:
    state = "waits  " if row.refused is None else "refused"
    what = f"{state}  {row.kind:<9}  {row.number or '-':<20}  {row.attempts:>4} tries  {row.id}"
    return what if row.refused is None else f"{what}  {row.refused}"
