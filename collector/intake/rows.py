"""A verified certificate -> the row of its searchable facts. Pure."""

from __future__ import annotations

from typing import Any

from agent.certificates.certificate import Certificate, claim_of
from collector.intake.chain import ChainState, Link
from collector.text import clean


def link(certificate: Certificate) -> Link:
    """Extract what the chain needs of it."""
    record = certificate.record
    return Link(certificate.id, record.sequence, None if record.previous is None else clean(record.previous))


def certificate_row(certificate: Certificate, chain: ChainState, now: str) -> dict[str, Any]:
    """Build the columns of the certificate table. The facts are cut and cleaned, the bytes are not."""
    record = certificate.record
    facts = {
        "number": clean(record.number),
        "serial": clean(record.drive.serial or ""),
        "model": clean(" ".join(part for part in (record.drive.vendor, record.drive.model) if part)),
        "asset_tag": clean(record.asset.tag if record.asset else ""),
        "customer": clean(record.customer.name if record.customer else ""),
        "lot": clean(record.customer.lot if record.customer else ""),
    }
    extra = [record.asset.serial, record.asset.model] if record.asset else []
    extra += [record.drive.wwn or "", record.customer.reference if record.customer else "", record.station.id]
    return {
        **facts,
        "id": certificate.id,
        "key_id": certificate.key_id,
        "station": record.station.id,
        "sequence": record.sequence,
        "previous": link(certificate).previous,
        "chain": chain,
        # What is attested, or was not read back, is never found among the erased ones.
        "outcome": record.outcome if record.is_erased_again else claim_of(record),
        "finished_at": clean(record.finished_at),
        "clock_synchronised": record.clock.synchronised,
        "received_at": now,
        "search": "\n".join([*facts.values(), *(clean(e) for e in extra)]).casefold(),
    }
