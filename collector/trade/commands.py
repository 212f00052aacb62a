"""`benchwipe-collector agreement`, `import-sales`, `settle`, `settlement`: what they are asked and answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from collector.trade.errors import DocumentsProblem, NotSo
from collector.trade.rules.days import Period, period_named

if TYPE_CHECKING:
    from collector.parties.services import Actor
    from collector.trade.models import Agreement

T = TypeVar("T")
InDatabase = Callable[[Path | None, Callable[["Actor"], Any]], Any]
FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
DAY = click.DateTime(["%Y-%m-%d"])
SHOWN_PROBLEMS = 20
Option = Callable[[Any], Any]
OUT = "FILE.pdf, .csv, .xlsx, .jws, or .xml: the services as a Peppol invoice."
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")


@dataclass(frozen=True)
class Refusal:
    """Why it is not so, in one line."""

    line: str


def _read_period(_ctx: click.Context, _param: click.Parameter, value: str) -> Period:
    found = period_named(value)
    if found is None:
        raise click.BadParameter(f"{value!r}: allowed is a month (2026-01) or a quarter (2026-Q1)")
    return found


def commands(config_option: Option, in_database: InDatabase) -> list[click.Command]:
    """Make the commands, with the option and the database of their program."""
    return [
        _agreement(config_option, in_database),
        _import_sales(config_option, in_database),
        _settle(config_option, in_database),
        _settlement(config_option, in_database),
    ]


def _agreement(config_option: Option, in_database: InDatabase) -> click.Command:
    @click.group()
    def agreement() -> None:
        """Handle agreements: drafts from files, approved by both sides."""

    for one in (_load, _approve, _list, _consent):
        agreement.add_command(one(config_option, in_database))
    return agreement


def _load(config_option: Option, in_database: InDatabase) -> click.Command:
    @click.command()
    @config_option
    @click.argument("file", type=FILE)
    @json_option
    def load(config: Path | None, file: Path, as_json: bool) -> None:
        """Keep a file's versions as drafts. What binds already is never changed."""

        def run(actor: Actor) -> dict[str, Any]:
            from collector.trade import agreements

            return agreements.shown(agreements.load(actor, agreements.read_file(file), where=str(file)))

        found = in_database(config, run)
        if as_json:
            click.echo(json.dumps({name: found[name] for name in ("agreement", "versions")}))
        _tell_agreement(found)

    return load


def _approve(config_option: Option, in_database: InDatabase) -> click.Command:
    @click.command()
    @config_option
    @click.argument("name", metavar="AGREEMENT")
    @click.option("--version", "day", type=DAY, required=True, help="The day from which it is valid.")
    @click.option("--as", "login", metavar="LOGIN", required=True, help="Whose side says yes.")
    def approve(config: Path | None, name: str, day: datetime, login: str) -> None:
        """Say yes to a version for the side of LOGIN. With the other side's yes it binds, and never changes."""

        def run(actor: Actor) -> dict[str, Any]:
            from collector.parties.services import person_named
            from collector.trade import agreements

            one = agreements.named(name)
            agreements.approve(actor, one, day.date(), person_named(login))
            return agreements.shown(one)

        _tell_agreement(refusable(lambda: in_database(config, _kept(run))))

    return approve


def _list(config_option: Option, in_database: InDatabase) -> click.Command:
    @click.command("list")
    @config_option
    @json_option
    def list_agreements(config: Path | None, as_json: bool) -> None:
        """List agreements with their versions."""

        def run(_: Actor) -> list[dict[str, Any]]:
            from collector.trade import agreements

            return agreements.listed()

        found = in_database(config, run)
        if as_json:
            click.echo(json.dumps({"agreements": found}))
            return
        for one in found:
            _tell_agreement(one)

    return list_agreements


def _consent(config_option: Option, in_database: InDatabase) -> click.Command:
    @click.command()
    @config_option
    @click.argument("name", metavar="AGREEMENT")
    @click.argument("identifier")
    @click.option("--lowest", "ore", type=click.IntRange(0), required=True, help="The least price in øre.")
    @click.option("--as", "login", metavar="LOGIN", required=True, help="Who says yes for the customer.")
    def consent(config: Path | None, name: str, identifier: str, ore: int, login: str) -> None:
        """Record the customer's yes to selling a unit for less than it wanted to be asked for."""

        def run(actor: Actor) -> None:
            from collector.parties.services import person_named
            from collector.trade import agreements, consents

            consents.give(actor, agreements.named(name), identifier, ore, person_named(login))

        refusable(lambda: in_database(config, _kept(run)))
        click.echo(f"{identifier}: may be sold from {ore} øre", err=True)

    return consent


def _import_sales(config_option: Option, in_database: InDatabase) -> click.Command:
    @click.command("import-sales")
    @config_option
    @click.argument("file", type=FILE)
    @click.option("--seller", required=True, help="The organisation that sold.")
    @click.option("--dry-run", is_flag=True, help="Say what would come of it, and change nothing.")
    @json_option
    def import_sales(config: Path | None, file: Path, seller: str, dry_run: bool, as_json: bool) -> None:
        """Take a CSV file of sales in: sales, refunds, returns, cancelled lines. Exit status 1: rows were rejected."""

        def run(actor: Actor) -> dict[str, Any]:
            from collector.parties.services import named_or_own
            from collector.trade import sales

            house = named_or_own(seller, "")
            return sales.import_file(actor, house, file, dry_run=dry_run).document()

        found = in_database(config, run)
        if as_json:
            click.echo(json.dumps(found))
        _tell_taken(found, dry_run=dry_run)
        sys.exit(1 if found["rejected"] else 0)

    return import_sales


def _settle(config_option: Option, in_database: InDatabase) -> click.Command:
    @click.command()
    @config_option
    @click.argument("name", metavar="AGREEMENT")
    @click.option("--period", required=True, callback=_read_period, help="2026-01 or 2026-Q1.")
    @click.option("--close", "closing", is_flag=True, help="Close it for good: a number, documents, signatures.")
    @click.option("--as", "login", metavar="LOGIN", help="Who closes it: of the seller's finance.")
    @json_option
    def settle(config: Path | None, name: str, period: Period, closing: bool, login: str | None, as_json: bool) -> None:
        """Propose a period's settlement, in place of the proposal before; or close it."""
        if closing and login is None:
            raise click.UsageError("--close needs --as LOGIN: a person of the seller's finance")

        def run(actor: Actor) -> dict[str, Any]:
            from collector.trade import agreements

            one = agreements.named(name)
            return _close(actor, one, period, str(login)) if closing else _propose(actor, one, period)

        found = refusable(lambda: in_database(config, _kept(run)))
        if as_json:
            click.echo(json.dumps(found, ensure_ascii=False))
        _tell_settlement(found)

    return settle


def _settlement(config_option: Option, in_database: InDatabase) -> click.Command:
    @click.command()
    @config_option
    @click.argument("number", type=click.IntRange(1))
    @click.option("--seller", required=True, help="Whose number it is.")
    @click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help=OUT)
    def settlement(config: Path | None, number: int, seller: str, out: Path) -> None:
        """Write a closed settlement's document to a file, as it was made when it was closed."""

        def run(_: Actor) -> int:
            from collector.trade import documents_kept

            return documents_kept.write(seller, number, out)

        click.echo(f"{out}: {in_database(config, run)} bytes", err=True)

    return settlement


def _propose(actor: Actor, agreement: Agreement, period: Period) -> dict[str, Any]:
    """Propose it, or show it as it was closed."""
    from collector.trade import closing, documents_kept

    closed = documents_kept.closed_document(agreement, period)
    return closed if closed is not None else closing.propose(actor, agreement, period).document()


def _close(actor: Actor, agreement: Agreement, period: Period, login: str) -> dict[str, Any]:
    from collector.parties.services import person_named
    from collector.trade import closing, documents_kept

    closing.close(actor, agreement, period, person_named(login))
    found = documents_kept.closed_document(agreement, period)
    assert found is not None
    return found


def _kept(run: Callable[[Actor], T]) -> Callable[[Actor], T | Refusal]:
    """Carry a refusal out as a value: the program ends with 2 for every error of ours, and this one ends with 1."""

    def kept(actor: Actor) -> T | Refusal:
        try:
            return run(actor)
        except (NotSo, DocumentsProblem) as problem:
            return Refusal(problem.line())

    return kept


def refusable(work: Callable[[], T | Refusal]) -> T:
    """Return what came of it. What was refused is one line and exit status 1: the question was right."""
    found = work()
    if isinstance(found, Refusal):
        click.echo(f"benchwipe-collector: {found.line}", err=True)
        sys.exit(1)
    return found


def _tell_agreement(found: dict[str, Any]) -> None:
    click.echo(f"{found['agreement']}: {found['seller']} sells for {found['customer']}, “{found['title']}”", err=True)
    for one in found["versions"]:
        click.echo(f"  from {one['valid_from']}: {one['state']}", err=True)


def _tell_taken(found: dict[str, Any], *, dry_run: bool) -> None:
    click.echo(
        f"{found['rows']} rows: {found['new']} new, {found['changed']} changed, {found['same']} known before, "
        f"{len(found['rejected'])} rejected" + (" (a trial: nothing was changed)" if dry_run else ""),
        err=True,
    )
    for name in ("rejected", "questions"):
        for one in found[name][:SHOWN_PROBLEMS]:
            click.echo(f"  row {one['row']}, {one['column'] or 'the row'}: {one['problem']}", err=True)
        if len(found[name]) > SHOWN_PROBLEMS:
            click.echo(f"  and {len(found[name]) - SHOWN_PROBLEMS} more; --json lists all", err=True)


def _tell_settlement(found: dict[str, Any]) -> None:
    from collector.trade.rules.money import written

    number = "a proposal" if found["number"] is None else f"number {found['number']}"
    click.echo(f"{found['seller']} for {found['customer']}, {found['period']}: {number}, {found['state']}", err=True)
    for name in ("share_ore", "share_vat_ore", "fees_ore", "fees_vat_ore", "payable_ore", "closing_ore"):
        click.echo(f"  {name.removesuffix('_ore').replace('_', ' ')}: {written(found[name])}", err=True)
