"""How long a search takes among a million certificates, while more come in (p50, p99, longest), for each kind of word.

    .venv/bin/python -m benchmarks.collector_search [--rows 1000000] [--searches 200] [--per-second 20]
        [--database sqlite:///collector.db] [--folder FOLDER] [--keep]

The rows are written past the intake (their signed bytes are left out: no search reads them); those that come in
meanwhile are signed, judged and kept as the intake keeps them, by a process of its own. Each search is what the page
asks of the database: the first page of fifty, its rows too. Exit status 1 where the p99 of a kind is over --limit-ms.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates.certificate import sign
from agent.certificates.jws import thumbprint
from agent.certificates.record import Record
from benchmarks.collector_receipts import RECORD
from collector import boot, settings
from collector.parties.roles import TEAM_LEAD, Sight, Standing

CHUNK = 5_000
STATIONS, CUSTOMERS, OPERATORS, LOT_OF = 40, 98, 60, 250
WORDS = ("ThinkPad", "EliteBook", "Latitude", "OptiPlex", "MacBook", "ProDesk")
VENDORS = ("Samsung SSD 870 EVO", "WDC WD5000AAKX", "ST1000DM010", "KINGSTON SA400S37", "INTEL SSDSC2KW")
CERTIFICATE = (
    "id", "signed_by_id", "station_id", "sequence", "previous", "chain", "number", "outcome", "serial", "model",
    "asset_tag", "customer_name", "customer_id", "lot", "operator", "finished_at", "clock_synchronised", "received_at",
    "search", "arrival",
)  # fmt: skip
STAFF = Sight(frozenset({Standing(TEAM_LEAD, 1, "operator")}))


def facts(n: int) -> dict[str, Any]:
    """Certificate n: what is on it, the same for the same number."""
    mixed = int.from_bytes(hashlib.blake2s(str(n).encode(), digest_size=8).digest(), "big")
    station, customer = mixed % STATIONS, min(mixed // 7 % CUSTOMERS, mixed // 701 % CUSTOMERS)
    return {
        "station": f"bench-{station:02d}",
        "sequence": n,
        "number": f"bench-{station:02d}-{n:06d}",
        "serial": f"S{mixed % 36**9:09X}"[:12],
        "wwn": f"0x5{mixed % 16**15:015x}",
        "vendor": VENDORS[mixed // 11 % len(VENDORS)],
        "tag": f"K{customer:02d}-{n:07d}",
        "device": f"PF{mixed // 13 % 36**8:08X}",
        "model": WORDS[mixed // 17 % len(WORDS)],
        "customer": customer,
        "lot": f"2026-{n // LOT_OF:05d}",
        "operator": f"op-{mixed // 19 % OPERATORS:02d}",
        "outcome": "failed" if mixed % 50 == 0 else "erased",
        "imei": f"{35_000_000_000_000 + mixed // 23 % 10**12}" if mixed % 10 == 0 else "",
    }


def customer_name(number: int) -> str:
    """Name a customer."""
    return f"Municipality {number:02d} of the north"


def found_row(told: dict[str, Any]) -> dict[str, str]:
    """What the certificate is found by, as search_rows.py writes it; built here since no record is made."""
    norms = {
        "number": told["number"], "drive_serial": told["serial"], "serial": told["device"],
        "wwn": told["wwn"][2:].upper(),
        "asset_tag": told["tag"], "imei14": told["imei"], "meid14": "", "lot": told["lot"],
        "customer_name": customer_name(told["customer"]).casefold(), "operator": told["operator"],
        "operator_name": f"person {told['operator'][3:]}",
    }  # fmt: skip
    seen = [*norms.values(), told["vendor"], told["wwn"], told["station"], told["model"]]
    return {**norms, "text": "\n".join(dict.fromkeys(one.casefold() for one in seen if one))}


def chunks(count: int, customers: list[int], key: int) -> Iterator[tuple[list[Any], list[Any]]]:
    """Rows of both tables, some thousands together."""
    from collector.certificates.search_index import ALL
    from collector.moments import now_text

    when = now_text().replace("T", " ").replace("Z", "")
    for first in range(1, count + 1, CHUNK):
        rows, found = [], []
        for n in range(first, min(first + CHUNK, count + 1)):
            told, row = facts(n), found_row(facts(n))
            owner = customers[told["customer"]]
            rows.append((
                hashlib.sha256(str(n).encode()).hexdigest(), key, told["station"], n, None, "ok", told["number"],
                told["outcome"], told["serial"], told["vendor"], told["tag"], customer_name(told["customer"]), owner,
                told["lot"], told["operator"], "2026-11-22T10:00:00Z", True, when, "", n,
            ))  # fmt: skip
            head = {"arrival": n, "customer_id": owner, "station_id": told["station"], "outcome": told["outcome"]}
            found.append([{**head, **row}[name] for name in ALL])
        yield rows, found


def seed(count: int) -> None:
    """Write the rows. On PostgreSQL the sequence of arrivals goes on behind them."""
    from django.db import connection, transaction

    from collector.certificates import search_index, search_schema
    from collector.intake.models import StationKey
    from collector.parties import services

    actor = services.Actor("benchmark")
    names = [services.add_organisation(actor, customer_name(n), "customer").pk for n in range(CUSTOMERS)]
    key = StationKey.objects.values_list("pk", flat=True)[0]
    insert = (
        f"INSERT INTO intake_certificate ({', '.join(CERTIFICATE)}) VALUES ({', '.join(['%s'] * len(CERTIFICATE))})"
    )
    if connection.vendor == "postgresql":  # made in one go afterwards: a third of the time
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX IF EXISTS found_trigrams")
    places = {name: place for place, name in enumerate(search_index.ALL)}
    for rows, found in chunks(count, names, key):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(insert, rows)
            cursor.executemany(search_index.INSERT, found)
            if connection.vendor == "sqlite":
                told = ("customer_id", "operator", "lot", "text")
                made = [(row[0], search_index._trigrams(*(row[places[name]] for name in told))) for row in found]
                cursor.executemany(search_index.INSERT_TRIGRAMS, made)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT setval(pg_get_serial_sequence('intake_certificate', 'arrival'), %s)", [count])
            cursor.execute("SET statement_timeout = 0")
            cursor.execute(search_schema.GIN)
            cursor.execute(f"ANALYZE intake_certificate; ANALYZE {search_schema.TABLE}")


def come_in(config: str, key: bytes, per_second: int, ready: Any, done: Any) -> None:  # noqa: ANN401 - events
    """Keep certificates, some a second, in batches of four a second, until it is over."""
    boot.boot(settings.load(Path(config)))
    from collector.intake.book import enrolled
    from collector.intake.judge import Delivery, judge
    from collector.intake.keeping import keep
    from collector.intake.taking import moment_to_spare

    while any(left for _, left in moment_to_spare.send(sender=None)):
        pass
    private, n = Ed25519PrivateKey.from_private_bytes(key), int(time.time()) * 1_000
    keys = {thumbprint(private.public_key()): private.public_key()}
    base = msgspec.convert(RECORD, Record)
    while not done.is_set():
        batch = []
        for _ in range(max(1, per_second // 4)):
            n += 1
            made = msgspec.structs.replace(
                base, number=f"late-{n:06d}", sequence=n, station=msgspec.structs.replace(base.station, id="late"),
                drive=msgspec.structs.replace(base.drive, serial=f"LATE{n:08d}"),
            )  # fmt: skip
            one = sign(made, private)
            batch.append(judge(Delivery("t", "late", one.id, one.compact), lambda _: keys))
        kept = keep(batch, enrolled({"late"}))
        assert all(one.result == "stored" for one in kept)
        moment_to_spare.send(sender=None)
        ready.set()
        done.wait(0.25)


def questions(count: int, chance: random.Random) -> dict[str, Callable[[], tuple[str, bool]]]:
    """Kind -> a word of it, and whether a customer's own person asks."""

    def of(name: str, cut: Callable[[str], str] = str) -> Callable[[], tuple[str, bool]]:
        def draw() -> tuple[str, bool]:
            while not (told := str(facts(chance.randint(1, count))[name])):
                continue
            return cut(told), False

        return draw

    def named() -> tuple[str, bool]:
        return customer_name(chance.randrange(CUSTOMERS)), False

    def as_customer(draw: Callable[[], tuple[str, bool]]) -> Callable[[], tuple[str, bool]]:
        return lambda: (draw()[0], True)

    return {
        "serial of the drive": of("serial"), "serial of the device": of("device"), "WWN": of("wwn"), "tag": of("tag"),
        "IMEI": of("imei"), "number": of("number"), "lot": of("lot"), "customer": named, "operator": of("operator"),
        "beginning of a serial": of("serial", lambda text: text[:5]),
        "beginning of a tag": of("tag", lambda text: text[:6]),
        "beginning of a number": of("number", lambda text: text[:9]),
        "two letters": of("serial", lambda text: text[:2]),
        "part of a serial": of("serial", lambda text: text[3:8]), "part of a WWN": of("wwn", lambda text: text[8:14]),
        "part of a model": lambda: (chance.choice(("inkpad", "870 evo", "sung", "optipl")), False),
        "three letters within": of("serial", lambda text: text[4:7]), "two words": lambda: ("elitebook wd5000", False),
        "word and lot": lambda: (f"thinkpad 2026-{chance.randrange(count // LOT_OF):05d}", False),
        "long ago": lambda: ("-01", False), "two words of long ago": lambda: ("-01 thinkpad", False),
        "nothing at all": lambda: (f"zz{chance.randrange(10**9)}q", False), "everything": lambda: ("", False),
        "own: everything": lambda: ("", True), "own: a serial": as_customer(of("serial")),
        "own: part of a serial": as_customer(of("serial", lambda text: text[3:8])),
        "own: a frequent word": lambda: ("samsung", True), "own: a lot of all": as_customer(of("lot")),
    }  # fmt: skip


def backend() -> Path | None:
    """Find where the kernel counts what PostgreSQL's process of this connection works; None where it is not here."""
    from django.db import connection

    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        place = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")
    return place if place.exists() else None


def worked(server: Path | None) -> float:
    """Seconds of processor that a search had so far, here and in the database: other work is not in them."""
    there = 0 if server is None else int(server.read_text().split()[0])
    return time.thread_time() + there / 1e9


def measure(options: argparse.Namespace) -> int:
    """Ask, and print a line for each kind; 1 where one is too slow."""
    from collector.certificates.queries import Search, certificates
    from collector.parties.models import Organisation
    from collector.parties.roles import CUSTOMER_DATA

    chance, slow = random.Random(1), 0
    own = list(Organisation.objects.filter(kind="customer").order_by("pk").values_list("pk", flat=True))
    everything: list[float] = []
    server = backend()
    for kind, draw in questions(options.rows, chance).items():
        if options.kind not in kind:
            continue
        took, work = [], []
        for _ in range(options.searches):
            text, as_customer = draw()
            sight = STAFF
            if as_customer:
                sight = Sight(frozenset({Standing(CUSTOMER_DATA, chance.choice(own), "customer")}))
            began, before = time.perf_counter(), worked(server)
            certificates(sight, Search(q=text))
            took.append((time.perf_counter() - began) * 1000)
            work.append((worked(server) - before) * 1000)
        took.sort()
        p99 = took[max(0, int(len(took) * 0.99) - 1)]
        everything += took
        slow += p99 > options.limit_ms
        busy = sorted(work)[max(0, int(len(work) * 0.99) - 1)]
        print(f"{kind:24} p50 {statistics.median(took):6.1f} ms  p99 {p99:7.1f} ms  longest {took[-1]:7.1f} ms"
              f"  processor p99 {busy:6.1f} ms", flush=True)  # fmt: skip
    everything.sort()
    p99 = everything[int(len(everything) * 0.99) - 1]
    print(f"{'all':24} p50 {statistics.median(everything):7.1f} ms  p99 {p99:7.1f} ms"
          f"  longest {everything[-1]:7.1f} ms")  # fmt: skip
    return 1 if slow else 0


def run(folder: Path, options: argparse.Namespace) -> int:
    """Make the database unless it is there already, and ask while certificates come in."""
    config = folder / "c.toml"
    config.write_text(f'[database]\nurl = "{options.database}"\n')
    boot.boot(settings.load(config))
    from django.db import connections

    from collector import upkeep
    from collector.intake import enrolment
    from collector.intake.models import Certificate
    from collector.parties.services import Actor

    upkeep.prepare(migrate=True)
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    if not Certificate.unfiltered.exists():
        for name in ("late", *(f"bench-{n:02d}" for n in range(STATIONS))):
            enrolment.enrol(Actor("benchmark"), name, {thumbprint(key.public_key()): key.public_key()})
        began = time.monotonic()
        seed(options.rows)
        print(f"{options.rows} rows written in {time.monotonic() - began:.0f} s", flush=True)
    connections.close_all()
    fresh = multiprocessing.get_context("spawn")
    ready, done = fresh.Event(), fresh.Event()
    told = (str(config), key.private_bytes_raw(), options.per_second, ready, done)
    coming = fresh.Process(target=come_in, args=told, daemon=True)
    coming.start()
    try:
        if options.per_second and not ready.wait(120):
            print("no certificate came in within 60 s", file=sys.stderr)
            return 1
        return measure(options)
    finally:
        done.set()
        coming.join(10)


def main() -> int:
    """Read the options, and run it in a folder of its own unless one is given."""
    options = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--searches", type=int, default=200)
    options.add_argument("--per-second", type=int, default=20)
    options.add_argument("--database", default="sqlite:///collector.db")
    options.add_argument("--folder", type=Path)
    options.add_argument("--kind", default="", help="only kinds of search with this in their names")
    options.add_argument("--limit-ms", type=float, default=50.0)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    given = options.parse_args()
    if given.folder is not None:
        return run(given.folder, given)
    with tempfile.TemporaryDirectory(prefix="benchwipe-search-") as folder:
        return run(Path(folder), given)


if __name__ == "__main__":
    sys.exit(main())
