"""Commands that carry a station's state to another medium: backup, restore."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.commands.options import config_option, json_option, state_option, tell
from agent.commands.parameters import PathParameter

if TYPE_CHECKING:
    from agent.backups.backup import Manifest
    from agent.backups.restore import Restored
    from agent.settings import Settings

FILE = PathParameter(dir_okay=False)
LONGEST_NUMBER = 15
passphrase_option = click.option(
    "--passphrase-file", type=FILE, metavar="F", help="Holds the passphrase, mode 0600; without it, it is asked for"
)


@click.command(short_help="Write key, ledger and certificates to one encrypted file.")
@click.argument("file", type=FILE)
@passphrase_option
@json_option
@config_option
@state_option
def backup(file: Path, passphrase_file: Path | None, as_json: bool, settings: Settings, state_dir: Path) -> None:
    """Write signing key, ledger and certificates to one file, encrypted with a passphrase, and read it back.

    The daemon may run. An older backup of that name is replaced when the new one is whole.

    Exit status: 0 written, 2 not: an older backup of that name is still there.
    """
    from agent.backups.backup import make, refuse_out
    from agent.commands.passphrase import passphrase
    from agent.views.certificate import printable

    refuse_out(state_dir, file)
    done = make(state_dir, file, passphrase(passphrase_file, new=True), settings.station.id)
    newest = f", the newest is {done.manifest.newest}" if done.manifest.newest else ""
    told = f"{file}: {done.manifest.certificates} certificates{newest}; {done.size / 1e6:.1f} MB, read back"
    click.echo(printable(told), err=True)
    notes = []
    if file.absolute().parent.stat().st_dev == state_dir.stat().st_dev:
        notes.append("it lies on the same medium as the ledger: copy it to another one")
    if done.doubt:
        notes.append(printable(f"{done.doubt}; see `benchwipe ledger check`"))
    for note in notes:
        click.echo(f"note: {note}", err=True)
    facts = {"certificates": done.manifest.certificates, "newest": done.manifest.newest, "bytes": done.size}
    tell({"file": str(file), **facts, "notes": notes}, as_json=as_json)


@click.command(short_help="Put a backup back into an empty state folder.")
@click.argument("file", type=FILE)
@click.option(
    "--after",
    metavar="NUMBER",
    help="The newest number that was given: of the newest label, or on the collector's page [default: 1,000 stay free]",
)
@passphrase_option
@json_option
@config_option
@state_option
def restore(
    file: Path, after: str | None, passphrase_file: Path | None, as_json: bool, settings: Settings, state_dir: Path
) -> None:
    """Put a backup back into a state folder that has no ledger. The daemon must not run.

    The backup does not know what was certified after it: the next certificate gets the number after NUMBER, or 1,000
    numbers stay free. The collector is told. No job that was under way goes on.

    Exit status: 0 put back, 2 not: nothing was changed.
    """
    from agent.backups.restore import FREE, MOST_FREE, refuse_taken
    from agent.backups.restore import restore as put_back
    from agent.backups.sealed import refuse_stranger
    from agent.commands.passphrase import passphrase
    from agent.views.certificate import printable

    number, head = _number(after)
    refuse_taken(state_dir)
    refuse_stranger(file)

    def free(manifest: Manifest, last: int) -> int:
        heads = {settings.station.id, manifest.station, (manifest.newest or "").rpartition("-")[0]}
        if head and head not in heads:
            raise click.UsageError(f"{after} is a number of another station; this backup is of {manifest.station}")
        if number is None:
            return last + FREE
        if number < last:
            raise click.UsageError(f"--after {after}: the backup itself knows of number {last}")
        if number > last + MOST_FREE:
            raise click.UsageError(f"--after {after}: the backup ends at {last}; at most {MOST_FREE} can be between")
        return number

    done = put_back(file, state_dir, passphrase(passphrase_file, new=False), free, alg=settings.station.signature_alg)
    told = f"{state_dir}: {done.manifest.certificates} certificates of {done.manifest.station}"
    click.echo(printable(f"{told}, as of {done.manifest.made_at}; the next number is {done.next_number}"), err=True)
    if done.free is not None:
        click.echo(f"numbers {done.free.first} to {done.free.last} stay free, and the collector is told so", err=True)
    if done.cancelled:
        click.echo(f"{done.cancelled} jobs that were under way do not go on: erase these drives anew", err=True)
    if done.doubt:
        click.echo(printable(f"note: {done.doubt}; see `benchwipe ledger check`"), err=True)
    _tell_restored(done, state_dir, as_json=as_json)


def _tell_restored(done: Restored, state_dir: Path, *, as_json: bool) -> None:
    known = done.manifest
    facts = {"station": known.station, "made_at": known.made_at, "certificates": known.certificates}
    free = {"first": done.free.first, "last": done.free.last} if done.free is not None else None
    after = {"next": done.next_number, "free": free, "cancelled": done.cancelled, "doubt": done.doubt or None}
    tell({"state_dir": str(state_dir), **facts, **after}, as_json=as_json)


def _number(after: str | None) -> tuple[int | None, str]:
    """(the number, the station that it begins with): of "bench-01-000123" or of "123"."""
    if after is None:
        return None, ""
    found = re.fullmatch(rf"(?:(.+)-)?([0-9]{{1,{LONGEST_NUMBER}}})", after.strip())
    if found is None:
        raise click.BadParameter(f"{after!r}: allowed is a certificate's number, as bench-01-000123 or 123")
    return int(found[2]), found[1] or ""
