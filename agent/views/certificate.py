"""A certificate in plain words, line by line. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.certificates.certificate import Certificate
    from agent.certificates.record import CapacityProof, Record, Verification
    from drivers.drives.drive import Capabilities


HEAT_OFF = "protection was off: the drive told no temperature"


def certificate_lines(certificate: Certificate) -> Iterator[str]:
    """Write what a person wants to know of it, the outcome first. Nothing in it steers a terminal."""
    return (printable(line) for line in _lines(certificate))


def claim_words(claim: str) -> str:
    """Say what a certificate or a drive under way may be shown as, in words (agent/certificates/certificate.py)."""
    return {
        "unread": "erased, not read back",
        "attested": "attested, not measured",
        "again": "failed, to be erased again",
    }.get(claim, claim)


def printable(text: str) -> str:
    """Replace what cannot be printed by a question mark.

    A drive, a file or a certificate may call itself anything.
    """
    return "".join(c if c.isprintable() else "?" for c in text)


def _lines(certificate: Certificate) -> Iterator[str]:
    from agent.certificates.certificate import claim_of  # not for those who only want `printable`

    record = certificate.record
    claim = claim_words(claim_of(record)).upper()
    yield f"{record.number}: {claim}"
    for name, value in _facts(record):
        if value:
            yield f"  {name:<14}{value}"
    for missed in record.unreached:
        yield f"  unreached     {missed.bytes} bytes at {missed.offset}: {missed.reason}"
    for mismatch in record.verification.mismatches:
        yield f"  mismatch      {mismatch.bytes} bytes at {mismatch.offset}"
    for seen in record.resumed:
        yield f"  same medium   {seen.result}: {seen.places} places read, to go on at offset {seen.offset} ({seen.at})"
    for pause in record.interruptions:
        yield f"  interrupted   {pause.reason}; went on at offset {pause.resumed_at_offset} ({pause.at})"
    yield f"  certificate   {certificate.id}"
    yield f"  previous      {record.previous or 'none: the first of its station'}"
    yield f"  signed by     {certificate.key_id} (not checked here)"


def _facts(record: Record) -> Iterator[tuple[str, str]]:
    drive, done = record.drive, record.sanitization
    if record.attestation:
        yield "attested", f"by {record.attestation.by} at {record.attestation.at}; nothing was measured"
        for check in record.attestation.checks:
            yield "check", f"{check.question}: {check.answer}"
    yield "reason", f"{record.reason.text} ({record.reason.code})" if record.reason else ""
    yield "drive", " ".join(v for v in (drive.vendor, drive.model, drive.serial, drive.wwn) if v)
    size = f"{drive.capacity_bytes} bytes, blocks of {drive.logical_block_bytes}, {drive.transport}, {drive.media}"
    yield "capacity", "" if record.attestation else size
    if drive.identity_source == "bridge":
        yield "identity", f"as reported by the bridge {drive.bridge or ''}, not by the drive itself"
    yield "no identity", drive.identity_note or ""
    if drive.hidden_area:
        yield "hidden area", f"{drive.hidden_area.kind}, {drive.hidden_area.bytes} bytes: {drive.hidden_area.outcome}"
    yield "heat", HEAT_OFF if drive.health.heat_protection == "off" else ""
    yield "firmware", _told(drive.capabilities.before)
    if drive.capabilities.after is not None and drive.capabilities.after != drive.capabilities.before:
        yield "afterwards", _told(drive.capabilities.after)
    yield "asset", record.asset.tag if record.asset else ""
    for one in record.asset.identifiers if record.asset else ():
        yield one.kind, one.value
    count = record.asset.drives if record.asset else None
    yield "drives", f"this is drive {count.index} of {count.of} of the asset" if count else ""
    customer = record.customer
    yield "customer", " ".join(v for v in (customer.name, customer.lot, customer.reference) if v) if customer else ""
    yield "operator", " ".join(v for v in (record.operator.id, record.operator.name) if v) if record.operator else ""
    yield "level", f"{done.level} ({done.standard})" if done.level != "none" else "none is claimed"
    if done.fell_back:
        yield "fell back", f"from {done.fell_back.from_} to {done.fell_back.to}: {done.fell_back.why}"
    yield "method", f"{done.technique}: {done.method}"
    for command in done.commands:
        yield "command", f"{command.name}: {command.status}"
    for what in done.also_destroyed:
        yield "destroyed too", what
    for what in done.not_reached:
        yield "not reached", what
    for p in done.passes:
        yield f"pass {p.number}", f"{p.pattern}, {p.bytes} bytes, {p.started_at} to {p.finished_at or 'not finished'}"
    yield "holds", _proof(record.capacity_proof)
    yield from _read_back(record.verification)
    yield (
        "time",
        f"{record.started_at} to {record.finished_at}"
        + ("" if record.clock.synchronised else " (this station's clock was NOT synchronised)"),
    )
    yield "station", " ".join(v for v in (record.station.id, record.station.name, record.station.organisation) if v)
    yield "validation", f"{record.validation.decision} {record.validation.by or ''}".strip()


def _read_back(read: Verification) -> Iterator[tuple[str, str]]:
    nothing = "NOTHING was read back: the policy asks for none"
    yield "read back", nothing if read.kind == "none" else f"{read.kind}: {read.result}, {read.bytes} bytes"
    yield "blake3", read.blake3 or ""
    yield "writers", "unknown: not every process could be seen" if read.writers == "unknown" else read.writers or ""
    if read.sample:
        yield "sample", f"{read.sample.locations} places, seed {read.sample.seed}. {read.sample.confidence}"
    if read.writes:
        yield "written", f"{read.writes.seen} bytes to the whole disk by the kernel's count, {read.writes.ours} by us"


def _proof(proof: CapacityProof | None) -> str:
    if proof is None:
        return ""
    told = f"{proof.result}: {proof.places} places, {proof.bytes} bytes, seed {proof.seed or 'none'}"
    real = f"; the drive has {proof.real_bytes} bytes" if proof.real_bytes is not None else ""
    return f"{told}{real}{f'; {proof.why}' if proof.why else ''}"


def _told(can: Capabilities | None) -> str:
    """What a drive's firmware says, in a few words; empty where it was not asked."""
    return ", ".join(capability_words(can)) if can is not None else ""


def capability_words(can: Capabilities) -> Iterator[str]:
    """List only what is there, and the states that matter."""
    if can.sanitize:
        yield f"sanitize {'/'.join(can.sanitize)}"
    states = (
        ("self-encryption commands", can.trusted_commands),
        ("security erase", can.security_supported),
        ("enhanced security erase", can.enhanced_erase),
        ("password set", can.security_enabled),
        ("LOCKED", can.security_locked),
        ("frozen", can.security_frozen),
        ("format", can.format),
        ("format with crypto erase", can.format_crypto),
    )
    yield from (name for name, there in states if there)
    if can.hidden_area_features:
        yield f"hidden area features {'/'.join(can.hidden_area_features)}"
    if (can.namespaces or 1) > 1:
        yield f"{can.namespaces} namespaces"
    if can.unallocated_bytes:
        yield f"{can.unallocated_bytes} bytes of no namespace"
