"""Commands around certificates: certificate, label, key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.commands.options import Commands, config_option, json_option, state_option
from agent.commands.parameters import PathParameter, SizeParameter

if TYPE_CHECKING:
    from agent.certificates.certificate import Certificate
    from agent.settings import Settings

FILE = PathParameter(dir_okay=False)


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
    from agent.views.certificate import certificate_lines

    compact = read_compact(file)
    found = read_unverified(compact)
    if as_json:
        click.echo(json.dumps(_payload(compact)))
        return
    for line in certificate_lines(found):
        click.echo(line)


@certificate.command("verify")
@click.argument("file", type=FILE)
@click.option(
    "--key", type=FILE, required=True, metavar="PUBLIC_KEY", help="The station's public key: JWK, JWK set or PEM"
)
@json_option
def verify_file(file: Path, key: Path, as_json: bool) -> None:
    """Check a certificate's signature and claims.

    Exit status: 0 genuine (whatever outcome it certifies), 1 not genuine, 2 bad usage.
    """
    from agent.certificates import keys
    from agent.certificates.certificate import claim_of, verify
    from agent.certificates.compact_file import read_compact
    from agent.views.certificate import claim_words, printable

    found = verify(read_compact(file), keys.read_public(key))
    record = found.record
    if as_json:
        told = {"genuine": True, "certificate_id": found.id, "key_id": found.key_id, "number": record.number}
        facts = {"outcome": record.outcome, "claim": claim_of(record), "attested": record.attestation is not None}
        click.echo(json.dumps({**told, **facts}))
        return
    serial = record.drive.serial or record.drive.wwn or "without serial"
    claim = claim_words(claim_of(record))
    click.echo(printable(f"genuine: {record.number} {claim}, drive {serial}, signed by key {found.key_id}"))


@certificate.command()
@click.argument("file", type=FILE)
@click.option("--out", type=FILE, required=True, metavar="OUT.pdf", help="Where the page goes")
@click.option("--key", type=FILE, metavar="PUBLIC_KEY", help="Check the signature first: JWK, JWK set or PEM")
@click.option("--text", type=click.Choice(["da", "en"]), help="Language of its words [default: the station's]")
@config_option
def pdf(file: Path, out: Path, key: Path | None, text: str | None, settings: Settings) -> None:
    """Write a certificate as a page to file, with the signed certificate attached.

    Exit status: 0 written, 1 not a certificate, not genuine, or its claims contradict each other, 2 bad usage.
    """
    from agent.commands.work.pdf import write_page
    from agent.views.certificate import printable

    station = settings.station
    language = text or station.language
    for line in write_page(file, out, key, language=language, certificate_url=station.certificate_url):
        click.echo(printable(line), err=True)


@click.command("command-sheet", short_help="Write the sheet of codes that a scanner needs.")
@click.option("--out", type=FILE, required=True, metavar="SHEET.pdf", help="Where the sheet goes")
@click.option("--language", type=click.Choice(["da", "en"]), help="Language of its words [default: the station's]")
@config_option
def command_sheet(out: Path, language: str | None, settings: Settings) -> None:
    """Write a PDF (A4) of all codes: YES, NO, UNDO, CANCEL, grades, and this configuration's bays and destinations.

    Exit status: 0 written, 2 bad usage, or a pattern of the configuration that no code can be printed for.
    """
    from agent.pdf.command_sheet import write_command_sheet
    from agent.views.certificate import printable

    click.echo(printable(write_command_sheet(settings, out, language or settings.station.language)), err=True)


@click.command(short_help="Write a certificate's label, or a picture of it.")
@click.argument("file", type=FILE)
@click.option("--language", default="zpl", show_default=True, metavar="NAME", help="The printer's language")
@click.option("--out", type=FILE, metavar="FILE", help="Where the label goes")
@click.option("--preview", type=FILE, metavar="FILE", help="A PNG of it")
@click.option("--dpi", type=click.Choice(["203", "300"]), default="203", show_default=True)
@click.option("--size", type=SizeParameter(), metavar="WxH", default="57x32", show_default=True, help="Millimetres")
@click.option("--text", type=click.Choice(["da", "en"]), help="Language of its words [default: the station's]")
@click.option("--copy", "copy_number", type=click.IntRange(0, 99), default=0, help="COPY n, for a reprint")
@config_option
def label(
    file: Path,
    language: str,
    out: Path | None,
    preview: Path | None,
    dpi: str,
    size: tuple[int, int],
    text: str | None,
    copy_number: int,
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
    media = Media(language=language, width_mm=size[0], height_mm=size[1], dpi=300 if dpi == "300" else 203)
    words: Words = "da" if (text or settings.station.language) == "da" else "en"
    made = [
        (path, make(found, media, language=words, certificate_url=settings.station.certificate_url, copy=copy_number))
        for path, make in ((out, write_label), (preview, preview_png))
        if path is not None
    ]
    for path, data in made:
        files.replace(path, data)


@click.group(cls=Commands)
def key() -> None:
    """Make or show the station's signing key."""


@key.command()
@click.option("--replace", is_flag=True, help="Begin a new chain with a new key; asks for the station's id or name")
@click.option("--station", metavar="NAME", help="The station's id or name, instead of the question of --replace")
@config_option
@state_option
def init(replace: bool, station: str | None, settings: Settings, state_dir: Path) -> None:
    """Make the signing key, unless there is one, and print its public part as a JWK.

    It is made only where there has never been one. With --replace a new one takes the old one's place, and its first
    certificate names the old one: the collector then asks a person.
    """
    from agent.certificates import keys

    if replace:
        _replace_key(settings, state_dir, station)
        return
    if station is not None:
        raise click.UsageError("--station goes with --replace")
    made = keys.make(state_dir)
    public = keys.load(state_dir / keys.FILE_NAME).public_key()
    click.echo(f"{'made' if made else 'there was one already'}: {state_dir / keys.FILE_NAME}", err=True)
    click.echo(keys.jwk_line(public))


def _replace_key(settings: Settings, state_dir: Path, station: str | None) -> None:
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
    click.echo(keys.jwk_line(done.new))


@key.command("show")
@config_option
@state_option
def show_key(settings: Settings, state_dir: Path) -> None:
    """Print the public key as a JWK, for the collector's enrolment and for whoever checks certificates."""
    from agent.certificates import keys

    click.echo(keys.jwk_line(keys.load(state_dir / keys.FILE_NAME).public_key()))


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

    found = read_unverified(read_compact(file))
    refuse_empty_claims(found.record)
    return found
