"""A signed record -> what its page says, section by section, in the reader's language. Pure: nothing else is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from agent.certificates.record import Asset, Drives, Operator, Record
from collector.certificates import words
from collector.certificates.rules import Shown
from collector.certificates.words import exact, moment, size

KINDS = {"full": "the whole drive", "sample": "a sample", "none": "nothing (the policy asks for none)"}
RESULTS = {
    "passed": "it held what was written",
    "failed": "it did NOT hold what was written",
    "not-run": "not run",
}
CAPACITIES = {"passed": "proved", "failed": "NOT what the drive shows", "not-run": "not proved"}
DECISIONS = {"awaiting": "awaiting a person's decision", "accepted": "accepted", "rejected": "rejected"}
ANSWERS = {"yes": "yes", "no": "no"}
STEPS: Mapping[str, str] = {
    "id": "The stored bytes have this id (SHA-256)",
    "form": "They are a signed file (JWS), written as a certificate",
    "key": "The key that it is signed with is enrolled here",
    "signature": "The signature fits every byte of it",
    "contents": "What was signed is a certificate that every reader reads alike",
    "claims": "It claims no more than it shows",
}
COLUMNS: Mapping[str, str] = {
    "station_id": "station", "sequence": "number of order", "previous": "the one before it", "number": "number",
    "outcome": "outcome", "serial": "serial number", "model": "model", "asset_tag": "asset tag",
    "customer_name": "customer", "lot": "lot", "operator": "operator", "finished_at": "finished",
    "clock_synchronised": "clock",
}  # fmt: skip
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
    told = _(words.MEANINGS[claim])
    if claim != "erased":
        return told
    read = _("A sample of it was read back.") if record.verification.kind == "sample" else _("All of it was read back.")
    return f"{told} {read}"


@dataclass(frozen=True)
class ProofStep:
    """One step of the proof. `holds` is None where an earlier one already failed."""

    text: str
    holds: bool | None


def steps(shown: Shown) -> list[ProofStep]:
    """Write the proof, step by step."""
    same = shown.examined.id == shown.id
    rest = [ProofStep(_(STEPS[step.name]), step.holds if same else None) for step in shown.examined.steps]
    return [ProofStep(_(STEPS["id"]), same), *rest]


def column_name(column: str) -> str:
    """Name a column as people do."""
    return _(COLUMNS.get(column, column))


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
        _("Attested by a person, not measured"),
        [
            Fact(_("IMEI or serial number"), record.drive.serial or "", code=True),
            Fact(_("Model"), _joined((record.drive.vendor, record.drive.model), " ")),
            Fact(_("Attested by"), who),
            Fact(_("Attested"), moment(told.at)),
        ],
        [
            Table(
                _("Checks, as the person answered them"),
                (_("Check"), _("Answer")),
                [
                    (_(words.CHECKS.get(c.question, c.question)), _(ANSWERS.get(c.answer, c.answer)))
                    for c in told.checks
                ],
            )
        ],
    )


def _drive(record: Record) -> Section:
    drive = record.drive
    source = _("the drive itself")
    if drive.identity_source != "drive":
        source = _("the bridge in front of it (%s)") % drive.bridge
    blocks = {"logical": drive.logical_block_bytes, "physical": drive.physical_block_bytes}
    facts = [
        Fact(_("Vendor"), drive.vendor or ""),
        Fact(_("Model"), drive.model or ""),
        Fact(_("Serial number"), drive.serial or "", code=True),
        Fact(_("World wide name"), drive.wwn or "", code=True),
        Fact(_("Firmware"), drive.firmware or ""),
        Fact(_("Kind"), f"{drive.media}, {drive.transport}"),
        Fact(_("Capacity"), f"{size(drive.capacity_bytes)} ({exact(drive.capacity_bytes)})"),
        Fact(_("Blocks"), _("%(logical)d bytes logical, %(physical)d physical") % blocks),
        Fact(_("Identity read from"), source),
    ]
    if drive.health.heat_protection == "off":
        facts.append(Fact(_("Heat protection"), _("was off: the drive told no temperature")))
    if drive.identity_note:
        facts.append(Fact(_("No identity"), drive.identity_note))
    if hidden := drive.hidden_area:
        facts.append(Fact(_("Hidden area"), f"{hidden.kind}, {exact(hidden.bytes)}: {hidden.outcome}"))
    return Section("drive", _("Drive"), facts)


def _done(record: Record) -> Section:
    done = record.sanitization
    clock = _("set by %s") if record.clock.synchronised else _("NOT set; source %s")
    facts = [
        Fact(_("Level"), _(words.LEVELS.get(done.level, done.level))),
        Fact(_("NIST SP 800-88 Rev. 1 / IEEE 2883"), f"{done.level_nist_800_88_r1} / {done.level_ieee_2883}"),
        Fact(_("Standard"), done.standard),
        Fact(_("Method"), done.method),
        Fact(_("Technique"), done.technique),
        Fact(_("Began"), moment(record.started_at)),
        Fact(_("Finished"), moment(record.finished_at)),
        Fact(_("Clock"), clock % record.clock.source),
    ]
    tables = []
    if done.passes:
        rows = [
            (str(p.number), p.pattern, exact(p.bytes), moment(p.finished_at) if p.finished_at else _("not finished"))
            for p in done.passes
        ]
        tables.append(Table(_("Passes"), (_("No."), _("Written"), _("Bytes"), _("Finished")), rows))
    if done.commands:
        sent = [(c.name, str(c.bytes), str(c.status)) for c in done.commands]
        tables.append(Table(_("Commands of the drive's firmware"), (_("Name"), _("Sent"), _("Answer")), sent))
    return Section("done", _("What was done"), facts, tables)


def _read_back(record: Record) -> Section:
    told = record.verification
    facts = [
        Fact(_("Kind"), _(KINDS[told.kind])),
        Fact(_("Result"), _(RESULTS[told.result])),
        Fact(_("Read"), exact(told.bytes)),
        *_capacity(record),
    ]
    if told.blake3:
        facts.append(Fact(_("BLAKE3 of what was read"), told.blake3, code=True))
    if told.expected_blake3:
        facts.append(Fact(_("BLAKE3 expected"), told.expected_blake3, code=True))
    if sample := told.sample:
        places = {"places": sample.locations, "share": sample.fraction}
        facts.append(Fact(_("Sample"), _("%(places)d places, a share of %(share)s") % places))
        facts.append(Fact(_("It shows"), sample.confidence))
        facts.append(Fact(_("Seed"), sample.seed, code=True))
    tables = []
    if told.mismatches:
        caption = _("Ranges that read back otherwise")
        cut = _(" (the list was cut)") if told.mismatches_truncated else ""
        rows = [(exact(m.offset), exact(m.bytes)) for m in told.mismatches]
        tables.append(Table(caption + cut, (_("From byte"), _("Length")), rows))
    return Section("read", _("What was read back"), facts, tables)


def _capacity(record: Record) -> list[Fact]:
    proof = record.capacity_proof
    if proof is None:
        return []
    real = "" if proof.real_bytes is None else _(", it has %s") % exact(proof.real_bytes)
    facts = [Fact(_("Capacity"), _(CAPACITIES[proof.result]) + real + (f": {proof.why}" if proof.why else ""))]
    return facts + ([Fact(_("Seed of the proof"), proof.seed, code=True)] if proof.seed else [])


def _who(record: Record) -> Section:
    customer, asset, station, given = record.customer, record.asset, record.station, record.disposition
    decided = record.validation
    facts = [
        Fact(_("Customer"), customer.name if customer else ""),
        Fact(_("Lot"), customer.lot if customer else ""),
        Fact(_("Reference"), customer.reference if customer else ""),
        Fact(_("Asset tag"), asset.tag if asset else ""),
        *([Fact(_("Device"), _joined((asset.kind, asset.manufacturer, asset.model, asset.serial)))] if asset else []),
        *([Fact(_("The device's numbers"), _numbers(asset), code=True)] if asset and asset.identifiers else []),
        *([Fact(_("Drives in it"), _counted(asset.drives))] if asset and asset.drives else []),
        Fact(_("Operator"), _person(record.operator) if record.operator else ""),
        Fact(_("Station"), _joined((station.name, station.location, station.organisation))),
        Fact(_("Program"), f"{station.software.name} {station.software.version}"),
        Fact(_("Validation"), _(DECISIONS[decided.decision]) + (_(" by %s") % decided.by if decided.by else "")),
    ]
    if given:
        facts.append(Fact(_("Disposition when it was signed"), _joined((given.grade, given.destination, given.notes))))
    return Section("who", _("Who and where"), facts)


def _unreached(record: Record) -> Section:
    rows = [(exact(u.offset), exact(u.bytes), u.reason) for u in record.unreached]
    none = _("None.") if record.outcome == "erased" else _("None are listed.")
    tables = [Table("", (_("From byte"), _("Length"), _("Reason")), rows)] if rows else []
    return Section("unreached", _("Ranges that could not be reached"), (), tables, none)


def _interruptions(record: Record) -> Section:
    tables = []
    if record.interruptions:
        rows = [(moment(i.at), i.reason, exact(i.resumed_at_offset)) for i in record.interruptions]
        tables.append(Table("", (_("When"), _("Why"), _("Went on from byte")), rows))
    if record.resumed:
        same = [(moment(s.at), exact(s.offset), str(s.places), _(RESUMED[s.result])) for s in record.resumed]
        heads = (_("When"), _("To go on from byte"), _("Places"), _("Result"))
        tables.append(Table(_("What was read to know that it was the same medium"), heads, same))
    return Section("interruptions", _("Interruptions"), (), tables, _("None."))


def _person(operator: Operator) -> str:
    return _joined((operator.name or operator.id, operator.title))


def _numbers(asset: Asset) -> str:
    """Both IMEIs of a phone with two SIM cards: a register may list either."""
    return _joined((f"{one.kind.upper()} {one.value}" for one in asset.identifiers), "; ")


def _counted(drives: Drives) -> str:
    return _("this is drive %(index)d of %(of)d") % {"index": drives.index, "of": drives.of}


def _joined(parts: Iterable[str | None], separator: str = ", ") -> str:
    return separator.join(part for part in parts if part)
