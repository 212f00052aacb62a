"""`benchwipe-collector statement`: what it is asked and answers. Needs no database, and no network."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

import click

from agent.certificates.jws import thumbprint
from agent.errors import CertificateProblem
from collector.errors import CollectorError
from collector.text import visible

if TYPE_CHECKING:
    from collector.settings import Configuration
    from collector.statements.rules import Keys, Verified

_END = re.compile(rb"\r?\n\Z")


def statement_group(config_option: Callable[[Any], Any], load: Callable[[Path | None], Configuration]) -> click.Group:
    """Make the commands, with the option and the configuration of their program."""

    @click.group()
    def statement() -> None:
        """Handle statements: validations, samples, destructions, custody, settlements, receipts."""

    @statement.command()
    @config_option
    @click.argument("file", type=click.File("rb"), metavar="FILE.jws")
    @click.option("--key", "key", type=click.File("rb"), help="A JWK or JWK set, as /keys.jwks gives it.")
    @click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
    def verify(config: Path | None, file: BinaryIO, key: BinaryIO | None, *, as_json: bool) -> None:
        """Verify a statement of any kind, offline: with the key in --key, else with this collector's own keys."""
        from collector.statements import rules

        keys = _own(load(config)) if key is None else _read_keys(key)
        compact = _compact(file.read(rules.LARGEST + 1))
        try:
            told = rules.verify(compact, keys)
        except CertificateProblem as problem:
            why = visible(str(problem.fields["problem"]))
            if as_json:
                click.echo(json.dumps({"holds": False, "sha256": rules.sha256(compact), "problem": why}))
            click.echo(f"does NOT hold: {why}", err=True)
            sys.exit(1)
        _tell(told, as_json=as_json)

    return statement


def _tell(told: Verified, *, as_json: bool) -> None:
    if as_json:
        facts = {"holds": True, "kind": told.kind, "typ": told.typ, "key_id": told.key_id, "sha256": told.sha256}
        click.echo(json.dumps({**facts, "previous_sha256": told.previous or None, "payload": told.payload}))
        return
    click.echo(f"holds: {told.kind}, signed with key {told.key_id}", err=True)
    for line in json.dumps(told.payload, ensure_ascii=False, indent=2).splitlines():
        click.echo(visible(line))


def _compact(data: bytes) -> bytes:
    """A receipt comes as its JSON document too: then what is signed in it counts."""
    found = _END.sub(b"", data)
    if found.startswith(b"{"):
        try:
            signed = json.loads(found).get("sig")
        except (ValueError, AttributeError, RecursionError):
            return found
        return signed.encode() if isinstance(signed, str) else found
    return found


def _own(configuration: Configuration) -> Keys:
    """The collector's keys that are there. None is made: whoever only checks leaves no trace."""
    from collector.intake import signing

    try:
        own = [
            signing.load_or_make(configuration.keys_dir, use).public_key()
            for use in signing.USES
            if (configuration.keys_dir / f"{use}.key").exists()
        ]
    except CollectorError as error:
        _fail(error.line())
    if not own:
        _fail(f"there is no key in {configuration.keys_dir}: give one with --key (the collector's /keys.jwks)")
    return {thumbprint(key): key for key in own}


def _read_keys(key: BinaryIO) -> Keys:
    from collector.intake import keys as documents

    try:
        return documents.parse_keys(key.read(documents.LARGEST + 1), where=getattr(key, "name", "standard input"))
    except CollectorError as error:
        _fail(error.line())


def _fail(line: str) -> NoReturn:
    click.echo(f"benchwipe-collector: {line}", err=True)
    sys.exit(2)
