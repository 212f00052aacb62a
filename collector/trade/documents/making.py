"""Has a settlement's documents made by a process of its own: the page's process holds neither key nor painter."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from typing import Any

import msgspec

from collector.parties.models import Organisation
from collector.running import configuration
from collector.text import clean
from collector.trade.documents.model import Order, Party
from collector.trade.errors import DocumentsProblem
from collector.trade.models import Agreement
from collector.trade.models import Period as PeriodRow
from collector.trade.rules.days import Period
from collector.trade.settling import Draft

DEADLINE_S = 300.0
"""7,000 lines take seconds on a quiet core (benchmarks/collector_settlement.py); a loaded machine is slower."""
LARGEST = 256 << 20
_ONE = threading.BoundedSemaphore(1)


def make(made: Draft, *, number: int, issued_at: str, previous: str | None) -> dict[str, bytes]:
    """Make the documents of a settlement: kind -> bytes. Raise DocumentsProblem."""
    document = made.document(number=number, state="closed", issued_at=issued_at, previous=previous)
    versions = sorted((e.due.version for e in made.entries), key=lambda one: one.valid_from)
    return _run(
        _order(
            made.agreement,
            made.period,
            document,
            [line.extra for line in made.lines],
            set_off=made.set_off,
            share_vat_bp=versions[-1].share_vat_bp if versions else 0,
            fee_vat_bp=versions[-1].fee_vat_bp if versions else 0,
        )
    )


def order_of_proposal(row: PeriodRow) -> Order:
    """Say what the tables of a proposal are made from: nothing of it is signed."""
    period = Period(row.first_day, row.last_day)
    return _order(row.agreement, period, row.proposal["document"], row.proposal["extras"])


def _order(
    agreement: Agreement, period: Period, document: dict[str, Any], extras: list[dict[str, Any]], *,
    set_off: bool = False, share_vat_bp: int = 0, fee_vat_bp: int = 0,
) -> Order:  # fmt: skip
    told = configuration()
    return Order(
        document=document,
        extras=extras,
        seller=_party(agreement.seller),
        customer=_party(agreement.customer),
        title=agreement.title,
        currency=agreement.currency,
        set_off=set_off,
        share_vat_bp=share_vat_bp,
        fee_vat_bp=fee_vat_bp,
        first_day=str(period.first),
        last_day=str(period.last),
        language="da",
        keys_dir=str(told.keys_dir),
        alg=told.settings.signature_alg,
    )


def _run(order: Order) -> dict[str, bytes]:
    command = [sys.executable, "-m", "collector.trade.documents.maker"]
    if not _ONE.acquire(timeout=DEADLINE_S):
        raise DocumentsProblem(problem="others are closing at this moment")
    try:
        return _made(command, order)
    finally:
        _ONE.release()


def _made(command: list[str], order: Order) -> dict[str, bytes]:
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as made, tempfile.TemporaryFile() as told:
        asked.write(msgspec.msgpack.encode(order))
        asked.seek(0)
        try:
            done = subprocess.run(command, stdin=asked, stdout=made, stderr=told, timeout=DEADLINE_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DocumentsProblem(problem=clean(str(error))) from None
        made.seek(0)
        told.seek(0)
        if done.returncode != 0:
            lines = told.read(65536).decode("utf-8", "replace").strip().splitlines()
            said = clean(lines[-1]) if lines else f"its process ended with status {done.returncode}"
            raise DocumentsProblem(problem=said)
        return msgspec.msgpack.decode(made.read(LARGEST), type=dict[str, bytes])


def _party(one: Organisation) -> Party:
    return Party(name=one.name, cvr=one.cvr, gln=one.gln, address=one.address)
