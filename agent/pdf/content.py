"""Certificate -> Page: what is said, in which order. Pure.

Only a record whose outcome is "erased" gets the word, the level and the title of a certificate of erasure. A read-back
that did not take place, a clock that nobody set and a signature that nobody checked are said, not left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.certificates.attestation import is_attested
from agent.certificates.certificate import Certificate, claim_of
from agent.certificates.label import qr_text
from agent.certificates.record import Record
from agent.pdf import attested
from agent.pdf.page import Banner, Fact, Page, Section, Signature, Table
from agent.pdf.words import Words
from agent.planning.reach import CELLS, FLASH, HIDDEN
from agent.views.certificate import capability_words


def page_of(certificate: Certificate, *, language: str, certificate_url: str, checked_with: str | None) -> Page:
    """Write the page of a certificate.

    `checked_with`: thumbprint of the key that its signature was checked with, or None.
    """
    record = certificate.record
    say = Words(language, record.finished_at)
    kind = claim_of(record)
    signature = say("unchecked") if checked_with is None else say("checked", key=checked_with)
    return Page(
        language=language,
        title=say(f"title_{kind}" if kind in ("erased", "unread", "attested") else "title_other"),
        number=say("number", number=record.number),
        place=_joined(record.station.organisation, record.station.name, record.station.location, record.station.id),
        banner=Banner(kind, say(f"headline_{kind}"), tuple(_claims(record, say))),
        signature=Signature(checked_with is not None, signature),
        pairs=(
            (_drive(record, say), _owner(record, say)),
            (_done(record, say), _read(record, say)),
            (_who(record, say), _when(record, say)),
        ),
        sections=tuple(_lists(record, say)),
        decision=Section(say("validation"), notes=(_decision(record, say),)),
        lines_to_sign=(say("sign_name"), say("sign_date"), say("sign_signature")),
        check=_check(certificate, say),
        command=say("check_command"),
        qr=qr_text(certificate, language, certificate_url),
        folio=say("page", number="{number}", count="{count}"),
        footer=f"{certificate.id}  {record.number}",
        plain=say("plain"),
    )


def _claims(record: Record, say: Words) -> Iterator[str]:
    done = record.sanitization
    if is_attested(record):
        yield from attested.claims(record, say)
        return
    if record.outcome == "erased":
        yield say(
            "claim_erased", level=say(f"level_{done.level}"), standard=say.recorded("standard_usual", done.standard)
        )
        yield _read_back(record, say)
        return
    yield say(f"claim_{claim_of(record)}")
    if record.reason:
        yield " ".join((say.reason(record.reason), say.what_to_do(record.reason))).strip()
    yield say("claim_nothing")


def _drive(record: Record, say: Words) -> Section:
    if record.attestation:
        return attested.device(record, say)
    drive, unsaid = record.drive, say("unsaid")
    facts = [
        Fact(say("model"), _name(drive.vendor or "", drive.model or "") or unsaid, strong=True),
        Fact(say("serial"), drive.serial or unsaid, exact=bool(drive.serial), strong=True),
    ]
    if drive.wwn:
        facts.append(Fact(say("wwn"), drive.wwn, exact=True))
    if drive.firmware:
        facts.append(Fact(say("firmware"), drive.firmware, exact=True))
    size = say("capacity_value", short=say.size(drive.capacity_bytes), bytes=say.count(drive.capacity_bytes))
    blocks = say("blocks", bytes=say.count(drive.logical_block_bytes))
    facts += [Fact(say("capacity"), size), Fact(say("kind"), _joined(drive.media.upper(), drive.transport, blocks))]
    if drive.identity_source == "bridge":
        facts.append(Fact(say("identity"), " ".join(say("identity_bridge", bridge=drive.bridge or "").split())))
    if drive.identity_note:
        facts.append(Fact(say("no_identity"), say.signed(drive.identity_note), strong=True))
    if drive.hidden_area:
        area = drive.hidden_area
        told = say(f"hidden_{area.outcome}", kind=area.kind.upper(), bytes=say.count(area.bytes))
        facts.append(Fact(say("hidden"), told))
    if drive.health.heat_protection == "off":
        facts.append(Fact(say("heat"), say("heat_off")))
    if drive.capabilities.before and (words := ", ".join(capability_words(drive.capabilities.before))):
        facts.append(Fact(say("capabilities"), words))
    return Section(say("drive"), tuple(facts))


def _owner(record: Record, say: Words) -> Section:
    asset, customer, next_place = record.asset, record.customer, record.disposition
    nothing = say("unsaid")
    facts = [Fact(say("asset"), asset.tag if asset else nothing, exact=asset is not None, strong=True)]
    if asset:
        device = _joined(asset.manufacturer, asset.model, asset.serial)
        facts.append(Fact(say("asset_kind"), _joined(say(f"asset_kind_{asset.kind}"), device, by=": ")))
        if (count := asset.drives) is not None:
            facts.append(Fact(say("drives"), say("drive_of", index=count.index, of=count.of)))
    facts.append(Fact(say("customer"), customer.name if customer else nothing))
    optional = [
        ("lot", customer.lot if customer else ""),
        ("reference", customer.reference if customer else ""),
        ("grade", next_place.grade if next_place else ""),
        ("destination", next_place.destination if next_place else ""),
        ("notes", next_place.notes if next_place else ""),
    ]
    facts += [Fact(say(key), value) for key, value in optional if value]
    return Section(say("owner"), tuple(facts))


def _done(record: Record, say: Words) -> Section:
    if record.attestation:
        return attested.done(record, say)
    done = record.sanitization
    key = f"technique_{done.technique}" if done.technique in ("overwrite", "none") else "technique_firmware"
    facts = [Fact(say("technique"), say(key, name=done.technique))]
    if done.method != done.technique:
        passes = len({made.number for made in done.passes})
        facts.append(Fact(say("method"), say("method_passes", method=done.method, passes=passes)))
    names = {name: say(f"level_{name}") for name in ("clear", "purge", "none")}
    level = names[done.level]
    if record.outcome == "erased":
        nist, ieee = names[done.level_nist_800_88_r1], names[done.level_ieee_2883]
        level = say("level_value", level=level, nist=nist, ieee=ieee)
    facts.append(Fact(say("level"), level, strong=True))
    if done.fell_back:
        words = say("fell_back_value", asked=done.fell_back.from_, done=done.fell_back.to, why=done.fell_back.why)
        facts.append(Fact(say("fell_back"), words, strong=True))
    if done.standard:
        facts.append(Fact(say("standard"), say.recorded("standard_usual", done.standard)))
    return Section(say("done"), tuple(facts))


def _read_back(record: Record, say: Words) -> str:
    kind, result = record.verification.kind, record.verification.result
    return say("read_none") if kind == "none" else say(f"read_{kind}_{result}")


def _read(record: Record, say: Words) -> Section:
    if record.attestation:
        return attested.read(record, say)
    read, capacity = record.verification, record.drive.capacity_bytes
    facts = [Fact(say("result"), _read_back(record, say), strong=True)]
    if read.kind != "none":
        share = say.percent(read.bytes, capacity)
        facts.append(Fact(say("read_bytes"), say("read_bytes_value", bytes=say.count(read.bytes), percent=share)))
    if read.sample:
        facts.append(Fact(say("sample"), say("sample_value", locations=say.count(read.sample.locations))))
        facts.append(Fact(say("seed"), read.sample.seed, exact=True))
        if read.result == "passed":
            facts.append(Fact(say("proves"), say.proof(read.sample)))
    if read.blake3:
        facts.append(Fact(say("hash"), read.blake3, exact=True))
    if read.expected_blake3:
        same = read.expected_blake3 == read.blake3
        value = say("hash_same") if same else read.expected_blake3
        facts.append(Fact(say("expected"), value, exact=not same))
    if read.writers == "unknown":
        facts.append(Fact(say("writers"), say("writers_unknown")))
    facts.append(Fact(say("unreached"), _unreached(record, say)))
    if read.writes:
        key = "writes_foreign" if read.writes.foreign else "writes_ours"
        words = say(key, seen=say.count(read.writes.seen), foreign=say.count(read.writes.foreign))
        facts.append(Fact(say("writes"), words, strong=bool(read.writes.foreign)))
    facts += _capacity(record, say)
    return Section(say("read"), tuple(facts))


def _capacity(record: Record, say: Words) -> Iterator[Fact]:
    """What the drive holds of what it shows; nothing on certificates from before that was proved."""
    proof = record.capacity_proof
    if proof is None:
        return
    value = say(
        f"capacity_{proof.result if proof.real_bytes is None else 'real'}",
        places=say.count(proof.places),
        bytes=say.count(proof.bytes),
        real=say.count(proof.real_bytes or 0),
        why=say.signed(proof.why or ""),
    )
    yield Fact(say("capacity_proof"), value, strong=proof.result == "failed")
    if proof.seed:
        yield Fact(say("seed"), proof.seed, exact=True)


def _same_medium(record: Record, say: Words) -> Iterator[Fact]:
    results = [seen.result for seen in record.resumed]
    for result in ("failed", "not-run", "passed"):
        if result in results:
            value = say(f"same_medium_{result}", times=say.count(results.count(result)))
            yield Fact(say("same_medium"), value, strong=result != "passed")


def _who(record: Record, say: Words) -> Section:
    operator, station = record.operator, record.station
    who = _joined(operator.name, operator.title, operator.id) if operator else say("unsaid")
    optional = [("organisation", station.organisation), ("location", station.location)]
    facts = [
        Fact(say("operator"), who),
        Fact(say("station"), _joined(station.name, station.id)),
        *(Fact(say(key), value) for key, value in optional if value),
        Fact(say("software"), f"{station.software.name} {station.software.version}"),
    ]
    return Section(say("who"), tuple(facts))


def _when(record: Record, say: Words) -> Section:
    pauses = say.count(len(record.interruptions)) if record.interruptions else say("no_pauses")
    facts = (
        Fact(say("started"), say.moment(record.started_at)),
        Fact(say("finished"), say.moment(record.finished_at)),
        Fact(say("clock"), say.clock(record.clock), strong=not record.clock.synchronised),
        Fact(say("pauses"), pauses),
        *_same_medium(record, say),
    )
    return Section(say("when"), facts)


def _lists(record: Record, say: Words) -> Iterator[Section]:
    """What may be long, and goes over as many pages as it takes."""
    yield from attested.checks(record, say)
    done, read = record.sanitization, record.verification
    if done.passes:
        yield Section(say("passes"), table=_passes(record, say))
    if done.commands:
        rows = tuple((made.name, made.status, made.bytes, made.raw) for made in done.commands)
        headings = tuple(say(f"command_{name}") for name in ("name", "status", "bytes", "raw"))
        yield Section(say("commands"), table=Table(headings, rows, (3, 2.4, 4, 4), frozenset({2, 3})))
    if record.interruptions:
        paused = tuple(
            (say.cell_moment(p.at), say.count(p.resumed_at_offset), say.signed(p.reason)) for p in record.interruptions
        )
        yield Section(say("interruptions"), table=Table((say("at"), say("resumed"), say("why")), paused, (3, 3, 8)))
    if read.mismatches:
        wrong = tuple((say.count(found.offset), say.count(found.bytes)) for found in read.mismatches)
        more = (say("mismatches_more"),) if read.mismatches_truncated else ()
        yield Section(say("mismatches"), table=Table((say("offset"), say("bytes")), wrong, (3, 11)), notes=more)
    if record.unreached:
        ranges = tuple(
            (say.count(missed.offset), say.count(missed.bytes), missed.reason) for missed in record.unreached
        )
        yield Section(say("unreached"), table=Table((say("offset"), say("bytes"), say("why")), ranges, (3, 3, 8)))
    limits = tuple(_limits(record, say))
    if limits:
        yield Section(say("limits"), notes=limits)


def _passes(record: Record, say: Words) -> Table:
    names = ("pass_number", "pass_pattern", "pass_bytes", "pass_start", "pass_end")
    rows = tuple(
        (
            str(made.number),
            say.pattern(made),
            say.count(made.bytes),
            say.cell_moment(made.started_at),
            say.cell_moment(made.finished_at) if made.finished_at else say("pass_unfinished"),
        )
        for made in record.sanitization.passes
    )
    return Table(tuple(map(say, names)), rows, (1, 3.5, 3.5, 3.5, 3.5))


def _unreached(record: Record, say: Words) -> str:
    if record.unreached:
        missed = say.count(sum(r.bytes for r in record.unreached))
        return say("unreached_some", ranges=say.count(len(record.unreached)), bytes=missed)
    return say("unreached_none" if record.outcome == "erased" and record.sanitization.passes else "unreached_empty")


def _limits(record: Record, say: Words) -> Iterator[str]:
    """What an overwrite leaves, for those who would take Clear for more than it is."""
    drive, done = record.drive, record.sanitization
    if record.outcome != "erased":
        return
    said = (CELLS,) if done.technique == "overwrite" else ()
    yield from (
        say("not_reached", what=say.signed(what))
        for what in done.not_reached
        if what not in said and HIDDEN not in what
    )
    if done.technique != "overwrite":
        return
    if drive.media in FLASH:
        yield say("flash_limit")
    hidden = max((drive.native_capacity_bytes or drive.capacity_bytes) - drive.capacity_bytes, 0)
    if drive.hidden_area and drive.hidden_area.outcome != "removed":
        hidden = max(hidden, drive.hidden_area.bytes)
    if hidden:
        yield say("hidden_limit", bytes=say.count(hidden))


def _decision(record: Record, say: Words) -> str:
    made = record.validation
    return say(f"decision_{made.decision}", by=made.by or say("unsaid"), at=say.moment(made.at or say("unsaid")))


def _check(certificate: Certificate, say: Words) -> Section:
    previous = certificate.record.previous
    facts = (
        Fact(say("certificate"), certificate.id, exact=True, strong=True),
        Fact(say("key"), certificate.key_id, exact=True),
        Fact(say("previous"), previous or say("previous_none"), exact=previous is not None),
    )
    notes = (say("check_attached", file=certificate.id[:12]), say("check_hash"))
    return Section(say("check"), facts, notes=notes)


def _name(vendor: str, model: str) -> str:
    """Many drives say their vendor again in the model's name."""
    return model if model.lower().startswith(vendor.lower()) else _joined(vendor, model, by=" ")


def _joined(*parts: str | None, by: str = ", ") -> str:
    return by.join(part for part in parts if part)
