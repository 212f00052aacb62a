"""An agreement, units whose drives were erased, files of sales: what the trade's tests begin with."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from collector.certificates import identifiers
from collector.intake.models import Certificate, Station, StationKey
from collector.parties.models import Person
from collector.parties.services import Actor
from collector.trade import agreements, sales
from collector.trade.models import Agreement
from collector.trade.sale_rows import Taken
from collector.trade.sales_file import COLUMNS
from collector.units.models import DriveLink, Identifier, Lot, Unit, UnitEvent
from tests.collector.house import House

ACTOR = Actor("test")
VERSION = """
[[version]]
valid_from = {valid_from}
share_base = "{base}"
recognise = "{recognise}"
fee_vat_bp = 2500
{more}
  [[version.rate]]
  kind = "*"
  share_bp = 4000
  fee_erased_ore = 7500
  fee_attested_ore = 3000
  fee_destroyed_ore = 9000
{rates}
"""


def at(day: date | str) -> datetime:
    """Noon of a day."""
    return datetime.combine(day if isinstance(day, date) else date.fromisoformat(day), time(11), UTC)


class Books:
    """A customer, a seller, their finance people, an agreement that binds."""

    def __init__(
        self, house: House, customer: str = "Odense Kommune", seller: str = "NordVirk", prefix: str = ""
    ) -> None:
        self.house = house
        self.customer = house.organisation(customer, "customer")
        self.seller = house.organisation(seller, "operator")
        self.customer.cvr, self.customer.gln = "35209115", "5798006630011"
        self.customer.address = "Flakhaven 2, 5000 Odense C"
        self.seller.cvr, self.seller.address = "12345674", "Energivej 1, Odense"
        for one in (self.customer, self.seller):
            one.save()
        self.ours: Person = house.person("finance", self.seller, f"{prefix}seller-finance")
        self.theirs: Person = house.person("customer_finance", self.customer, f"{prefix}customer-finance")
        self.lot, _ = Lot.unfiltered.get_or_create(customer=self.customer, code="LOT-1")
        self._key: StationKey | None = None

    def agree(self, *versions: str, approve: bool = True, title: str = "Salg af brugt it-udstyr") -> Agreement:
        """Load an agreement, approved by both sides."""
        text = f'customer = "{self.customer}"\nseller = "{self.seller}"\ntitle = "{title}"\ncurrency = "DKK"\n'
        file = self.house.folder / "agreement.toml"
        file.write_text(text + "".join(versions or [version()]), "utf-8")
        agreement = agreements.load(ACTOR, agreements.read_file(file), where=str(file))
        for row in agreement.versions.filter(binding_at__isnull=True) if approve else ():
            agreements.approve(ACTOR, agreement, row.valid_from, self.ours)
            agreements.approve(ACTOR, agreement, row.valid_from, self.theirs)
        return agreement

    def unit(
        self,
        serial: str,
        kind: str = "laptop",
        *,
        tag: str = "",
        imei: str = "",
        drives: int | None = 1,
        erased_on: str | None = "2026-01-05",
        outcome: str = "erased",
        received_on: str = "2026-01-02",
        grade: str = "",
    ) -> Unit:
        """A unit that was received, with a certificate for each of its drives."""
        unit: Unit = Unit.unfiltered.create(
            customer=self.customer, kind=kind, made_by="intake", registered=True, lot=self.lot, presence="received",
            received_at=at(received_on), drives_counted=drives, disposal="stock", headline="received",
        )  # fmt: skip
        for of, text, norm in (
            ("serial", serial, identifiers.serial(serial)),
            ("asset_tag", tag, identifiers.asset_tag(tag)),
            ("imei14", imei, identifiers.imei(imei)),
        ):
            if norm:
                Identifier.objects.create(
                    unit=unit, customer=self.customer, kind=of, norm=norm, seen_as=text, source="intake"
                )
        if erased_on is not None:
            for number in range(1 if drives is None else max(drives, 0)):
                self.link(unit, f"{serial}-D{number}", erased_on, outcome)
        if grade:
            self.event(unit, "graded", erased_on or received_on, data={"grade": grade})
        return unit

    def link(self, unit: Unit, drive: str, day: str, outcome: str = "erased", **more: Any) -> DriveLink:  # noqa: ANN401
        """A certificate of one of its drives."""
        key = self._station_key()
        name = hashlib.sha256(f"{unit.pk} {drive} {day} {outcome}".encode()).hexdigest()
        certificate = Certificate.unfiltered.create(
            id=name, signed_by=key, station=key.station, sequence=Certificate.unfiltered.count() + 1, chain="ok",
            number=f"bench-01-{name[:6]}", outcome=outcome, serial=drive, model="ACME", asset_tag="", lot="",
            customer_name=self.customer.name, operator="", finished_at=f"{day}T11:00:00Z", clock_synchronised=True,
            received_at=at(day), search="", customer=self.customer,
        )  # fmt: skip
        return DriveLink.objects.create(
            unit=unit, certificate=certificate, drive=drive, outcome=outcome, finished_at=at(day), rule="serial", **more
        )

    def event(self, unit: Unit, kind: str, day: str, **more: Any) -> UnitEvent:  # noqa: ANN401
        """Something that happened to a unit."""
        return UnitEvent.objects.create(unit=unit, kind=kind, occurred_at=at(day), who="test", **more)

    def sell(self, *rows: dict[str, Any], **more: Any) -> Taken:  # noqa: ANN401
        """Take sales in, as a file of these rows."""
        return sales.import_sales(ACTOR, self.seller, sales_csv(rows), where="sales.csv", **more)

    def _station_key(self) -> StationKey:
        if self._key is None:
            station, _ = Station.objects.get_or_create(id="bench-01")
            self._key, _ = StationKey.objects.get_or_create(station=station, thumbprint="t" * 43, x="x" * 43)
        return self._key


def version(
    valid_from: str = "2026-01-01", base: str = "gross", recognise: str = "sold", more: str = "", rates: str = ""
) -> str:
    """A version of an agreement, as it stands in a file."""
    return VERSION.format(valid_from=valid_from, base=base, recognise=recognise, more=more, rates=rates)


def sale(identifier: str, price: int | None = 150_000, sold_on: str = "2026-01-20", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """A row of a sales file."""
    row = {
        "event": "sale", "channel": "web", "reference": f"R-{identifier}", "line": "1", "sold_on": sold_on,
        "identifier": identifier, "price_ore": "" if price is None else price, "currency": "DKK", "vat_mode": "margin",
    }  # fmt: skip
    return {**row, **more}


def sales_csv(rows: Iterable[dict[str, Any]]) -> bytes:
    """Write rows as a sales file."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows([row.get(name, "") for name in COLUMNS] for row in rows)
    return out.getvalue().encode()


def write_sales(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """Write rows into a file."""
    path.write_bytes(sales_csv(rows))
    return path
