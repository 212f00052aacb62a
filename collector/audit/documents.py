"""Numbers, documents, closings: I7, I8, I13."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from agent.errors import CertificateProblem
from collector.audit.money import name_of
from collector.moments import text
from collector.statements import services as statements
from collector.statements.rules import verify
from collector.trade.models import (
    Period,
    SettledEntry,
    Settlement,
    SettlementFile,
    SettlementLine,
    SettlementNumber,
)

SIGNED = ("share_ore", "share_vat_ore", "fees_ore", "fees_vat_ore", "opening_ore", "payable_ore", "closing_ore")
NEEDED = frozenset({"jws", "pdf", "csv"})
"""What a closed settlement has at least."""


def numbers_have_no_holes() -> Iterator[str]:
    """Find sellers whose numbers have holes, whose days go back, or whose counter tells another last one (I7)."""
    given: defaultdict[int, list[Settlement]] = defaultdict(list)
    for row in Settlement.unfiltered.select_related("seller").order_by("number"):
        given[row.seller_id].append(row)
    counters = {row.seller_id: row.last for row in SettlementNumber.objects.all()}
    for seller in sorted(given.keys() | counters.keys()):
        rows = given[seller]
        for place, row in enumerate(rows, 1):
            if row.number != place:
                yield f"{name_of(row)}: its place is {place}"
        for earlier, later in pairwise(rows):
            if later.issued_at < earlier.issued_at:
                yield f"{name_of(later)}: issued before number {earlier.number}"
        if counters.get(seller, 0) != len(rows):
            yield f"seller {seller}: {len(rows)} settlements, and its counter stands at {counters.get(seller, 0)}"


def documents_hold() -> Iterator[str]:
    """Find closed settlements whose document, signature or place in the seller's chain does not hold (I8)."""
    keys = statements.own_keys()
    before: dict[int, str | None] = {}
    for row in Settlement.unfiltered.select_related("seller").order_by("seller_id", "number"):
        files = {one.kind: one for one in SettlementFile.unfiltered.filter(settlement=row.pk)}
        for one in files.values():
            if hashlib.sha256(bytes(one.data)).hexdigest() != one.sha256:
                yield f"{name_of(row)}: its {one.kind} has another hash than was written down"
        signed = files.get("jws")
        if signed is None:
            yield f"{name_of(row)}: its signed document is gone"
            continue
        if signed.sha256 != row.document_sha256:
            yield f"{name_of(row)}: it names another document than the one that is there"
        try:
            told = verify(bytes(signed.data), keys, kind="settlement").payload
        except CertificateProblem as problem:
            yield f"{name_of(row)}: {problem.fields['problem']}"
        else:
            yield from _contradictions(row, told)
        if row.previous_sha256 != before.get(row.seller_id):
            yield f"{name_of(row)}: does not follow the seller's document before it"
        before[row.seller_id] = row.document_sha256


def _contradictions(row: Settlement, told: Any) -> Iterator[str]:  # noqa: ANN401 - what was signed
    must = {name: getattr(row, name) for name in SIGNED}
    must |= {"number": row.number, "previous_sha256": row.previous_sha256, "issued_at": text(row.issued_at)}
    for name, value in must.items():
        if told.get(name) != value:
            yield f"{name_of(row)}: its row says {name} = {value}, and {told.get(name)} was signed"
    signed = told.get("lines", [])
    if len(signed) != row.lines_count:
        yield f"{name_of(row)}: {len(signed)} lines were signed, and its row says {row.lines_count}"
    rows = SettlementLine.unfiltered.filter(settlement=row.pk).order_by("line").values_list("line", "printed")
    for number, printed in rows.iterator(500):
        shown = {name: value for name, value in printed.items() if name != "extra"}
        if not 1 <= number <= len(signed) or signed[number - 1] != shown:
            yield f"{name_of(row)}: line {number} shows something else than was signed"


def closings_are_whole() -> Iterator[str]:
    """Find what a closing that was cut off would have left: a part of it without the rest (I13)."""
    closed = set(Period.unfiltered.filter(state="closed").values_list("pk", flat=True))
    settled = set(Settlement.unfiltered.values_list("pk", flat=True))
    yield from (f"period {pk} is closed, and has no settlement" for pk in sorted(closed - settled))
    yield from (f"period {pk} has a settlement, and is not closed" for pk in sorted(settled - closed))
    for model, told in ((SettlementLine, "lines"), (SettlementFile, "files")):
        held = set(model.unfiltered.values_list("settlement_id", flat=True))
        yield from (f"period {pk} has {told}, and no settlement" for pk in sorted(held - settled))
    entries = set(SettledEntry.objects.values_list("settlement_id", flat=True))
    yield from (f"period {pk} has entries, and no settlement" for pk in sorted(entries - settled))
    kinds: defaultdict[int, set[str]] = defaultdict(set)
    for pk, kind in SettlementFile.unfiltered.values_list("settlement_id", "kind"):
        kinds[pk].add(kind)
    for pk in sorted(settled):
        if lacking := NEEDED - kinds[pk]:
            yield f"the settlement of period {pk} has no {', '.join(sorted(lacking))}"


def statements_hold() -> Iterator[str]:
    """Find statements that do not verify, and links of their chain that are gone: what people said is not unsaid."""
    yield from statements.problems()
