"""`benchwipe-collector destroy` and `grade`: what they are asked and answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collector.parties.services import Actor
    from collector.statements.models import SignedStatement

_as = click.option("--as", "login", required=True, metavar="LOGIN", help="The person who says so.")
_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")


def destroy_command(config_option: Callable[[Any], Any], in_database: Callable[..., Any]) -> click.Command:
    """Make the command, with the option and the database of its program."""

    @click.command()
    @config_option
    @click.argument("identifiers", nargs=-1, required=True, metavar="IDENTIFIER..")
    @click.option("--method", required=True, help="shred, disintegrate, pulverize, incinerate or melt.")
    @click.option("--particle-mm", default="", help="How large the largest particles are.")
    @click.option("--batch", required=True, help="By which the recycler knows it.")
    @click.option("--recycler", required=True, help="Who did it.")
    @click.option("--equipment", default="")
    @click.option("--weight-g", type=int)
    @click.option("--seal", default="", help="Container or seal.")
    @click.option("--waste-code", default="")
    @click.option("--witness", default="")
    @_as
    @_json
    def destroy(
        config: Path | None,
        identifiers: tuple[str, ...],
        login: str,
        *,
        as_json: bool,
        **how: Any,  # noqa: ANN401
    ) -> None:
        """Say that drives or units were destroyed: by their number, or a certificate's. All of them, or none."""

        def run(actor: Actor) -> list[dict[str, Any]]:
            from collector.statements.services import as_login
            from collector.units import destroying

            return listed(destroying.destroy(as_login(actor, login), identifiers, destroying.How(**how)))

        tell(in_database(config, run), as_json=as_json)

    return destroy


def grade_command(config_option: Callable[[Any], Any], in_database: Callable[..., Any]) -> click.Command:
    """Make the command, with the option and the database of its program."""

    @click.command()
    @config_option
    @click.argument("identifier")
    @click.argument("grade")
    @click.option("--fault", "faults", multiple=True, help="What is wrong with it; may be given several times.")
    @_as
    @_json
    def grade_(
        config: Path | None, identifier: str, grade: str, faults: tuple[str, ...], login: str, *, as_json: bool
    ) -> None:
        """Give a unit its grade: A, B, C. The newest counts."""

        def run(actor: Actor) -> list[dict[str, Any]]:
            from collector.statements.services import as_login
            from collector.units import changing, grading

            said = grading.grade(as_login(actor, login), changing.unit_named(identifier), grade, faults)
            return listed([said])

        tell(in_database(config, run), as_json=as_json)

    grade_.name = "grade"
    return grade_


def listed(rows: Iterable[SignedStatement]) -> list[dict[str, Any]]:
    """List statements, for a document."""
    return [{"sha256": row.sha256, "kind": row.kind, "word": row.word} for row in rows]


def tell(found: list[dict[str, Any]], *, as_json: bool) -> None:
    """Say which statements were made."""
    if as_json:
        click.echo(json.dumps({"statements": found}))
    for one in found:
        click.echo(f"{one['kind']}, {one['word']}: statement {one['sha256']}", err=True)
