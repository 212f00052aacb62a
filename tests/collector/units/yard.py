"""A customer, its lots, its register, and certificates that a bench signs, over a house's database."""

from __future__ import annotations

from typing import Any

from agent.certificates.certificate import Certificate, sign
from agent.certificates.record import Asset, Drives
from collector.parties.services import Actor
from collector.units import linking, lots, receive_file, reconciling, registering
from collector.units.models import Lot, Unit
from collector.units.registering import Imported
from tests.collector.conftest import drive, record
from tests.collector.house import House
from tests.collector.test_web import Site

MACHINE = Actor("by command line, root")


class Yard:
    """Kolding's units."""

    def __init__(self, house: House, customer: str = "Kolding Kommune") -> None:
        self.house = house
        self.site = Site(house)
        self.customer = house.organisation(customer, "customer")
        self.lead = Actor("team_lead", house.person("team_lead"))
        self._sequence = 0
        self._last: str | None = None

    def lot(self, code: str = "L1") -> Lot:
        return lots.open_lot(self.lead, self.customer, code)

    def register(self, text: str, **more: Any) -> Imported:  # noqa: ANN401
        return registering.import_register(MACHINE, self.customer, text.encode(), "register.csv", **more)

    def receive(self, text: str, code: str = "L1") -> dict[str, Any]:
        return receive_file.receive_bytes(MACHINE, lots.lot_named(self.customer, code), text.encode(), "received.csv")

    def close(self, code: str = "L1") -> None:
        lots.close_lot(self.lead, lots.lot_named(self.customer, code))

    def certificate(self, serial: str, *, drives: tuple[int, int] | None = None, asset: Any = None, **more: Any) -> Any:  # noqa: ANN401
        """Sign and store a certificate of a drive; `asset`: what it came in."""
        if isinstance(asset, dict):
            told = {"tag": "", **asset}
            asset = Asset(**told, drives=None if drives is None else Drives(index=drives[0], of=drives[1]))
        self._sequence += 1
        told_drive = drive(serial) if isinstance(serial, str) else serial
        signed = sign(record(self._sequence, self._last, asset=asset, drive=told_drive, **more), self.site.key)
        self._last = signed.id
        self.site.put(signed)
        return signed

    def follow(self) -> int:
        return linking.follow_all()

    def report(self, code: str | None = None) -> dict[str, Any]:
        lot = None if code is None else lots.lot_named(self.customer, code)
        found = reconciling.reconcile(self.customer, lot)
        assert found.problems == []
        return found.document()

    def status(self, number: str) -> str:
        """The status of the unit with this serial number or tag, as it is reported."""
        return str(self.line(number)["status"])

    def line(self, number: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = [
            u for u in self.report()["units"] if number in (u["serial"], u["asset_tag"], u["imei"])
        ]
        assert len(found) == 1, found
        return found[0]

    def unit(self, number: str) -> Unit:
        found: Unit = Unit.unfiltered.get(pk=self.line(number)["unit"])
        return found


__all__ = ["MACHINE", "Certificate", "Yard"]
