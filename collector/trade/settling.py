"""What a period of an agreement comes to: entries that are still to be booked, printed lines, the document."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import msgspec

from collector.trade.due import Due, Reckoning
from collector.trade.models import Agreement, LedgerEntry, Settlement
from collector.trade.rules import balance
from collector.trade.rules.days import Period, period_of

ROUNDING = (
    "Each line is rounded once to a whole øre, a half away from zero; totals are the sums of the printed lines; "
    "VAT is computed for each rate on the sum of its lines, share and fees apart."
)
SECTION_OF = {"share": "sale", "fee": "fee", "scrap_fee": "scrapped"}
ORDER = {"sale": 0, "fee": 1, "correction": 2, "unsold": 3, "scrapped": 4}


@dataclass
class Booked:
    """What was booked for one subject: the sum for each rate of VAT, how often, and where it was first settled."""

    sums: dict[int, int] = field(default_factory=dict)
    count: int = 0
    first: int | None = None
    place: tuple[int, int] | None = None
    """Number of the settlement, and line in it."""
    last: LedgerEntry | None = None


@dataclass(frozen=True)
class Entry:
    """What is to be booked, and in which section it is printed."""

    due: Due
    section: str
    amount_ore: int
    vat_bp: int
    corrects: int | None = None
    place: tuple[int, int] | None = None
    count: int = 0


@dataclass(frozen=True)
class Line:
    """A printed line: what the document says, what people are shown beside it, and the entries that it sums up."""

    printed: dict[str, Any]
    extra: dict[str, Any]
    entries: tuple[Entry, ...]

    @property
    def subject(self) -> str:
        """What it is about, whatever its number is in the next proposal."""
        return self.entries[0].due.subject if len(self.entries) == 1 else str(self.extra.get("subject", ""))


@dataclass(frozen=True)
class Draft:
    """A period's settlement before it has a number."""

    agreement: Agreement
    period: Period
    entries: tuple[Entry, ...]
    lines: tuple[Line, ...]
    versions: tuple[date, ...]
    sums: balance.Sums
    next_to_close: Period
    set_off: bool

    @property
    def sha256(self) -> str:
        """Hash what would be booked and printed."""
        told = [
            [
                e.due.kind,
                e.due.subject,
                str(e.due.day),
                str(e.due.version.valid_from),
                e.amount_ore,
                e.vat_bp,
                e.section,
            ]
            for e in self.entries
        ]
        body = [told, [line.printed for line in self.lines], msgspec.to_builtins(self.sums), self.set_off]
        return hashlib.sha256(msgspec.json.encode(body)).hexdigest()

    def document(
        self,
        *,
        number: int | None = None,
        state: str = "proposed",
        issued_at: str | None = None,
        previous: str | None = None,
    ) -> dict[str, Any]:
        """Write the settlement's document: what `--json` prints and what is signed."""
        return {
            "number": number,
            "seller": self.agreement.seller.name,
            "customer": self.agreement.customer.name,
            "agreement": self.agreement.code,
            "versions": [str(day) for day in self.versions],
            "period": self.period.name,
            "state": state,
            "issued_at": issued_at,
            "rounding": ROUNDING,
            "lines": [line.printed for line in self.lines],
            **msgspec.to_builtins(self.sums),
            "previous_sha256": previous,
        }


def draft(agreement: Agreement, period: Period) -> Draft:
    """Work out a period. What an earlier period that is still open will settle, is left to it."""
    reckoning = Reckoning(agreement)
    last = last_settled(agreement)
    begins = first_open(reckoning, last, period)
    booked = books(agreement)
    if period.first > begins.first:
        booked = _as_if_settled(booked, reckoning.due(period.first - timedelta(days=1)))
    entries = tuple(_entries(reckoning, period, booked))
    lines = tuple(_lines(entries, reckoning, period))
    rule = reckoning.ruling(period.last)
    set_off = rule is not None and rule[1].set_off
    sums = balance.sums(
        [(e.amount_ore, e.vat_bp) for e in entries if e.due.kind == "share"],
        [(e.amount_ore, e.vat_bp) for e in entries if e.due.kind != "share"],
        opening=0 if last is None else last.closing_ore,
        set_off=set_off,
    )
    versions = {e.due.version.valid_from for e in entries} | ({rule[0].valid_from} if rule is not None else set())
    return Draft(agreement, period, entries, lines, tuple(sorted(versions)), sums, begins, set_off)


def last_settled(agreement: Agreement) -> Settlement | None:
    """Find the agreement's newest settlement."""
    rows = Settlement.unfiltered.filter(period__agreement=agreement).select_related("period")
    found: Settlement | None = rows.order_by("-period__first_day").first()
    return found


def first_open(reckoning: Reckoning, last: Settlement | None, asked: Period) -> Period:
    """Tell which period is the next to be closed: the one after the last, or the first in which anything counts."""
    if last is not None:
        closed = Period(last.period.first_day, last.period.last_day)
        return closed.next()
    day = reckoning.first_day()
    return asked if day is None or day >= asked.first else period_of(day, asked.length)


def books(agreement: Agreement) -> dict[str, Booked]:
    """Read what was booked: subject -> its sums."""
    found: defaultdict[str, Booked] = defaultdict(Booked)
    rows = LedgerEntry.unfiltered.filter(agreement=agreement).select_related("version", "unit").order_by("id")
    places = {
        entry: (number, line)
        for entry, number, line in rows.values_list("id", "settled__settlement__number", "settled__line")
    }
    for row in rows:
        one = found[row.subject]
        one.sums[row.vat_bp] = one.sums.get(row.vat_bp, 0) + row.amount_ore
        one.count += 1
        one.last = row
        if one.first is None:
            one.first, one.place = row.pk, places[row.pk]
    return dict(found)


def _as_if_settled(booked: dict[str, Booked], due: dict[str, Due]) -> dict[str, Booked]:
    found = dict(booked)
    for subject, one in due.items():
        if subject in booked or one.amount_ore or one.stands:
            before = booked.get(subject, Booked())
            found[subject] = replace(before, sums={one.vat_bp: one.amount_ore})
    return found


def _entries(reckoning: Reckoning, period: Period, booked: dict[str, Booked]) -> Iterable[Entry]:
    due = reckoning.due(period.last)
    for subject, one in due.items():
        before = booked.get(subject)
        if before is None:
            if one.amount_ore or one.stands:
                yield Entry(one, SECTION_OF[one.kind], one.amount_ore, one.vat_bp)
            continue
        yield from _corrections(one, before, {one.vat_bp: one.amount_ore})
    for subject, before in booked.items():
        if subject not in due and before.last is not None and reckoning.is_gone(subject):
            yield from _corrections(_gone(before.last), before, {})


def _corrections(one: Due, before: Booked, due: dict[int, int]) -> Iterable[Entry]:
    for vat, amount in balance.still_to_book(due, before.sums).items():
        yield Entry(one, "correction", amount, vat, before.first, before.place, before.count)


def _gone(last: LedgerEntry) -> Due:
    """What is due no more, as it was booked."""
    return Due(
        kind="fee" if last.kind == "fee" else "scrap_fee",
        subject=last.subject,
        day=last.occurred_on,
        version=last.version,
        amount_ore=0,
        vat_bp=last.vat_bp,
        unit=last.unit_id,
        unit_kind="" if last.unit is None else last.unit.kind,
        certificate=last.certificate,
    )


def _lines(entries: tuple[Entry, ...], reckoning: Reckoning, period: Period) -> Iterable[Line]:
    numbers = reckoning.numbers()
    single = [_line((one,), numbers, period) for one in entries if one.due.itemised]
    together: defaultdict[tuple[Any, ...], list[Entry]] = defaultdict(list)
    for one in entries:
        if not one.due.itemised:
            together[one.section, one.due.kind, one.due.unit_kind, one.vat_bp, one.place].append(one)
    summed = [_line(tuple(some), numbers, period) for some in together.values()]
    rule = reckoning.ruling(period.last)
    longest = None if rule is None else rule[1].unsold_days
    unsold = [
        Line(
            {**_printed("unsold", numbers, one.unit, one.kind, one.grade), "amount_ore": 0, "vat_bp": 0},
            {
                "since": str(one.since),
                "age_days": (period.last - one.since).days,
                "overdue": longest is not None and (period.last - one.since).days > longest,
            },
            (),
        )
        for one in reckoning.in_stock(period.last)
    ]
    return sorted([*single, *summed, *unsold], key=_place)


def _place(line: Line) -> tuple[Any, ...]:
    told = line.printed
    words = [told[name] or "" for name in ("kind", "asset_tag", "serial", "sold_on", "certificate")]
    subjects = [one.due.subject for one in line.entries]
    return ORDER[told["section"]], line.extra.get("since", ""), *words, told["vat_bp"], min(subjects, default="")


def _line(entries: tuple[Entry, ...], numbers: dict[int, dict[str, str]], period: Period) -> Line:
    """Print an entry, or the sum of several of a kind that is not itemised."""
    first, due = entries[0], entries[0].due
    alone = len(entries) == 1 and due.itemised
    printed = _printed(first.section, numbers, due.unit if alone else None, due.unit_kind, due.grade if alone else None)
    prices = [one.due.price_ore for one in entries if one.due.price_ore is not None]
    rates = {one.due.rate_bp for one in entries}
    printed |= {
        "certificate": (due.certificate or None) if alone else None,
        "sold_on": str(due.sold_on) if alone and due.sold_on else None,
        "channel": (due.channel or None) if alone else None,
        "price_ore": sum(prices) if prices else None,
        "base_ore": sum(one.due.base_ore for one in entries),
        "rate_bp": rates.pop() if len(rates) == 1 else None,
        "amount_ore": sum(one.amount_ore for one in entries),
        "vat_bp": first.vat_bp,
        "corrects": None if first.place is None else {"number": first.place[0], "line": first.place[1]},
    }
    extra: dict[str, Any] = {
        "what": due.kind,
        "late": first.section == "sale" and any(one.due.day < period.first for one in entries),
        "outcome": due.outcome if alone else "",
        "statement": due.statement,
        "pieces": len(entries),
    }
    if not alone:
        extra["subject"] = f"sum:{first.section}:{due.kind}:{due.unit_kind}:{first.vat_bp}"
    return Line(printed, extra, entries)


def _printed(
    section: str, numbers: dict[int, dict[str, str]], unit: int | None, kind: str, grade: str | None
) -> dict[str, Any]:
    known = numbers.get(unit, {}) if unit is not None else {}
    return {
        "section": section,
        "unit": unit,
        "asset_tag": known.get("asset_tag"),
        "serial": known.get("serial") or known.get("imei14") or known.get("meid14"),
        "kind": kind,
        "grade": grade or None,
        "certificate": None,
        "sold_on": None,
        "channel": None,
        "price_ore": None,
        "base_ore": None,
        "rate_bp": None,
        "amount_ore": 0,
        "vat_bp": 0,
        "corrects": None,
    }
