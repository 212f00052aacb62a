"""`benchwipe-collector import-register | lot | receive | count | reconcile`: what they are asked and answer."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collector.parties.services import Actor

Option = Callable[[Any], Any]
InDatabase = Callable[[Path | None, Callable[["Actor"], Any]], Any]
FILE = click.Path(path_type=Path, dir_okay=False)
SHOWN_REJECTED = 50

customer_option = click.option("--customer", required=True, metavar="C", help="The organisation's name.")
as_option = click.option("--as", "login", required=True, metavar="LOGIN", help="Who says so.")


def commands(config_option: Option, json_option: Option, in_database: InDatabase) -> list[click.Command]:
    """Make the commands, with the options and the database of their program."""
    return [
        _import_register(config_option, json_option, in_database),
        _lot(config_option, in_database),
        _receive(config_option, json_option, in_database),
        _count(config_option, in_database),
        _reconcile(config_option, json_option, in_database),
    ]


def _import_register(config_option: Option, json_option: Option, in_database: InDatabase) -> click.Command:
    @click.command("import-register")
    @config_option
    @click.argument("file", type=FILE)
    @customer_option
    @click.option("--lot", default="", metavar="L", help="The lot in which these units are announced.")
    @click.option("--mapping", "mapping", type=FILE, help='Which columns are which: serial = "Løbenr."')
    @click.option("--dry-run", is_flag=True, help="Say what would become of it, and change nothing.")
    @json_option
    def run(
        config: Path | None, file: Path, customer: str, lot: str, mapping: Path | None, *, dry_run: bool, as_json: bool
    ) -> None:
        """Take in a customer's register of devices: CSV or XLSX of Intune, Snipe-IT, GLPI, or with Danish headings."""

        def work(actor: Actor) -> Any:  # noqa: ANN401
            from collector.units import linking, reading, register_mapping, registering, store

            told = None if mapping is None else register_mapping.read_mapping(mapping)
            data, owner = reading.read_file(file), store.customer_named(customer)
            done = registering.import_register(actor, owner, data, file.name, lot=lot, mapping=told, dry_run=dry_run)
            if not dry_run:
                linking.follow_all()
            return done

        done = in_database(config, work)
        document = done.document()
        if as_json:
            click.echo(json.dumps(document, ensure_ascii=False))
        _tell_import(file, document, dry_run=dry_run)
        sys.exit(1 if done.rejected else 0)

    return run


def _tell_import(file: Path, told: Mapping[str, Any], *, dry_run: bool) -> None:
    begin = "would be " if dry_run else ""
    click.echo(
        f"{file.name}: {told['rows']} rows; {begin}new {told['new']}, changed {told['changed']}, same {told['same']}, "
        f"rejected {len(told['rejected'])}" + ("; taken in before, nothing was changed" if told["repeated"] else ""),
        err=True,
    )
    for name, headings in (("columns of persons", "persons"), ("columns that nobody knows", "unknown")):
        if told["dropped"][headings]:
            click.echo(f"not kept, {name}: {', '.join(told['dropped'][headings])}", err=True)
    for line in told["warnings"]:
        click.echo(line, err=True)
    _tell_rejected(told["rejected"])


def _tell_rejected(rejected: list[Mapping[str, Any]]) -> None:
    for one in rejected[:SHOWN_REJECTED]:
        column = f", {one['column']}" if one["column"] else ""
        click.echo(f"row {one['row']}{column}: {one['problem']}", err=True)
    if len(rejected) > SHOWN_REJECTED:
        click.echo(f".. and {len(rejected) - SHOWN_REJECTED} more: --json lists them all", err=True)


def _lot(config_option: Option, in_database: InDatabase) -> click.Group:
    @click.group()
    def lot() -> None:
        """Handle lots: what a customer hands over together."""

    @lot.command("open")
    @config_option
    @click.argument("code", metavar="LOT")
    @customer_option
    @click.option("--reference", default="", help="The customer's own word for it.")
    @as_option
    def open_(config: Path | None, code: str, customer: str, reference: str, login: str) -> None:
        """Open a lot."""

        def work(actor: Actor) -> None:
            from collector.statements.services import as_login
            from collector.units import lots, store

            owner = store.customer_named(customer)
            lots.open_lot(as_login(actor, login), owner, code, reference=reference)

        in_database(config, work)
        click.echo(f"{code} is open.", err=True)

    @lot.command()
    @config_option
    @click.argument("code", metavar="LOT")
    @customer_option
    @as_option
    def close(config: Path | None, code: str, customer: str, login: str) -> None:
        """Close a lot: what it expected, and nobody received, is missing from now on."""

        def work(actor: Actor) -> int:
            from collector.statements.services import as_login
            from collector.units import linking, lots, store
            from collector.units.models import Unit

            linking.follow_all()
            found = lots.lot_named(store.customer_named(customer), code)
            lots.close_lot(as_login(actor, login), found)
            return Unit.unfiltered.filter(expected_in=found, headline="missing").count()

        click.echo(f"{code} is closed; {in_database(config, work)} missing.", err=True)

    return lot


def _receive(config_option: Option, json_option: Option, in_database: InDatabase) -> click.Command:
    @click.command()
    @config_option
    @click.argument("file", type=FILE)
    @customer_option
    @click.option("--lot", "code", required=True, metavar="L")
    @json_option
    def receive(config: Path | None, file: Path, customer: str, code: str, *, as_json: bool) -> None:
        """Receive the units of a list: serial,asset_tag,imei,kind,drives."""

        def work(actor: Actor) -> dict[str, Any]:
            from collector.units import linking, lots, receive_file, store

            owner = store.customer_named(customer)
            done = receive_file.receive_file(actor, lots.lot_named(owner, code), file)
            linking.follow_all()
            return done

        told = in_database(config, work)
        if as_json:
            click.echo(json.dumps(told, ensure_ascii=False))
        counts = ", ".join(f"{name} {told[name]}" for name in ("received", "again", "unexpected", "conflict"))
        click.echo(f"{file.name}: {told['rows']} rows; {counts}, rejected {len(told['rejected'])}", err=True)
        _tell_rejected(told["rejected"])
        sys.exit(1 if told["rejected"] else 0)

    return receive


def _count(config_option: Option, in_database: InDatabase) -> click.Command:
    @click.command()
    @config_option
    @click.argument("identifier")
    @click.argument("number", type=click.IntRange(0, 99), metavar="N")
    @click.option("--customer", metavar="C", help="Where several customers have a unit of that number.")
    @click.option("--reason", default="")
    @as_option
    def count(config: Path | None, identifier: str, number: int, customer: str | None, reason: str, login: str) -> None:
        """Say how many drives a unit holds; 0: there is no storage in it."""

        def work(actor: Actor) -> str:
            from collector.statements.services import as_login
            from collector.units import changing, linking, store
            from collector.units.models import Unit

            linking.follow_all()
            owner = None if customer is None else store.customer_named(customer)
            unit = changing.unit_named(identifier, owner)
            changing.count(as_login(actor, login), unit, number, reason)
            return str(Unit.unfiltered.get(pk=unit.pk).headline)

        click.echo(f"{identifier}: {number} drive(s); {in_database(config, work)}", err=True)

    return count


def _reconcile(config_option: Option, json_option: Option, in_database: InDatabase) -> click.Command:
    @click.command()
    @config_option
    @customer_option
    @click.option("--lot", "code", metavar="L")
    @click.option("--out", type=FILE, help="FILE.csv or FILE.xlsx, in the register's own columns.")
    @click.option("--language", type=click.Choice(["da", "en"]), default="da", show_default=True)
    @json_option
    def reconcile(
        config: Path | None, customer: str, code: str | None, out: Path | None, language: str, *, as_json: bool
    ) -> None:
        """Report a customer's units against its register: each with its status and why, and counts that add up."""

        def work(_: Actor) -> tuple[Any, int]:
            from collector.units import linking, lots, reconcile_file, reconciling, store

            linking.follow_all()
            owner = store.customer_named(customer)
            lot = None if code is None else lots.lot_named(owner, code)
            if out is not None:
                return None, reconcile_file.write(owner, lot, out, language)
            return reconciling.reconcile(owner, lot), 0

        report, rows = in_database(config, work)
        if report is None:
            click.echo(f"{out}: {rows} units", err=True)
            return
        if as_json:
            click.echo(json.dumps(report.document(), ensure_ascii=False))
        for status, n in report.counts.items():
            if n:
                click.echo(f"{status}: {n}", err=True)
        for line in report.problems:
            click.echo(f"does NOT add up: {line}", err=True)
        sys.exit(1 if report.problems else 0)

    return reconcile
