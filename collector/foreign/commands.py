"""`benchwipe-collector import-foreign`: what it is asked and answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collector.parties.services import Actor


def import_foreign_command(config_option: Callable[[Any], Any], in_database: Callable[..., Any]) -> click.Command:
    """Make the command, with the option and the database of its program."""

    @click.command("import-foreign")
    @config_option
    @click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
    @click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
    def import_foreign(config: Path | None, file: Path, *, as_json: bool) -> None:
        """Keep what another program says that it erased: nwipe's log, ShredOS's JSON, Blancco's XML.

        Its outcome is `foreign`, never erased: nothing of it was measured here, and it makes no unit erased.
        """

        def run(actor: Actor) -> dict[str, Any]:
            from collector.foreign import services

            taken = services.import_file(actor, file)
            return {
                "tool": taken.file.tool,
                "sha256": taken.file.sha256,
                "new": taken.new,
                "records": [
                    {
                        "outcome": "foreign", "model": row.model, "serial": row.serial, "said": row.said,
                        "method": row.method, "finished": row.finished,
                    }
                    for row in taken.records
                ],
            }  # fmt: skip

        told = in_database(config, run)
        if as_json:
            click.echo(json.dumps(told, ensure_ascii=False))
        again = "" if told["new"] else "; it was taken in before, nothing was changed"
        click.echo(f"{file.name}: {told['tool']}, {len(told['records'])} drives, all foreign{again}", err=True)

    return import_foreign
