"""Takes a report of another program in: its file as it is, and what it says of each drive."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from collector.certificates import identifiers
from collector.foreign import rules
from collector.foreign.errors import ForeignProblem
from collector.foreign.models import ForeignFile, ForeignRecord
from collector.parties.services import Actor, note
from collector.text import visible


@dataclass(frozen=True)
class Taken:
    """What came of a file. `new` is false where the same one was handed in before."""

    file: ForeignFile
    records: tuple[ForeignRecord, ...]
    new: bool


def import_file(actor: Actor, path: Path) -> Taken:
    """Take in a file that is named by its path. Raise ForeignProblem."""
    try:
        with path.open("rb") as file:
            data = file.read(rules.LARGEST + 1)
    except OSError as error:
        raise ForeignProblem(file=path, problem=error.strerror or error) from None
    return take(actor, path.name, data)


@transaction.atomic
def take(actor: Actor, name: str, data: bytes) -> Taken:
    """Keep a report and what it says. The same file twice changes nothing. Raise ForeignProblem."""
    try:
        report = rules.read(data)
    except rules.NoReport as problem:
        raise ForeignProblem(file=visible(name, 100), problem=problem) from None
    digest = hashlib.sha256(data).hexdigest()
    known = ForeignFile.objects.filter(sha256=digest).first()
    if known is not None:
        return Taken(known, tuple(known.records.order_by("pk")), new=False)
    kept = ForeignFile.objects.create(
        sha256=digest, name=visible(name, 200), tool=report.tool, body=data, who=actor.who
    )
    rows = [
        ForeignRecord(
            file=kept,
            model=one.model,
            serial=one.serial,
            norm=identifiers.serial(one.serial)[:128],
            said=one.said,
            method=one.method,
            finished=one.finished,
        )
        for one in report.records
    ]
    ForeignRecord.objects.bulk_create(rows, batch_size=500)
    note(actor, "foreign.taken", kept.name, tool=kept.tool, records=len(rows), sha256=digest)
    return Taken(kept, tuple(rows), new=True)
