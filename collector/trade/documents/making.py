"""Has a settlement's documents made by a process of its own: the page's process holds neither key nor painter."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading

import msgspec
from django.conf import settings

from collector.parties.models import Organisation
from collector.text import clean
from collector.trade.documents.model import Order, Party
from collector.trade.errors import DocumentsProblem
from collector.trade.settling import Draft

DEADLINE_S = 300.0
"""7,000 lines take seconds on a quiet core (benchmarks/collector_settlement.py); a loaded machine is slower."""
LARGEST = 256 << 20
_ONE = threading.BoundedSemaphore(1)


def make(made: Draft, *, number: int, issued_at: str, previous: str | None) -> dict[str, bytes]:
    """Make the documents of a settlement: kind -> bytes. Raise DocumentsProblem."""
    configuration = settings.COLLECTOR
    versions = sorted((e.due.version for e in made.entries), key=lambda one: one.valid_from)
    order = Order(
        document=made.document(number=number, state="closed", issued_at=issued_at, previous=previous),
        extras=[line.extra for line in made.lines],
        seller=_party(made.agreement.seller),
        customer=_party(made.agreement.customer),
        title=made.agreement.title,
        currency=made.agreement.currency,
        set_off=made.set_off,
        share_vat_bp=versions[-1].share_vat_bp if versions else 0,
        fee_vat_bp=versions[-1].fee_vat_bp if versions else 0,
        first_day=str(made.period.first),
        last_day=str(made.period.last),
        language="da",
        keys_dir=str(configuration.keys_dir),
        alg=configuration.settings.signature_alg,
    )
    return _run(order)


def _run(order: Order) -> dict[str, bytes]:
    command = [sys.executable, "-m", "collector.trade.documents.maker"]
    with _ONE, tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as made, tempfile.TemporaryFile() as told:
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
