"""`benchwipe-collector validate`: what it is asked and answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collector.certificates.statements_validation import Decision
    from collector.parties.services import Actor

_ID = re.compile(r"[0-9A-Fa-f]{64}")


def validate_command(config_option: Callable[[Any], Any], in_database: Callable[..., Any]) -> click.Command:
    """Make the command, with the option and the database of its program."""

    @click.command()
    @config_option
    @click.argument("certificates", nargs=-1, metavar="CERTIFICATE..")
    @click.option("--accept", is_flag=False, flag_value="", metavar="[TEXT]", help="They are accepted.")
    @click.option("--reject", metavar="TEXT", help="They are not; why.")
    @click.option("--as", "login", required=True, metavar="LOGIN", help="The validator who says so.")
    @click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
    def validate(
        config: Path | None,
        certificates: tuple[str, ...],
        accept: str | None,
        reject: str | None,
        login: str,
        *,
        as_json: bool,
    ) -> None:
        """Accept or reject certificates, named by id or number, as a person: all of them, or none."""
        if (accept is None) == (reject is None):
            raise click.UsageError("say either --accept or --reject TEXT")
        names = list(certificates)
        if accept and _ID.fullmatch(accept):  # `--accept ID`: what followed was a certificate, and no remark
            names, accept = [*names, accept], ""
        if not names:
            raise click.UsageError("name at least one certificate, by id or number")
        decision: Decision = "rejected" if accept is None else "accepted"

        def run(actor: Actor) -> list[dict[str, Any]]:
            from collector.certificates import statements_validation
            from collector.statements.services import as_login

            said = statements_validation.validate(as_login(actor, login), names, decision, reject or accept or "")
            return [{"sha256": row.sha256, "kind": row.kind, "word": row.word} for row in said]

        found = in_database(config, run)
        if as_json:
            click.echo(json.dumps({"statements": found}))
        for one in found:
            click.echo(f"{one['word']}: statement {one['sha256']}", err=True)

    return validate
