"""Commands around the ledger: check, adopt."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.commands.options import NOT_TRUE, Commands, config_option, json_option, log_to_stderr, state_option, tell

if TYPE_CHECKING:
    from agent.jobs.chain import Judgement
    from agent.jobs.ledger import Ledger
    from agent.settings import Settings


@click.group(cls=Commands)
def ledger() -> None:
    """Compare the ledger's rows with the certificate files."""


@ledger.command()
@json_option
@config_option
@state_option
def check(as_json: bool, settings: Settings, state_dir: Path) -> None:
    """Hold every row of the ledger against every certificate file. Nothing is changed.

    Exit status: 0 they tell one story, 1 they do not, 2 there is no ledger, or it cannot be read.
    """
    from agent.certificates import keys
    from agent.errors import KeyProblem, LedgerProblem
    from agent.jobs.ledger import Ledger
    from agent.jobs.reconcile import Reconciler

    if not (state_dir / "ledger.sqlite3").exists():
        raise LedgerProblem(path=state_dir, problem="there is no ledger")
    key = None
    with contextlib.suppress(KeyProblem):
        key = keys.load(state_dir / keys.FILE_NAME).public_key()
    with contextlib.closing(Ledger(state_dir)) as book:
        found = Reconciler(book, key).look(newest=None)
        told = _told(book, found)
    if as_json:
        click.echo(json.dumps(told))
    else:
        for line in _lines(told):
            click.echo(line, err=True)
    raise click.exceptions.Exit(NOT_TRUE if found.conflicts else 0)


@ledger.command()
@click.option("--yes", is_flag=True, help="Do not ask. Without it, this shows what it will do and asks on a terminal")
@json_option
@config_option
@state_option
def adopt(yes: bool, as_json: bool, settings: Settings, state_dir: Path) -> None:
    """Mend a ledger that contradicts the certificate files, on your word. Nothing is deleted.

    Exit status: 0 mended, or there was nothing to mend, 2 not: nothing was changed.
    """
    from agent.commands.work.terminal import is_terminal
    from agent.errors import LedgerProblem
    from agent.jobs.adopt import carry_out, rehearse
    from agent.jobs.registrar import Registrar
    from agent.views.certificate import printable

    if not state_dir.is_dir():
        raise LedgerProblem(path=state_dir, problem="there is no such folder")
    log_to_stderr(quiet=True)
    with contextlib.closing(Registrar(settings, state_dir)) as registrar:
        lines = rehearse(registrar)
        if not lines:
            click.echo("there is nothing to mend", err=True)
            tell({"mended": []}, as_json=as_json)
            return
        for line in lines:
            click.echo(printable(f"to do: {line}"), err=True)
        if not yes:
            if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
                raise click.UsageError("nothing was changed: there is no terminal to ask on, say --yes")
            click.echo("Make a copy of the folder first. Type YES to do this: ", err=True, nl=False)
            if sys.stdin.readline().strip() != "YES":
                raise click.UsageError("nothing was changed: the answer was not YES")
        carry_out(registrar, lines)
    click.echo("done", err=True)
    tell({"mended": [printable(line) for line in lines]}, as_json=as_json)


def _told(book: Ledger, found: Judgement) -> dict[str, object]:
    position, rows = book.chain.position(), book.chain.certificates()
    return {
        "agree": not found.conflicts,
        "certificates": len(rows),
        "newest": rows[-1].number if rows else None,
        "next": position.sequence,
        "conflicts": [
            {"kind": c.kind, "certificate": c.name if c.kind != "hole" else None, "problem": c.problem}
            for c in found.conflicts
        ],
        "unrecorded": list(found.strays),
        "gaps": [{"first": gap.first, "last": gap.last} for gap in book.chain.gaps()],
        "settled": [{"kind": kind, "certificate": name} for kind, name in sorted(book.chain.settled_conflicts())],
    }


def _lines(told: dict[str, object]) -> list[str]:
    """For a person: each conflict a line, then what is known."""
    from agent.views.certificate import printable

    lines = []
    for name, word in (("conflicts", "contradiction"), ("gaps", "known"), ("settled", "known")):
        rows = told[name]
        assert isinstance(rows, list)
        for row in rows:
            if name == "gaps":
                text = f"numbers {row['first']} to {row['last']} are missing"
            else:
                text = row.get("problem") or f"{row['kind']}: {row['certificate']}"
            lines.append(printable(f"{word}: {text}"))
    unrecorded = told["unrecorded"]
    assert isinstance(unrecorded, list)
    lines += [f"not recorded yet, and it will be: {name}.jws" for name in unrecorded]
    end = "ledger and files tell one story" if told["agree"] else "see `benchwipe ledger adopt`"
    lines.append(f"{told['certificates']} certificates, the next number is {told['next']}; {end}")
    return lines
