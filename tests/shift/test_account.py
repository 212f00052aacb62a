"""An account that does not tally is seen, whatever is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates import certificate
from agent.certificates.certificate import Certificate
from agent.certificates.record import Asset, Customer, Operator
from tests.agent.samples import record
from tests.shift.account import Found, problems
from tests.shift.scans import LOTS, person_of, serial_of, tag_of
from tests.shift.table import SHIFT, Row

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ROWS = (
    Row(3, "Q", ("erased",), "erased", ""),
    Row(7, "Q", ("erased",), "erased", ""),
    Row(8, "Q", (), "untouched", ""),
)


def signed(number: int, sequence: int, previous: str | None, tag: str = "") -> Certificate:
    sample = record()
    return certificate.sign(
        msgspec.structs.replace(
            sample,
            number=f"shift-{sequence:06}",
            sequence=sequence,
            previous=previous,
            drive=msgspec.structs.replace(sample.drive, serial=serial_of(number)),
            asset=Asset(tag=tag or tag_of(number)),
            customer=Customer(name="Kolding", lot=LOTS["Q"]),
            operator=Operator(id=person_of(number)),
        ),
        KEY,
    )


def label(of: Certificate) -> bytes:
    assert of.record.asset is not None
    return f"{of.record.number} {of.record.drive.serial} {of.record.asset.tag}".encode()


FIRST = signed(3, 1, None)
SECOND = signed(7, 2, FIRST.id)
RIGHT = Found(
    certificates=(FIRST, SECOND),
    media={3: "erased", 7: "erased", 8: "untouched"},
    labels=(label(FIRST), label(SECOND)),
    collected=(FIRST.id, SECOND.id),
)
SWAPPED = signed(7, 2, FIRST.id, tag=tag_of(3))
STRANGER = signed(99, 3, SECOND.id)
WRONG: dict[str, tuple[Callable[[Found], Found], str]] = {
    "data left": (lambda f: replace(f, media={**f.media, 3: "begun"}), "drive 3: its medium is begun"),
    "the wrong drive": (lambda f: replace(f, media={**f.media, 8: "erased"}), "drive 8: its medium is erased"),
    "a certificate lost": (lambda f: replace(f, certificates=(SECOND,)), "drive 3: certificates say ()"),
    "of a drive that was not there": (lambda f: replace(f, certificates=(FIRST, SECOND, STRANGER)), "was not there"),
    "tags swapped": (
        lambda f: replace(f, certificates=(FIRST, SWAPPED)),
        "drive 7: certificate shift-000002 has the asset",
    ),
    "a label missing": (lambda f: replace(f, labels=(label(FIRST),)), "certificate shift-000002 has no label"),
    "a label of nothing": (lambda f: replace(f, labels=(*f.labels, b"shift-000009")), "belongs to no certificate"),
    "not collected": (lambda f: replace(f, collected=(FIRST.id,)), "the collector lacks"),
    "collected twice": (lambda f: replace(f, collected=(*f.collected, FIRST.id)), "2 times"),
    "a gap": (lambda f: replace(f, certificates=(FIRST, signed(7, 3, FIRST.id))), "does not follow"),
}


def test_what_is_right_tallies() -> None:
    assert problems(ROWS, RIGHT) == []


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_named(what: str) -> None:
    change, told = WRONG[what]
    assert any(told in problem for problem in problems(ROWS, change(RIGHT)))


def test_the_table_has_forty_drives() -> None:
    assert [row.number for row in SHIFT] == list(range(1, 41))
