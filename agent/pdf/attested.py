"""What a page says where a person attests and nothing was measured. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from agent.certificates.attestation import QUESTIONS, is_attested
from agent.certificates.record import Record
from agent.pdf.page import Fact, Section, Table
from agent.pdf.words import Words
from agent.phrases import phrase
from agent.scan.handset import check_phrase


def claims(record: Record, say: Words) -> Iterator[str]:
    """Say the banner's sentences, for a reset that is attested."""
    yield say("claim_attested", name=_who(record, say))
    yield say("claim_erased", level=say(f"level_{record.sanitization.level}"), standard=say("standard_attested"))


def device(record: Record, say: Words) -> Section:
    """Describe the device in the place of the drive, which nobody saw."""
    drive, unsaid = record.drive, say("unsaid")
    others = [one.value for one in record.asset.identifiers if one.value != drive.serial] if record.asset else []
    facts = (
        Fact(say("model"), " ".join(v for v in (drive.vendor, drive.model) if v) or unsaid, strong=True),
        Fact(say("serial_or_imei"), drive.serial or unsaid, exact=bool(drive.serial), strong=True),
        *(Fact(say("second_number"), value, exact=True, strong=True) for value in others),
        Fact(say("identity"), say("identity_scanned")),
    )
    return Section(say("device"), facts)


def done(record: Record, say: Words) -> Section:
    """Describe what the person did."""
    level = say(f"level_{record.sanitization.level}")
    facts = (
        Fact(say("technique"), say("technique_attested")),
        Fact(say("method"), record.sanitization.method),
        Fact(say("level"), level, strong=True),
        Fact(say("standard"), say("standard_attested")),
    )
    return Section(say("done"), facts)


def read(record: Record, say: Words) -> Section:
    """Fill the place of the read-back."""
    said = record.attestation
    facts = (
        Fact(say("result"), say("read_attested" if is_attested(record) else "read_none"), strong=True),
        Fact(say("attested_by"), _who(record, say)),
        Fact(say("attested_at"), say.moment(said.at if said else "")),
    )
    return Section(say("read"), facts)


def checks(record: Record, say: Words) -> Iterator[Section]:
    """List each question and its answer; one that this version does not know stands by its name."""
    if record.attestation is None:
        return
    rows = tuple((_words(check.question, say), say(check.answer)) for check in record.attestation.checks)
    yield Section(say("checks"), table=Table((say("question"), say("answer")), rows, (10, 2)))


def _words(question: str, say: Words) -> str:
    return phrase(say.language, check_phrase(question)) if question in QUESTIONS else question


def _who(record: Record, say: Words) -> str:
    operator = record.operator
    return ", ".join(v for v in (operator.name, operator.title, operator.id) if v) if operator else say("unsaid")
