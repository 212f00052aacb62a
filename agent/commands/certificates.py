"""Commands around certificates: certificate, label, key."""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from agent.commands.options import (
    Commands,
    config_option,
    json_option,
    language_option,
    looking_config_option,
    state_option,
    tell,
    text_option,
)
from agent.commands.parameters import PathParameter, SizeParameter

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from agent.certificates.certificate import Certificate
    from agent.commands.work.certificate_files import FileAnswer
    from agent.settings import Settings

FILE = PathParameter(dir_okay=False)
PRINTERS = "zpl, tspl, epl, escpos or brother-ql"


@click.group(cls=Commands)
def certificate() -> None:
    """Show and check certificates."""


@certificate.command()
@click.argument("file", type=FILE)
@json_option
def show(file: Path, as_json: bool) -> None:
    """Show what stands on a certificate. Its signature is not checked: see `certificate verify`.

    Exit status: 0 shown, 1 not a certificate, 2 bad usage.
    """
    from agent.certificates.certificate import read_unverified
    from agent.certificates.compact_file import read_compact
    from agent.commands.work.certificate_files import named
    from agent.views.certificate import certificate_lines

    with named(file):
        compact = read_compact(file)
        found = read_unverified(compact)
        if as_json:
            click.echo(json.dumps(_payload(compact)))
            return
    for line in certificate_lines(found):
        click.echo(line)


@certificate.command("verify")
@click.argument("places", metavar="FILE...", nargs=-1, required=True, type=PathParameter())
@click.option(
    "--key", type=FILE, required=True, metavar="PUBLIC_KEY", help="The station's public key: JWK, JWK set or PEM"
)
@json_option
def verify_files(places: tuple[Path, ...], key: Path, as_json: bool) -> None:
    """Check the signature and claims of certificates: files, and all *.jws of folders. Each is a line.

    Exit status: 0 all genuine (whatever outcome they certify), 1 one is not, 2 one cannot be read, or bad usage.
    """
    from agent.certificates import keys
    from agent.certificates.certificate import verify
    from agent.certificates.compact_file import read_compact
    from agent.commands.work.certificate_files import answer, answers, named, worst

    public = keys.read_public(key)
    if len(places) == 1 and not places[0].is_dir():
        with named(places[0]):
            verify(read_compact(places[0]), public)
        only = answer(places[0], public)
        if as_json:
            click.echo(msgspec.json.encode(only))
        else:
            click.echo(only.line.removeprefix(f"{only.file}: "))
        return
    seen = _tell_each(answers(places, public), as_json)
    raise click.exceptions.Exit(worst(seen))


def _tell_each(found: Iterator[FileAnswer], as_json: bool) -> Counter[bool | None]:
    """Print each as soon as it is known, with --json inside of the one document. Return how many of each kind."""
    seen: Counter[bool | None] = Counter()
    if as_json:
        click.echo('{"certificates":[', nl=False)
    for one in found:
        if as_json:
            click.echo(("," if seen else "").encode() + msgspec.json.encode(one), nl=False)
        else:
            click.echo(one.line)
        seen[one.genuine] += 1
    if as_json:
        click.echo("]}")
    click.echo(f"{seen[True]} genuine, {seen[False]} not genuine, {seen[None]} cannot be read", err=True)
    return seen


@certificate.command()
@click.argument("file", type=FILE)
@click.option("--out", type=FILE, required=True, metavar="OUT.pdf", help="Where the page goes")
@click.option("--key", type=FILE, metavar="PUBLIC_KEY", help="Check the signature first: JWK, JWK set or PEM")
@language_option
@text_option
@json_option
@looking_config_option
def pdf(file: Path, out: Path, key: Path | None, language: str | None, as_json: bool, settings: Settings) -> None:
    """Write a certificate as a page to file, with the signed certificate attached.

    Exit status: 0 written, 1 not a certificate, not genuine, or its claims contradict each other, 2 bad usage.
    """
    from agent.commands.work.certificate_files import named
    from agent.commands.work.pdf import write_page
    from agent.views.certificate import printable

    station = settings.station
    with named(file):
        lines = write_page(
            file, out, key, language=language or station.language, certificate_url=station.certificate_url
        )
    for line in lines:
        click.echo(printable(line), err=True)
    tell({"file": str(out), "said": [printable(line) for line in lines]}, as_json=as_json)


@click.command("command-sheet", short_help="Write the sheet of codes that a scanner needs.")
@click.option("--out", type=FILE, required=True, metavar="SHEET.pdf", help="Where the sheet goes")
@language_option
@json_option
@config_option
def command_sheet(out: Path, language: str | None, as_json: bool, settings: Settings) -> None:
    """Write a PDF (A4) of all codes: YES, NO, UNDO, CANCEL, grades, and this configuration's bays and destinations.

    Exit status: 0 written, 2 bad usage, or a pattern of the configuration that no code can be printed for.
    """
    from agent.pdf.command_sheet import write_command_sheet
    from agent.views.certificate import printable

    line = printable(write_command_sheet(settings, out, language or settings.station.language))
    click.echo(line, err=True)
    tell({"file": str(out), "said": [line]}, as_json=as_json)


@click.command(short_help="Write a certificate's label, or a picture of it.")
@click.argument("file", type=FILE)
@click.option(
    "--printer-language", default="zpl", show_default=True, metavar="NAME", help=f"The printer's language: {PRINTERS}"
)
@click.option("--out", type=FILE, metavar="FILE", help="Where the label goes")
@click.option("--preview", type=FILE, metavar="FILE", help="A PNG of it")
@click.option("--dpi", type=click.Choice(["203", "300"]), default="203", show_default=True)
@click.option("--size", type=SizeParameter(), metavar="WxH", default="57x32", show_default=True, help="Millimetres")
@language_option
@text_option
@click.option("--copy", "copy_number", type=click.IntRange(0, 99), default=0, help="COPY n, for a reprint")
@json_option
@looking_config_option
def label(
    file: Path,
    printer_language: str,
    out: Path | None,
    preview: Path | None,
    dpi: str,
    size: tuple[int, int],
    language: str | None,
    copy_number: int,
    as_json: bool,
    settings: Settings,
) -> None:
    """Write a certificate's label in a printer's language, or a picture of it.

    Exit status: 0 written, 1 not a certificate, or one whose claims contradict each other, 2 bad usage.
    """
    from agent import files
    from agent.certificates.label import Words, preview_png, write_label
    from drivers.printers.languages.label import Media

    if out is None and preview is None:
        raise click.UsageError("name --out FILE, --preview FILE, or both")
    for place in (out, preview):
        if place is not None:
            files.refuse_place(place, made_from=(file,))
    found = _trusted_shape(file)
    media = Media(language=printer_language, width_mm=size[0], height_mm=size[1], dpi=300 if dpi == "300" else 203)
    words: Words = "da" if (language or settings.station.language) == "da" else "en"
    made = [
        (path, make(found, media, language=words, certificate_url=settings.station.certificate_url, copy=copy_number))
        for path, make in ((out, write_label), (preview, preview_png))
        if path is not None
    ]
    for path, data in made:
        files.replace(path, data)
    shown = {name: None if path is None else str(path) for name, path in (("out", out), ("preview", preview))}
    tell({**shown, "printer_language": printer_language, "number": found.record.number}, as_json=as_json)


@click.group(cls=Commands)
def key() -> None:
    """Make or show the station's signing key."""


@key.command()
@click.option("--replace", is_flag=True, help="Begin a new chain with a new key; asks for the station's id or name")
@click.option("--station", metavar="NAME", help="The station's id or name, instead of the question of --replace")
@json_option
@config_option
@state_option
def init(replace: bool, station: str | None, as_json: bool, settings: Settings, state_dir: Path) -> None:
    """Make the signing key, unless there is one, and print its public part as a JWK.

    It is made only where there has never been one. With --replace a new one takes the old one's place, and its first
    certificate names the old one: the collector then asks a person.
    """
    from agent.certificates import keys

    if replace:
        _replace_key(settings, state_dir, station, as_json=as_json)
        return
    if station is not None:
        raise click.UsageError("--station goes with --replace")
    made = keys.make(state_dir)
    public = keys.load(state_dir / keys.FILE_NAME).public_key()
    with contextlib.suppress(OSError):  # the daemon publishes it at its start
        keys.publish(state_dir, public)
    click.echo(f"{'made' if made else 'there was one already'}: {state_dir / keys.FILE_NAME}", err=True)
    if as_json:
        key_facts = {"file": str(state_dir / keys.FILE_NAME), "key": json.loads(keys.jwk_line(public))}
        tell({"made": made, **key_facts, "replaces": None, "kept": None}, as_json=True)
        return
    click.echo(keys.jwk_line(public))


def _replace_key(settings: Settings, state_dir: Path, station: str | None, *, as_json: bool) -> None:
    """A new chain, after the station's name was given."""
    import sys

    from agent.certificates import keys
    from agent.commands.work.terminal import is_terminal
    from agent.jobs.key_change import replace

    about = settings.station
    if station is None:
        if not (is_terminal(sys.stdin) and is_terminal(sys.stderr)):
            raise click.UsageError("nothing was changed: there is no terminal to ask on, say --station NAME")
        click.echo("A new key begins a new chain: every collector must be told of it by a person.", err=True)
        station = click.prompt(f"Type this station's id ({about.id}) to replace its key", err=True)
    if station not in {about.id, about.name} - {""}:
        raise click.UsageError(f"nothing was changed: this station is {about.id}, not {station!r}")
    done = replace(state_dir, about.id, alg=about.signature_alg)
    click.echo(f"made: {state_dir / keys.FILE_NAME}; it replaces key {done.old}", err=True)
    if done.kept is not None:
        click.echo(f"the old key is kept: {done.kept}", err=True)
    click.echo("give this new one to the collector: until it is enrolled there, certificates are put aside", err=True)
    if as_json:
        facts = {"made": True, "file": str(state_dir / keys.FILE_NAME), "key": json.loads(keys.jwk_line(done.new))}
        tell({**facts, "replaces": done.old, "kept": str(done.kept) if done.kept else None}, as_json=True)
        return
    click.echo(keys.jwk_line(done.new))


@key.command("show")
@json_option
@looking_config_option
@state_option
def show_key(as_json: bool, settings: Settings, state_dir: Path) -> None:
    """Print the public key as a JWK, for the collector's enrolment and for whoever checks certificates.

    A JWK is a JSON document: --json changes nothing.
    """
    from agent.certificates import keys

    click.echo(keys.jwk_line(_public_key(state_dir)))


def _public_key(state_dir: Path) -> Ed25519PublicKey:
    """The key's own public half, or what is published of it for those who may not read the key."""
    from agent.certificates import keys

    if os.access(state_dir, os.R_OK | os.X_OK) or not state_dir.exists():
        return keys.load(state_dir / keys.FILE_NAME).public_key()
    return keys.published(state_dir)


def _payload(compact: bytes) -> object:
    """The payload with every field, those of a later version too."""
    from agent.certificates.certificate import payload_bytes
    from agent.errors import CertificateProblem

    try:
        return json.loads(payload_bytes(compact))
    except (ValueError, RecursionError) as error:  # in a field that this version does not know, and has not read
        raise CertificateProblem(problem=f"its payload is not JSON: {error}") from None


def _trusted_shape(file: Path) -> Certificate:
    """A label claims what the certificate claims: one whose claims contradict each other gets none."""
    from agent.certificates.certificate import read_unverified, refuse_empty_claims
    from agent.certificates.compact_file import read_compact
    from agent.commands.work.certificate_files import named

    with named(file):
        found = read_unverified(read_compact(file))
        refuse_empty_claims(found.record)
    return found
