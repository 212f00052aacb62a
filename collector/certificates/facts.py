"""A signed record -> what its page says, section by section. Pure: everything shown comes from the record."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.certificates.record import Operator, Record
from collector.certificates import words
from collector.certificates.words import exact, moment, size

KINDS = {"full": "the whole drive", "sample": "a sample", "none": "nothing (the policy asks for none)"}
RESULTS = {
    "passed": "it held what was written",
    "failed": "it did NOT hold what was written",
    "not-run": "not run",
}
CAPACITIES = {"passed": "proved", "failed": "NOT what the drive shows", "not-run": "not proved"}
DECISIONS = {"awaiting": "awaiting a person's decision", "accepted": "accepted", "rejected": "rejected"}
RESUMED = {"passed": "the same", "failed": "not shown: begun anew", "not-run": "nothing can show it"}


@dataclass(frozen=True)
class Fact:
    """One line: what it is, what it says ("" for not said), whether it is read letter by letter."""

    name: str
    value: str
    code: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under a caption."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A part of the page. `empty` is said where it has neither facts nor rows."""

    anchor: str
    title: str
    facts: Sequence[Fact] = ()
    tables: Sequence[Table] = ()
    empty: str = ""


def meaning(record: Record, claim: str) -> str:
    """Say in one sentence what the certificate claims. `claim` is agent.certificates.certificate.claim_of's word."""
    told = words.MEANINGS[claim]
    if claim != "erased":
        return told
    return told + (" A sample of it was read back." if record.verification.kind == "sample" else READ)


READ = " All of it was read back."


def sections(record: Record) -> list[Section]:
    """Write the record's sections in the order of the page. What was attested has no drive that anybody measured."""
    measured = record.attestation is None
    return [
        *([_drive(record)] if measured else [_attested(record)]),
        _done(record),
        *([_read_back(record)] if measured else []),
        _who(record),
        *([_unreached(record), _interruptions(record)] if measured else []),
    ]


def _attested(record: Record) -> Section:
    told = record.attestation
    assert told is not None
    who = _person(record.operator) if record.operator else told.by
    return Section(
        "attested",
        "Attested by a person, not measured",
        [
            Fact("IMEI or serial number", record.drive.serial or "", code=True),
            Fact("Model", _joined((record.drive.vendor, record.drive.model), " ")),
            Fact("Attested by", who),
            Fact("Attested", moment(told.at)),
        ],
        [
            Table(
                "Checks, as the person answered them",
                ("Check", "Answer"),
                [(words.CHECKS.get(c.question, c.question), c.answer) for c in told.checks],
            )
        ],
    )


def _drive(record: Record) -> Section:
    drive = record.drive
    source = "the drive itself" if drive.identity_source == "drive" else f"the bridge in front of it ({drive.bridge})"
    facts = [
        Fact("Vendor", drive.vendor or ""),
        Fact("Model", drive.model or ""),
        Fact("Serial number", drive.serial or "", code=True),
        Fact("World wide name", drive.wwn or "", code=True),
        Fact("Firmware", drive.firmware or ""),
        Fact("Kind", f"{drive.media}, {drive.transport}"),
        Fact("Capacity", f"{size(drive.capacity_bytes)} ({exact(drive.capacity_bytes)})"),
        Fact("Blocks", f"{drive.logical_block_bytes} bytes logical, {drive.physical_block_bytes} physical"),
        Fact("Identity read from", source),
    ]
    if drive.health.heat_protection == "off":
        facts.append(Fact("Heat protection", "was off: the drive told no temperature"))
    if drive.identity_note:
        facts.append(Fact("No identity", drive.identity_note))
    if hidden := drive.hidden_area:
        facts.append(Fact("Hidden area", f"{hidden.kind}, {exact(hidden.bytes)}: {hidden.outcome}"))
    return Section("drive", "Drive", facts)


def _done(record: Record) -> Section:
    done = record.sanitization
    facts = [
        Fact("Level", words.LEVELS.get(done.level, done.level)),
        Fact("NIST SP 800-88 Rev. 1 / IEEE 2883", f"{done.level_nist_800_88_r1} / {done.level_ieee_2883}"),
        Fact("Standard", done.standard),
        Fact("Method", done.method),
        Fact("Technique", done.technique),
        Fact("Began", moment(record.started_at)),
        Fact("Finished", moment(record.finished_at)),
        Fact("Clock", ("set by " if record.clock.synchronised else "NOT set; source ") + record.clock.source),
    ]
    tables = []
    if done.passes:
        rows = [
            (str(p.number), p.pattern, exact(p.bytes), moment(p.finished_at) if p.finished_at else "not finished")
            for p in done.passes
        ]
        tables.append(Table("Passes", ("No.", "Written", "Bytes", "Finished"), rows))
    if done.commands:
        sent = [(c.name, str(c.bytes), str(c.status)) for c in done.commands]
        tables.append(Table("Commands of the drive's firmware", ("Name", "Sent", "Answer"), sent))
    return Section("done", "What was done", facts, tables)


def _read_back(record: Record) -> Section:
    told = record.verification
    facts = [
        Fact("Kind", KINDS[told.kind]),
        Fact("Result", RESULTS[told.result]),
        Fact("Read", exact(told.bytes)),
        *_capacity(record),
    ]
    if told.blake3:
        facts.append(Fact("BLAKE3 of what was read", told.blake3, code=True))
    if told.expected_blake3:
        facts.append(Fact("BLAKE3 expected", told.expected_blake3, code=True))
    if sample := told.sample:
        facts.append(Fact("Sample", f"{sample.locations} locations, fraction {sample.fraction}"))
        facts.append(Fact("It shows", sample.confidence))
        facts.append(Fact("Seed", sample.seed, code=True))
    tables = []
    if told.mismatches:
        cut = " (the list was cut)" if told.mismatches_truncated else ""
        rows = [(exact(m.offset), exact(m.bytes)) for m in told.mismatches]
        tables.append(Table(f"Ranges that read back otherwise{cut}", ("From byte", "Length"), rows))
    return Section("read", "What was read back", facts, tables)


def _capacity(record: Record) -> list[Fact]:
    proof = record.capacity_proof
    if proof is None:
        return []
    real = "" if proof.real_bytes is None else f", it has {exact(proof.real_bytes)}"
    facts = [Fact("Capacity", CAPACITIES[proof.result] + real + (f": {proof.why}" if proof.why else ""))]
    return facts + ([Fact("Seed of the proof", proof.seed, code=True)] if proof.seed else [])


def _who(record: Record) -> Section:
    customer, asset, station, given = record.customer, record.asset, record.station, record.disposition
    decided = record.validation
    facts = [
        Fact("Customer", customer.name if customer else ""),
        Fact("Lot", customer.lot if customer else ""),
        Fact("Reference", customer.reference if customer else ""),
        Fact("Asset tag", asset.tag if asset else ""),
        *([Fact("Device", _joined((asset.kind, asset.manufacturer, asset.model, asset.serial)))] if asset else []),
        Fact("Operator", _person(record.operator) if record.operator else ""),
        Fact("Station", _joined((station.name, station.location, station.organisation))),
        Fact("Program", f"{station.software.name} {station.software.version}"),
        Fact("Validation", DECISIONS[decided.decision] + (f" by {decided.by}" if decided.by else "")),
    ]
    if given:
        facts.append(Fact("Disposition when it was signed", _joined((given.grade, given.destination, given.notes))))
    return Section("who", "Who and where", facts)


def _unreached(record: Record) -> Section:
    rows = [(exact(u.offset), exact(u.bytes), u.reason) for u in record.unreached]
    none = "None." if record.outcome == "erased" else "None are listed."
    tables = [Table("", ("From byte", "Length", "Reason"), rows)] if rows else []
    return Section("unreached", "Ranges that could not be reached", (), tables, none)


def _interruptions(record: Record) -> Section:
    tables = []
    if record.interruptions:
        rows = [(moment(i.at), i.reason, exact(i.resumed_at_offset)) for i in record.interruptions]
        tables.append(Table("", ("When", "Why", "Went on from byte"), rows))
    if record.resumed:
        same = [(moment(s.at), exact(s.offset), str(s.places), RESUMED[s.result]) for s in record.resumed]
        heads = ("When", "To go on from byte", "Places", "Result")
        tables.append(Table("What was read to know that it was the same medium", heads, same))
    return Section("interruptions", "Interruptions", (), tables, "None.")


def _person(operator: Operator) -> str:
    return _joined((operator.name or operator.id, operator.title))


def _joined(parts: Iterable[str | None], separator: str = ", ") -> str:
    return separator.join(part for part in parts if part)
