"""`benchwipe-collector report`: what it is asked and answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import click

DAY = click.DateTime(["%Y-%m-%d"])


def report_command(config_option: Callable[[Any], Any], in_database: Callable[..., int]) -> click.Command:
    """Make the command, with the option and the database of its program."""

    @click.command()
    @config_option
    @click.option("--customer", required=True, help="The organisation's name, or one that its certificates have.")
    @click.option("--from", "first", required=True, type=DAY, help="The first day.")
    @click.option("--to", "last", required=True, type=DAY, help="The last day.")
    @click.option(
        "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="FILE.pdf, .csv or .zip."
    )
    @click.option("--language", type=click.Choice(["da", "en"]), default="da", show_default=True)
    def report(
        config: Path | None, customer: str, first: datetime, last: datetime, out: Path, language: Literal["da", "en"]
    ) -> None:
        """Write a customer's certificates to a file: a list as PDF or CSV, or a ZIP of PDFs and JWS."""

        def run(actor: Any) -> int:  # noqa: ANN401 - parties.services.Actor, once Django runs
            from collector.certificates import report as reports

            return reports.report(actor, customer, first.date(), last.date(), out, language)

        click.echo(f"{out}: {in_database(config, run)} certificates", err=True)

    return report
