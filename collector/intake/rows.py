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


def certificate_row(certificate: Certificate, chain: ChainState) -> dict[str, Any]:
    """Build the columns that come from the signed bytes. The facts are cut and cleaned, the bytes are not."""
    record = certificate.record
    customer, asset, drive = record.customer, record.asset, record.drive
    facts = {
        "number": clean(record.number),
        "serial": clean(drive.serial or ""),
        "model": clean(" ".join(part for part in (drive.vendor, drive.model) if part)),
        "asset_tag": clean(asset.tag if asset else ""),
        "customer_name": clean(customer.name if customer else ""),
        "lot": clean(customer.lot if customer else ""),
    }
    extra = [asset.serial, asset.model] if asset else []
    extra += [drive.wwn or "", customer.reference if customer else "", record.station.id]
    return {
        **facts,
        "id": certificate.id,
        "station_id": record.station.id,
        "sequence": record.sequence,
        "previous": link(certificate).previous,
        "chain": chain,
        # What is attested, or was not read back, is never found among the erased ones.
        "outcome": record.outcome if record.is_erased_again else claim_of(record),
        "operator": clean(record.operator.id if record.operator else "", 64),
        "finished_at": clean(record.finished_at),
        "clock_synchronised": record.clock.synchronised,
        "search": "\n".join([*facts.values(), *(clean(e) for e in extra)]).casefold(),
    }
