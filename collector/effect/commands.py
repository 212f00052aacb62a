"""`benchwipe-collector effect`, `work` and `factors`: what they are asked and answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

if TYPE_CHECKING:
    from collector.parties.services import Actor

Option = Callable[[Any], Any]
InDatabase = Callable[..., Any]


def effect_command(config_option: Option, json_option: Option, in_database: InDatabase) -> click.Command:
    """Make the command `effect`, with the options and the database of its program."""

    @click.command()
    @config_option
    @json_option
    @click.option("--customer", required=True, help="The organisation's name, or one that its certificates have.")
    @click.option("--year", required=True, type=click.IntRange(2000, 2100), help="The year of sale.")
    @click.option("--factors", "version", default="", help="Version of the factor set [default: the newest].")
    @click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="FILE.pdf, .csv or .xlsx.")
    @click.option("--language", type=click.Choice(["da", "en"]), default="da", show_default=True)
    def effect(
        config: Path | None,
        as_json: bool,
        customer: str,
        year: int,
        version: str,
        out: Path | None,
        language: str,
    ) -> None:
        """Tell what a customer's reuse came to in a year: units, calculated avoided emission, jobs and hours."""

        def run(_: object) -> dict[str, Any]:
            from django.utils import translation

            from collector.effect import files, report, services

            made = report.make(services.customer_named(customer), year, version)
            if out is not None:
                files.save(made, out, language)
            with translation.override(language):
                return report.document(made)

        document = in_database(config, run)
        if as_json:
            click.echo(json.dumps(document, ensure_ascii=False))
            return
        units, avoided = document["units"], document["avoided_g"]
        kilograms = ", ".join(f"{end} {avoided[end] / 1000:.1f}" for end in ("low", "mid", "high"))
        sold = f"{units['eu']} units sold for reuse within the EU, {units['outside_eu']} outside"
        click.echo(f"{customer} {year}: {sold}; calculated avoided emission, kg CO2e: {kilograms}", err=True)
        if out is not None:
            click.echo(f"{out}", err=True)

    return effect


def work_command(config_option: Option, in_database: InDatabase) -> click.Command:
    """Make the command `work`, with the option and the database of its program."""

    @click.command()
    @config_option
    @click.option("--customer", required=True)
    @click.option("--year", required=True, type=click.IntRange(2000, 2100))
    @click.option("--organisation", required=True, help="Who did the work.")
    @click.option("--terms", required=True, type=click.Choice(["fleksjob", "loentilskud", "praktik", "ordinary"]))
    @click.option("--persons", required=True, type=click.IntRange(0))
    @click.option("--hours", required=True, type=click.IntRange(0))
    @click.option("--as", "login", required=True, metavar="LOGIN", help="Who says so, for that organisation.")
    def work(
        config: Path | None,
        customer: str,
        year: int,
        organisation: str,
        terms: str,
        persons: int,
        hours: int,
        login: str,
    ) -> None:
        """Enter persons and hours on one kind of terms, for the effect report. Numbers only, never names."""

        def run(actor: Actor) -> None:
            from collector.effect import services
            from collector.parties.services import named_or_own

            house, whose = named_or_own(organisation, ""), services.customer_named(customer)
            services.enter_work_as(actor, login, house, whose, year, terms, persons=persons, hours=hours)

        in_database(config, run)
        click.echo(f"{organisation}, {terms}: {persons} persons, {hours} hours in {year} for {customer}", err=True)

    return work


def factors_group(config_option: Option, json_option: Option, in_database: InDatabase) -> click.Group:
    """Make the group `factors`, with the options and the database of its program."""

    @click.group()
    def factors() -> None:
        """Handle the sets of factors that effect reports are made with."""

    @factors.command("load")
    @config_option
    @click.argument("file", type=click.File("rb"), metavar="FILE.toml")
    def load(config: Path | None, file: BinaryIO) -> None:
        """Keep a set. A version never changes: another document is another version."""

        def run(actor: Actor) -> tuple[str, str]:
            from collector.effect import factors as sets
            from collector.effect import services

            document = file.read(sets.LARGEST + 1)
            found = services.load_factors(actor, document, where=Path(getattr(file, "name", "standard input")).name)
            return found.version, found.sha256

        version, sha256 = in_database(config, run)
        click.echo(f"factor set {version}: SHA-256 {sha256}", err=True)

    @factors.command("list")
    @config_option
    @json_option
    def list_sets(config: Path | None, as_json: bool) -> None:
        """List the sets, the newest first."""

        def run(_: object) -> list[dict[str, str]]:
            from collector.effect import services

            sets = [services.factors(version) for version in services.versions()]
            return [{"version": one.version, "title": one.title, "sha256": one.sha256} for one in sets]

        found = in_database(config, run)
        if as_json:
            click.echo(json.dumps({"factors": found}))
            return
        for one in found:
            click.echo(f"{one['version']}: {one['title']}, SHA-256 {one['sha256']}")

    return factors
