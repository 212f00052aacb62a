"""Commands around certificates: certificate, label, key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli import config_option, json_option, state_option
from agent.settings import Settings

if TYPE_CHECKING:
    from agent.certificate import Certificate

existing_file = click.Path(path_type=Path, dir_okay=False)


def register(group: click.Group) -> None:
    """Add this file's commands."""
    for command in (certificate, label, key):
        group.add_command(command)


@click.group()
def certificate() -> None:
    """Show and check certificates."""


@certificate.command()
@click.argument("file", type=existing_file)
@json_option
def show(file: Path, as_json: bool) -> None:
    """What stands on a certificate. Its signature is not checked: see `certificate verify`."""
    from agent.certificate import read_unverified
    from agent.show import certificate_lines

    found = read_unverified(_compact(file))
    if as_json:
        click.echo(json.dumps(_payload(_compact(file)), ensure_ascii=False))
        return
    for line in certificate_lines(found):
        click.echo(line)


@certificate.command("verify")
@click.argument("file", type=existing_file)
@click.option("--key", type=existing_file, required=True, help="The station's public key: JWK, JWK set or PEM")
def verify_file(file: Path, key: Path) -> None:
    """Check signature and claims. Exit status: 0 genuine, 1 not, 2 bad usage."""
    from agent import keys
    from agent.certificate import verify

    found = verify(_compact(file), keys.read_public(key))
    record = found.record
    click.echo(f"genuine: {record.number} {record.outcome}, drive {record.drive.serial}, signed by key {found.key_id}")


@click.command()
@click.argument("file", type=existing_file)
@click.option("--language", default="zpl", show_default=True, help="The printer's language")
@click.option("--out", type=existing_file, help="Where the label goes")
@click.option("--preview", type=existing_file, help="A PNG of it")
@click.option("--dpi", type=click.Choice(["203", "300"]), default="203", show_default=True)
@click.option("--size", metavar="WxH", default="57x32", show_default=True, help="Millimetres")
@click.option("--text", type=click.Choice(["da", "en"]), help="Language of its words [default: the station's]")
@click.option("--copy", "copy_number", type=click.IntRange(0, 99), default=0, help="COPY n, for a reprint")
@config_option
def label(
    file: Path,
    language: str,
    out: Path | None,
    preview: Path | None,
    dpi: str,
    size: str,
    text: str | None,
    copy_number: int,
    settings: Settings,
) -> None:
    """Write a certificate's label in a printer's language, or a picture of it."""
    from agent import files
    from agent.label import Words, preview_png, write_label
    from drivers.printers.languages.label import Media

    if out is None and preview is None:
        raise click.UsageError("name --out FILE, --preview FILE, or both")
    found = _trusted_shape(file)
    width, height = _millimetres(size)
    media = Media(language=language, width_mm=width, height_mm=height, dpi=300 if dpi == "300" else 203)
    url = settings.station.certificate_url
    words: Words = "da" if (text or settings.station.language) == "da" else "en"
    if out is not None:
        files.replace(out, write_label(found, media, language=words, certificate_url=url, copy=copy_number))
    if preview is not None:
        files.replace(preview, preview_png(found, media, language=words, certificate_url=url, copy=copy_number))


@click.group()
def key() -> None:
    """The station's signing key."""


@key.command()
@config_option
@state_option
def init(settings: Settings, state_dir: Path) -> None:
    """Make the signing key, unless there is one."""
    from agent import keys

    made = keys.make(state_dir)
    public = keys.load(state_dir / keys.FILE_NAME).public_key()
    click.echo(f"{'made' if made else 'there was one already'}: {state_dir / keys.FILE_NAME}", err=True)
    click.echo(keys.jwk_line(public))


@key.command("show")
@config_option
@state_option
def show_key(settings: Settings, state_dir: Path) -> None:
    """Print the public key as a JWK, for the collector's enrolment and for whoever checks certificates."""
    from agent import keys

    click.echo(keys.jwk_line(keys.load(state_dir / keys.FILE_NAME).public_key()))


def _compact(file: Path) -> bytes:
    from agent.certificate import MAX_BYTES

    with file.open("rb") as opened:
        return opened.read(MAX_BYTES + 1).removesuffix(b"\n")


def _payload(compact: bytes) -> object:
    """The payload with every field, those of a later version too."""
    from agent.certificate import payload_bytes

    return json.loads(payload_bytes(compact))


def _trusted_shape(file: Path) -> Certificate:
    """A label claims what the certificate claims: one whose claims contradict each other gets none."""
    from agent.certificate import read_unverified, refuse_empty_claims

    found = read_unverified(_compact(file))
    refuse_empty_claims(found.record)
    return found


def _millimetres(size: str) -> tuple[int, int]:
    width, by, height = size.partition("x")
    if not by or not width.isdecimal() or not height.isdecimal() or not (int(height) >= 15 and 25 <= int(width) <= 110):
        raise click.BadParameter(
            f"{size!r}: allowed is WIDTHxHEIGHT in millimetres, as 57x32 (width 25 to 110, height from 15)",
            param_hint="'--size'",
        )
    return int(width), int(height)
