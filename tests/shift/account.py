"""The account of a shift: what was found at its end, against the table. Of the station it knows what that left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from agent.certificates.certificate import Certificate
from tests.shift.scans import LOTS, PHONES, SIBLINGS, person_of, serial_of, tag_of
from tests.shift.table import MediumIs, Row

INTERRUPTIONS = ("put back", "put into another bay", "power cut")


@dataclass(frozen=True)
class Found:
    """What is there when everybody has gone home.

    `certificates`: verified with the station's key. `media`: by the drive's number. `labels`: as the printer got them.
    `collected`: the ids in the collector's table, one for each row of it. `statements`: the types of those that were
    signed.
    """

    certificates: Sequence[Certificate]
    media: Mapping[int, MediumIs]
    labels: Sequence[bytes]
    collected: Sequence[str]
    statements: Sequence[str] = ()


def secret(number: int) -> bytes:
    """Sixteen bytes that only this drive holds when it comes in, over and over."""
    return f"secret of {number:05} ".encode()


def medium_is(number: int, data: bytes) -> MediumIs:
    """What became of a medium; media that were swapped are seen too."""
    own = secret(number)
    if data == own * (len(data) // len(own)):
        return "untouched"
    return "begun" if b"secret" in data else "erased"


def problems(rows: Sequence[Row], found: Found) -> list[str]:
    """Everything that does not tally, in words; empty where every drive is accounted for."""
    account = [*_chain(found), *_collector(found), *_labels(found), *_strangers(rows, found), *_drives(rows, found)]
    return [*account, *_phones(rows, found), *_siblings(rows, found), *_stated(rows, found)]


def _phones(rows: Sequence[Row], found: Found) -> Iterator[str]:
    """Each was attested once, by whoever answered for it."""
    for row in rows:
        if row.number not in PHONES:
            continue
        own = [c.record for c in found.certificates if c.record.drive.serial == PHONES[row.number]]
        told = [(c.outcome, c.attestation is not None and c.attestation.by) for c in own]
        if told != [("erased", person_of(row.number))]:
            yield f"phone {PHONES[row.number]}: certificates say {told}"


def _siblings(rows: Sequence[Row], found: Found) -> Iterator[str]:
    """The certificates of one device's drives count them, and its last label alone says that it is erased."""
    by_number = {row.number: row for row in rows}
    for one, other in SIBLINGS.items():
        if one not in by_number or other not in by_number:
            continue
        own = [c for number in (other, one) for c in _certificates_of(by_number[number], found)]
        devices = [c.record.asset for c in own if c.record.asset is not None]
        counts = sorted((asset.drives.index, asset.drives.of) for asset in devices if asset.drives is not None)
        if counts != [(1, 2), (2, 2)]:
            yield f"drives {other} and {one}: their certificates count {counts}"
        first, last = sorted(own, key=lambda c: c.record.sequence)[:2]
        for certificate, erased in ((first, False), (last, True)):
            label = next((text for text in found.labels if certificate.record.number.encode() in text), b"")
            if (b"FDERASED" in label) is not erased:
                yield f"label {certificate.record.number}: it says that the device is erased: {not erased}"


def _stated(rows: Sequence[Row], found: Found) -> Iterator[str]:
    """What people said of devices waits at the collector, once for each time that it was said."""
    words = {"box": "in the box", "no-drive": "no drive", "disposition": "late grade", "drive-count": "2 drives"}
    for name, word in words.items():
        said = sum(row.story.count(word) for row in rows) * (3 if name == "disposition" else 1)
        kept = found.statements.count(f"benchwipe-{name}+jws")
        if said != kept:
            yield f"statements of {name}: {kept}, not {said}"


def _drives(rows: Sequence[Row], found: Found) -> Iterator[str]:
    for row in rows:
        own = _certificates_of(row, found)
        outcomes = tuple(certificate.record.outcome for certificate in own)
        if outcomes != row.certificates:
            yield f"drive {row.number}: certificates say {outcomes}, not {row.certificates}"
        if row.medium != "begun" and found.media[row.number] != row.medium:
            yield f"drive {row.number}: its medium is {found.media[row.number]}, not {row.medium}"
        for certificate in own:
            yield from _belongs(row, certificate)
        if own and any(word in row.story for word in INTERRUPTIONS) and not own[-1].record.interruptions:
            yield f"drive {row.number}: its certificate hides that it was interrupted"


def _certificates_of(row: Row, found: Found) -> list[Certificate]:
    own = [c for c in found.certificates if c.record.drive.serial == serial_of(row.number)]
    return sorted(own, key=lambda certificate: certificate.record.sequence)


def _belongs(row: Row, certificate: Certificate) -> Iterator[str]:
    """Tag, lot and person as they were meant."""
    record = certificate.record
    if record.asset is None or record.asset.tag != tag_of(row.number):
        yield f"drive {row.number}: certificate {record.number} has the asset {record.asset}"
    if record.customer is None or record.customer.lot != LOTS[row.lot]:
        yield f"drive {row.number}: certificate {record.number} has the customer {record.customer}"
    if record.operator is None or record.operator.id != person_of(row.number):
        yield f"drive {row.number}: certificate {record.number} has the operator {record.operator}"


def _strangers(rows: Sequence[Row], found: Found) -> Iterator[str]:
    known = {serial_of(row.number) for row in rows}
    known |= {PHONES[row.number] for row in rows if row.number in PHONES}
    for certificate in found.certificates:
        if certificate.record.drive.serial not in known:
            yield f"certificate {certificate.record.number} is of a drive that was not there"


def _chain(found: Found) -> Iterator[str]:
    """Numbers without a gap, each naming the one before."""
    before = None
    for place, certificate in enumerate(sorted(found.certificates, key=lambda c: c.record.sequence), start=1):
        if (certificate.record.sequence, certificate.record.previous) != (place, before):
            yield f"certificate {certificate.record.number} does not follow the one before"
        before = certificate.id


def _collector(found: Found) -> Iterator[str]:
    ours, theirs = {certificate.id for certificate in found.certificates}, Counter(found.collected)
    yield from (f"the collector lacks certificate {name}" for name in sorted(ours - set(theirs)))
    yield from (f"the collector has certificate {name}, the station has not" for name in sorted(set(theirs) - ours))
    yield from (f"the collector has certificate {name} {times} times" for name, times in theirs.items() if times > 1)


def _labels(found: Found) -> Iterator[str]:
    """One for each certificate at least, with its number, its drive and its asset; and none for anything else."""
    left = list(found.labels)
    for certificate in found.certificates:
        record = certificate.record
        words = [record.number, record.drive.serial or "", record.asset.tag if record.asset else ""]
        own = [label for label in left if all(word.encode() in label for word in words)]
        if not own:
            yield f"certificate {record.number} has no label"
        left = [label for label in left if label not in own]
    for label in left:
        yield f"a label belongs to no certificate: {label[:200]!r}"
