"""What a year comes to, worked out in fractions from its files alone. It shares no code with the product.

Written from the words of docs/trade.md: bases of a share, rates, days, fees, corrections, balance, statuses, effect.
Everything that it knows it reads itself: CSV, TOML, and the payloads of the certificates.
"""

from __future__ import annotations

import base64
import csv
import json
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

MEMBERS = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EU = set(MEMBERS.split(" "))


def half_up(value: Fraction) -> int:
    size = (abs(value) * 2 + 1) // 2
    return int(size) if value >= 0 else -int(size)


@dataclass
class Thing:
    """A device as the files name it."""

    tag: str
    serial: str
    imei: str
    kind: str
    registered: bool = False
    received: bool = False
    wanted: int | None = None
    drives: dict[str, tuple[str, date]] = field(default_factory=dict)
    destroyed_on: date | None = None


@dataclass
class Sold:
    """A line of a sale with what happened to it."""

    key: tuple[str, str, str]
    thing: Thing | None
    kind: str
    grade: str
    quantity: int
    price: int
    costs: int
    mode: str
    country: str
    day: date
    events: list[tuple[str, date, int]] = field(default_factory=list)

    def price_on(self, day: date) -> int:
        return self.price + sum(amount for _, on, amount in self.events if on <= day)

    def back_on(self, day: date) -> bool:
        return any(kind in ("return", "cancel") and on <= day for kind, on, _ in self.events)


@dataclass
class Settled:
    """A period: sums, and amounts by section and asset tag ("" for lines that are not itemised)."""

    share_ore: int = 0
    share_vat_ore: int = 0
    fees_ore: int = 0
    fees_vat_ore: int = 0
    opening_ore: int = 0
    payable_ore: int = 0
    closing_ore: int = 0
    lines: Counter[tuple[str, str]] = field(default_factory=Counter)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Oracle:
    """One customer's year."""

    def __init__(self, agreement: Path) -> None:
        told = tomllib.loads(agreement.read_text("utf-8"))
        self.customer = told["customer"]
        self.versions = sorted(told["version"], key=lambda one: one["valid_from"])
        self.things: dict[str, Thing] = {}
        self.sold: dict[tuple[str, str, str], Sold] = {}
        self.booked: Counter[str] = Counter()
        self.carried = 0

    # what came in

    def register(self, path: Path) -> None:
        for row in rows(path):
            self._thing(row).registered = True

    def received(self, path: Path) -> None:
        for row in rows(path):
            one = self._thing(row)
            one.received = True
            if row["drives"]:
                one.wanted = int(row["drives"])

    def _thing(self, row: dict[str, str]) -> Thing:
        found = self.things.get(row["serial"])
        if found is None:
            found = Thing(row["asset_tag"], row["serial"], row["imei"], row["kind"])
            self.things[row["serial"]] = found
        return found

    def certificates(self, compacts: Iterable[bytes]) -> None:
        by_tag = {one.tag: one for one in self.things.values()}
        for compact in compacts:
            payload = compact.split(b".")[1]
            told = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)))
            outcome = told["outcome"]
            if outcome == "erased" and told.get("attestation"):
                outcome = "attested"
            drive, day = told["drive"]["serial"], date.fromisoformat(told["finished_at"][:10])
            by_tag[told["asset"]["tag"]].drives[drive] = (outcome, day)

    def destroyed(self, serial: str, day: date) -> None:
        self.things[serial].destroyed_on = day

    def sales(self, path: Path) -> None:
        bulk: dict[tuple[str, str], int] = {}
        told: defaultdict[tuple[str, str], list[Sold]] = defaultdict(list)
        names = {name: one for one in self.things.values() for name in (one.serial, one.tag, one.imei) if name}
        for row in rows(path):
            order, day = (row["channel"], row["reference"]), date.fromisoformat(row["sold_on"])
            if row["event"] not in ("", "sale"):
                self.sold[(*order, row["line"])].events.append((row["event"], day, int(row["price_ore"])))
            elif row["line"] == "bulk":
                bulk[order] = int(row["price_ore"])
            else:
                one = self._line(row, day, names.get(row["identifier"]))
                told[order].append(one)
        for order, price in bulk.items():
            parts = told[order]
            each, left = divmod(price, len(parts))
            for place, one in enumerate(parts):  # equal weights: the øre that are left go to the first in the file
                one.price = each + (place < left)

    def _line(self, row: dict[str, str], day: date, thing: Thing | None) -> Sold:
        one = Sold(
            (row["channel"], row["reference"], row["line"]), thing, row["kind"] or (thing.kind if thing else "other"),
            row["grade"], int(row["quantity"] or 1), int(row["price_ore"] or 0), int(row["costs_ore"] or 0),
            row["vat_mode"], row["country"] or "DK", day,
        )  # fmt: skip
        self.sold[one.key] = one
        return one

    # what it comes to

    def version(self, day: date) -> dict[str, Any]:
        found: dict[str, Any] = [one for one in self.versions if one["valid_from"] <= day][-1]
        return found

    @staticmethod
    def rate(version: dict[str, Any], kind: str, grade: str) -> dict[str, Any]:
        by = {(one["kind"], one.get("grade", "*")): one for one in version["rate"]}
        wanted = ((kind, grade), (kind, "*"), ("*", grade), ("*", "*"))
        found: dict[str, Any] = next(by[one] for one in wanted if one in by)
        return found

    def share(self, one: Sold, until: date) -> int | None:
        """What is the customer's of a line as of a day; None where it is not recognised yet."""
        version = self.version(one.day)
        rate = self.rate(version, one.kind, one.grade)
        counts = {"sold": one.day, "return_window": one.day + timedelta(days=version["return_days"] + 1)}
        if counts[version["recognise"]] > until:
            return None
        price = Fraction(one.price_on(until))
        if price <= 0 and any(on <= until for _, on, _ in one.events):
            return 0
        if version["share_base"] == "fixed":
            return 0 if one.back_on(until) else rate.get("fixed_ore", 0) * one.quantity
        part = Fraction(rate.get("share_bp", 0), 10000)
        found = half_up(self._exact(version["share_base"], one, price, part))
        floor = 0 if one.back_on(until) else rate.get("floor_ore", 0) * one.quantity
        return max(found, floor)

    @staticmethod
    def _exact(base: str, one: Sold, price: Fraction, part: Fraction) -> Fraction:
        if base == "gross":
            return price * part
        if base == "net_margin" and one.mode == "margin":
            # The margin's VAT is a fifth of what is left after the share: s = part * (P - (P - s) / 5).
            return part * price * Fraction(4, 5) / (1 - part / 5)
        vat = price / 5 if one.mode == "standard" or (one.mode == "margin" and base == "net_standard") else 0
        if base != "net_costs":
            return (price - vat) * part
        if one.mode == "margin":
            return max(Fraction(0), part * (price * Fraction(4, 5) - one.costs) / (1 - part / 5))
        return max(Fraction(0), (price - vat - one.costs) * part)

    def fee(self, thing: Thing) -> tuple[date, int, int] | None:
        """The fee of a unit: its day, its amount (below nothing), its VAT's rate; None while a drive is open."""
        if thing.destroyed_on is not None:
            ends = [("destroyed", thing.destroyed_on)]
        else:
            ends = list(thing.drives.values())
            wanted = 1 if thing.kind in ("tablet", "phone") else thing.wanted
            if not ends or wanted != len(ends) or any(what not in ("erased", "attested") for what, _ in ends):
                return None
        day = max(on for _, on in ends)
        version = self.version(day)
        rate = self.rate(version, thing.kind, "*")
        return day, -max(rate[f"fee_{what}_ore"] for what, _ in ends), version["fee_vat_bp"]

    def settle(self, last: date, *, closing: bool) -> Settled:
        """Settle the period that ends on a day; a proposal books nothing."""
        found, booked, fees = Settled(opening_ore=self.carried), Counter(self.booked), Counter[int]()
        for one in self.sold.values():
            due = self.share(one, last)
            if due is not None:
                self._add(found, booked, f"share {one.key}", due, "sale", one)
        for thing in self.things.values():
            told = self.fee(thing)
            if told is not None and told[0] <= last and told[1] and f"fee {thing.serial}" not in booked:
                booked[f"fee {thing.serial}"] = told[1]
                found.fees_ore += told[1]
                fees[told[2]] += told[1]
                found.lines["fee", thing.tag] += told[1]
        found.fees_vat_ore = sum(half_up(Fraction(amount * bp, 10000)) for bp, amount in fees.items())
        balance = found.opening_ore + found.share_ore + found.share_vat_ore
        if self.version(last)["set_off"]:
            balance += found.fees_ore + found.fees_vat_ore
        found.payable_ore, found.closing_ore = max(balance, 0), min(balance, 0)
        if closing:
            self.booked, self.carried = booked, found.closing_ore
        return found

    def _add(self, found: Settled, booked: Counter[str], name: str, due: int, section: str, one: Sold) -> None:
        """The difference to what was booked: the first stands under sale, later ones under correction."""
        if name in booked:
            section = "correction"
        amount = due - booked[name]
        if section == "correction" and amount == 0:
            return
        if section == "sale" and due == 0 and one.events:
            return
        booked[name] = due
        found.share_ore += amount
        itemised = self.rate(self.version(one.day), one.kind, one.grade).get("itemised", True)
        found.lines[section, one.thing.tag if itemised and one.thing else ""] += amount

    def statuses(self) -> Counter[str]:
        """Count the units by their status, once every lot is closed."""
        found: Counter[str] = Counter()
        for thing in self.things.values():
            ends = {what for what, _ in thing.drives.values()}
            if not thing.received:
                found["missing"] += 1
            elif not thing.registered:
                found["unexpected"] += 1
            elif thing.destroyed_on is not None:
                found["destroyed"] += 1
            elif "failed" in ends:
                found["failed"] += 1
            else:
                found["attested" if "attested" in ends else "erased"] += 1
        return found

    def effect(self, year: int, factors: Path) -> dict[str, Any]:
        """What reuse came to in a year: units, and kilograms of CO2e in their range, in grams."""
        table = tomllib.loads(factors.read_text("utf-8"))["factor"]
        first: dict[object, Sold] = {}
        for one in sorted(self.sold.values(), key=lambda sold: sold.day):
            if not one.back_on(date.max):
                first.setdefault(one.thing.serial if one.thing else one.key, one)
        units: Counter[str] = Counter()
        avoided: dict[str, Counter[str]] = {"eu": Counter(), "outside_eu": Counter()}
        for one in first.values():
            if one.day.year != year:
                continue
            region = "eu" if one.country in EU else "outside_eu"
            units[region] += one.quantity
            for end, grams in self._avoided(table, one.kind).items():
                avoided[region][end] += grams * one.quantity
        return {"units": dict(units), "avoided": {region: dict(told) for region, told in avoided.items()}}

    @staticmethod
    def _avoided(table: list[dict[str, Any]], kind: str) -> dict[str, int]:
        by = {(row["what"], row["kind"]): row for row in table}
        names = ("production", "displacement", "credited_life", "expected_life", "refurbishing")
        told = {name: by.get((name, kind)) or by.get((name, "*")) for name in names}
        if not all(told.values()):
            return {}
        found = {}
        for end, other in (("low", "high"), ("mid", "mid"), ("high", "low")):
            of = {name: Fraction(row[other if name in names[3:] else end]) for name, row in told.items() if row}
            years = min(Fraction(1), of["credited_life"] / of["expected_life"])
            exact = of["production"] * of["displacement"] / 10000 * years - of["refurbishing"]
            found[end] = 100 * half_up(exact / 100)
        return found
