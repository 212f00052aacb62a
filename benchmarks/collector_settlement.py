"""How long a settlement of many lines takes, and what memory: sales taken in, proposed, closed with all its documents.

    .venv/bin/python -m benchmarks.collector_settlement [--lines 7000] [--database sqlite:///c.db] [--keep]

Half of the lines are units that were sold, half the fees of their erasure. The units and their certificates' facts are
written past the intake; sales come in from a file, as the command takes them. The peaks are those of this process and
of the process that makes the documents (VmHWM). Exit status 1 where closing takes over --limit-s, or either peak is
over --limit-mib.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from collector import boot, settings

CHUNK = 1000
AGREEMENT = """customer = "Odense Kommune"
seller = "NordVirk"
title = "Salg af brugt it-udstyr"
[[version]]
valid_from = 2026-01-01
share_base = "net_margin"
  [[version.rate]]
  kind = "*"
  share_bp = 4000
  fee_erased_ore = 7500
"""


def begin(folder: Path, database: str) -> None:
    """Make a collector with an agreement that binds."""
    (folder / "c.toml").write_text(f'[database]\nurl = "{database}"\n')
    boot.boot(settings.load(folder / "c.toml"))
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    from collector.parties import services
    from collector.trade import agreements

    actor = services.Actor("benchmark")
    customer = services.add_organisation(actor, "Odense Kommune", "customer", cvr="35209115", gln="5798006630011")
    seller = services.add_organisation(actor, "NordVirk", "operator", cvr="12345674")
    people = [("fin", "finance", seller), ("kun", "customer_finance", customer)]
    (folder / "a.toml").write_text(AGREEMENT)
    one = agreements.load(actor, agreements.read_file(folder / "a.toml"), where="a.toml")
    for login, role, house in people:
        person = services.add_person(actor, login, name=login, role=role, organisation=house, password=None)
        agreements.approve(actor, one, one.versions.get().valid_from, person)


def fill(units: int) -> None:
    """Write units with a certificate each."""
    from collector.intake.models import Certificate, Station, StationKey
    from collector.parties.models import Organisation
    from collector.units.models import DriveLink, Identifier, Lot, Unit

    customer = Organisation.objects.get(kind="customer")
    station = Station.objects.create(id="bench-01")
    key = StationKey.objects.create(station=station, thumbprint="t" * 43, x="x" * 43)
    lot = Lot.unfiltered.create(customer=customer, code="LOT-1")
    at = datetime(2026, 1, 5, 11, tzinfo=UTC)
    for first in range(0, units, CHUNK):
        numbers = range(first, min(first + CHUNK, units))
        made = Unit.unfiltered.bulk_create(
            Unit(
                customer=customer, kind="laptop", made_by="register", registered=True, lot=lot, presence="received",
                received_at=at, drives_counted=1, data="erased", disposal="stock", headline="erased",
            )
            for _ in numbers
        )  # fmt: skip
        Identifier.objects.bulk_create(
            Identifier(unit=unit, customer=customer, kind=kind, norm=text, seen_as=text, source="register")
            for n, unit in zip(numbers, made, strict=True)
            for kind, text in (("serial", f"PF{n:08d}"), ("asset_tag", f"OK-{n:07d}"))
        )
        certificates = Certificate.unfiltered.bulk_create(
            Certificate(
                id=f"{n:064x}", signed_by=key, station=station, sequence=n + 1, chain="ok", number=f"bench-01-{n:06d}",
                outcome="erased", serial=f"S{n}", model="ACME", asset_tag="", lot="LOT-1", customer=customer,
                customer_name=customer.name, operator="", finished_at="2026-01-05T11:00:00Z", clock_synchronised=True,
                received_at=at, search="",
            )
            for n in numbers
        )  # fmt: skip
        DriveLink.objects.bulk_create(
            DriveLink(unit=unit, certificate=one, drive=one.serial, outcome="erased", finished_at=at, rule="serial")
            for unit, one in zip(made, certificates, strict=True)
        )


def sales(units: int) -> bytes:
    """Write the file of sales."""
    chance = random.Random(1)
    rows = ["channel,reference,line,sold_on,identifier,price_ore,currency,vat_mode"]
    rows += [
        f"web,R-{n},1,2026-0{chance.randint(1, 3)}-1{n % 10},PF{n:08d},{chance.randint(20_000, 300_000)},DKK,margin"
        for n in range(units)
    ]
    return "\n".join(rows).encode()


def busy() -> tuple[float, float]:
    """Tell how long this process and those that it waited for have computed."""
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime, others.ru_utime + others.ru_stime


def timed(name: str, work: Any) -> tuple[float, Any]:  # noqa: ANN401 - whatever is measured
    """Do it, and say how long it took."""
    begun, before = time.monotonic(), busy()
    found = work()
    took, here, others = time.monotonic() - begun, *(now - then for now, then in zip(busy(), before, strict=True))
    print(f"{name}: {took:.1f} s (processor: {here:.1f} s here, {others:.1f} s making documents)", flush=True)
    return took, found


def main() -> int:
    """Measure it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=7000)
    parser.add_argument("--database", default="sqlite:///c.db")
    parser.add_argument("--limit-s", type=float, default=60.0)
    parser.add_argument("--limit-mib", type=float, default=300.0)
    parser.add_argument("--keep", action="store_true", help="Leave the folder with its database.")
    told = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="benchwipe-settlement-"))
    begin(folder, told.database)
    from collector.parties.models import Organisation
    from collector.parties.services import Actor, person_named
    from collector.trade import agreements, closing
    from collector.trade import sales as taking
    from collector.trade.models import Settlement
    from collector.trade.rules.days import period_named

    actor, units = Actor("benchmark"), told.lines // 2
    seller, period = Organisation.objects.get(name="NordVirk"), period_named("2026-Q1")
    assert period is not None
    timed(f"{units} units written", lambda: fill(units))
    _, taken = timed("sales taken in", lambda: taking.import_sales(actor, seller, sales(units), where="sales.csv"))
    assert taken.new == units, taken.rejected[:3]
    agreement = agreements.named("odense-kommune-salg-af-brugt-it-udstyr")
    timed("proposed", lambda: closing.propose(actor, agreement, period))
    took, _ = timed("closed", lambda: closing.close(actor, agreement, period, person_named("fin")))
    closed = Settlement.unfiltered.get()
    peaks = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    sizes = ", ".join(f"{one.kind} {len(one.data) / 1e6:.2f} MB" for one in closed.files.order_by("kind"))
    print(f"{closed.lines_count} lines; peaks {peaks[0]:.0f} MiB here, {peaks[1]:.0f} MiB the documents; {sizes}")
    if not told.keep:
        for path in sorted(folder.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        folder.rmdir()
    return int(took > told.limit_s or max(peaks) > told.limit_mib)


if __name__ == "__main__":
    sys.exit(main())
