"""A workshop for the tests: a customer with a lot, computers received in it, and a bench that certifies drives."""

from __future__ import annotations

from typing import Any

from agent.certificates.certificate import Certificate, sign
from agent.certificates.record import Asset, Customer, Drives, Operator, Reason, Verification
from collector.certificates.identifiers import identify
from collector.parties.services import Actor
from collector.units import changing, linking, lots
from collector.units.matching import Seen
from collector.units.models import Unit
from collector.units.receiving import Arrival, receive
from tests.collector.certificates.samples import NOTHING
from tests.collector.conftest import drive, record
from tests.collector.house import House
from tests.collector.test_web import Site

FAILED: dict[str, Any] = {
    "outcome": "failed",
    "reason": Reason("BW-E02", "Parts of the drive could not be read", "Destroy it."),
    "sanitization": NOTHING,
    "verification": Verification(kind="none", result="not-run"),
}


class Workshop:
    """A customer with a lot, computers of one drive that were received in it, and their certificates."""

    def __init__(self, house: House) -> None:
        self.house, self.site = house, Site(house)
        self.customer = house.organisation("Kolding Kommune", "customer")
        self.lead = self.actor("team_lead")
        self.lot = lots.open_lot(self.lead, self.customer, "L1")
        self.previous: str | None = None
        self.count = 0

    def actor(self, role: str, **facts: Any) -> Actor:  # noqa: ANN401
        person = self.house.person(role, **facts)
        return Actor(person.login, person)

    def receive(self, count: int) -> None:
        """Take computers in: tag T1, T2 .., each with one drive."""
        told = "serial,asset_tag,imei,kind,drives\n" + "".join(
            f"DEVICE{n:04d},T{n},,laptop,1\n" for n in range(1, count + 1)
        )
        received(self, told)

    def certify(self, tag: str, **facts: Any) -> Certificate:  # noqa: ANN401 - fields of Record
        """Let the bench certify the drive in a computer."""
        self.count += 1
        one = sign(
            record(
                self.count,
                self.previous,
                **{
                    "customer": Customer(name="Kolding Kommune", lot="L1"),
                    "asset": Asset(tag=tag, kind="computer", drives=Drives(index=1, of=1)),
                    "drive": drive(f"DRIVE{tag}"),
                    "operator": Operator(id="ida", name="Ida"),
                    **facts,
                },
            ),
            self.site.key,
        )
        self.site.put(one)
        self.previous = one.id
        linking.follow_all()
        return one

    def unit(self, tag: str) -> Unit:
        return changing.unit_named(tag, self.customer)


def received(shop: Workshop, text: str) -> None:
    """Receive a file's units."""
    found = []
    for n, line in enumerate(text.splitlines()[1:], start=2):
        serial, tag, _imei, kind, drives = line.split(",")
        numbers = [identify("serial", serial), identify("asset_tag", tag)]
        found.append(Arrival(Seen(tuple(x for x in numbers if x)), kind, int(drives), row=n))
    receive(shop.lead, shop.lot, found)
