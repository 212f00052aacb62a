"""`benchwipe-collector audit`: what it is asked and answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collector.audit.invariants import Looked


def audit_command(
    config_option: Callable[[Any], Any], json_option: Callable[[Any], Any], only_looking: Callable[..., Any]
) -> click.Command:
    """Make the command, with the options of its program and its database, which is not touched."""

    @click.command()
    @config_option
    @json_option
    def audit(config: Path | None, as_json: bool) -> None:
        """Look whether the books hold: every invariant named. Exit 1 where one does not; nothing is changed."""

        def run() -> list[Looked]:
            from collector.audit import invariants

            return invariants.audit()

        looked: list[Looked] = only_looking(config, run)
        if as_json:
            told = [{"name": o.name, "says": o.says, "holds": o.holds, "found": list(o.found), "more": o.more}
                    for o in looked]  # fmt: skip
            click.echo(json.dumps({"holds": all(one.holds for one in looked), "invariants": told}, ensure_ascii=False))
        for one in looked:
            click.echo(f"{one.name}: {'holds' if one.holds else 'DOES NOT HOLD'}: {one.says}", err=True)
            for line in one.found:
                click.echo(f"  {line}", err=True)
            if one.more:
                click.echo(f"  and {one.more} more", err=True)
        sys.exit(0 if all(one.holds for one in looked) else 1)

    return audit
