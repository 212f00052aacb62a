"""The year, step by step, through the files and commands that a real one comes by."""

from __future__ import annotations

import csv
import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import date
from pathlib import Path

from agent.certificates.certificate import Certificate
from collector.demo import stations
from collector.demo.errors import DemoProblem
from collector.demo.plan import Device, SaleRow, Town, Year
from collector.demo.stations import Station, drive_serials
from collector.moments import today

Run = Callable[[Sequence[str]], tuple[int, str]]
"""Runs a command of benchwipe-collector; its exit status and its standard output."""
Deliver = Callable[[str, Sequence[Certificate]], object]
"""Brings a station's certificates to their receipts."""
COLUMNS = (
    "event", "channel", "reference", "line", "external_id", "sold_on", "paid_on", "buyer", "country", "identifier",
    "kind", "grade", "quantity", "price_ore", "currency", "vat_mode", "costs_ore",
)  # fmt: skip
WORK = (("fleksjob", 5, 2), ("praktik", 2, 1), ("ordinary", 1, 1))
"""Terms, persons, hours for each device."""
RECYCLER = "Genvinding Syd ApS"
PARTICLE_MM = "6"


@dataclass
class Told:
    """What the year did, for whoever shows it or checks it."""

    passwords: dict[str, str] = field(default_factory=dict)
    agreements: dict[str, str] = field(default_factory=dict)
    settlements: dict[str, list[dict[str, object]]] = field(default_factory=dict)
    destroyed: dict[str, dict[str, date]] = field(default_factory=dict)
    """Town -> serial number -> the day on which that was said."""
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass
class Driver:
    """Carries a year out: writes its files into a folder, runs the commands, lets the stations speak."""

    run: Run
    folder: Path
    deliver: Deliver
    say: Callable[[str], None] = print
    told: Told = field(default_factory=Told)

    def prepare(self, years: Sequence[Year]) -> None:
        """Add the organisations, people, stations and agreements of these years."""
        with self._timed("organisations, people, agreements"):
            for name, kind in dict(_organisations(years)).items():
                self._command("organisation", "add", name, "--kind", kind)
            for login, role, organisation in dict.fromkeys(_people(years)):
                self._person(login, role, organisation)
            for year in years:
                self._agree(year)

    def hand_over(self, year: Year, station: Station) -> None:
        """Bring a town's devices in: its register, its lots, what was received, what the station says."""
        town, short = year.town, year.town.short
        with self._timed(f"{short}: register of {town.devices}"):
            for quarter in year.quarters:
                lot = f"{short}-{quarter.name}"
                self._command("lot", "open", lot, "--customer", town.name, "--as", _login(town, "team_lead"))
                devices = [one for one in year.devices if one.lot == lot]
                register = self._write(f"register-{lot}.csv", REGISTER, map(_register_row, devices))
                self._command("import-register", register, "--customer", town.name, "--lot", lot)
        with self._timed(f"{short}: received"):
            for quarter in year.quarters:
                lot = f"{short}-{quarter.name}"
                here = [one for one in [*year.devices, *year.printers] if one.lot == lot and one.fate != "missing"]
                listed = self._write(f"received-{lot}.csv", RECEIVED, map(_received_row, here))
                self._command("receive", listed, "--customer", town.name, "--lot", lot)
        key = self.folder / f"{station.id}.jwk"
        key.write_text(json.dumps(stations.jwk(station)))
        self._command("enrol", station.id, str(key))
        certificates = station.erase(year.devices)
        with self._timed(f"{short}: {len(certificates)} certificates to their receipts"):
            self.deliver(station.id, certificates)
        self._command("reconcile", "--customer", town.name)  # lets each certificate find its unit

    def destroy(self, year: Year) -> None:
        """Destroy what could not be erased."""
        town, failed = year.town, [one for one in year.devices if one.fate == "failed"]
        with self._timed(f"{town.short}: drives of {len(failed)} devices destroyed"):
            self._command(
                "destroy", *(name for one in failed for name in drive_serials(one)), "--method", "shred",
                "--particle-mm", PARTICLE_MM, "--batch", f"{town.short}-1", "--recycler", RECYCLER, "--as",
                _login(town, "team_lead"),
            )  # fmt: skip
        self.told.destroyed[town.short] = {one.serial: today() for one in failed}

    def sell_and_settle(self, year: Year) -> None:
        """Take each quarter's sales in, and close it; the last one is not over, and is proposed."""
        town, agreement = year.town, self.told.agreements[year.town.name]
        settled = self.told.settlements.setdefault(town.name, [])
        for quarter, rows in zip(year.quarters, year.sales, strict=True):
            with self._timed(f"{town.short}: {quarter.name}, {len(rows)} rows of sales, settled"):
                file = self._write(f"sales-{town.short}-{quarter.name}.csv", COLUMNS, map(_sale_cells, rows))
                self._command("import-sales", file, "--seller", town.seller)
                closing = ("--close", "--as", _login(town, "finance")) if quarter.over else ()
                printed = self._command("settle", agreement, "--period", quarter.name, "--json", *closing)
                settled.append(json.loads(printed))

    def close(self, year: Year) -> None:
        """Close the lots: what did not come is missing from now on."""
        town = year.town
        with self._timed(f"{town.short}: lots closed"):
            for quarter in year.quarters:
                lot = f"{town.short}-{quarter.name}"
                self._command("lot", "close", lot, "--customer", town.name, "--as", _login(town, "team_lead"))

    def enter_work(self, year: Year) -> None:
        """Enter the year's jobs and hours, as the workshop would: some hours for each device."""
        town = year.town
        for terms, persons, part in WORK:
            self._command(
                "work", "--customer", town.name, "--year", str(year.quarters[-1].first.year), "--organisation",
                town.operator, "--terms", terms, "--persons", str(persons), "--hours", str(town.devices * part),
                "--as", _login(town, "team_lead"),
            )  # fmt: skip

    def document(self, *words: str) -> dict[str, object]:
        """Run a command with --json, and read its document; a status of 1 is its answer too."""
        status, printed = self.run([*words, "--json"])
        if status > 1:
            raise DemoProblem(problem=f"{' '.join(words)} ended with status {status}")
        found: dict[str, object] = json.loads(printed)
        return found

    def _agree(self, year: Year) -> None:
        town = year.town
        file = self.folder / f"agreement-{town.short}.toml"
        days = (year.quarters[0].first.isoformat(), year.quarters[2].first.isoformat())
        file.write_text(_agreement(town, days), "utf-8")
        loaded = json.loads(self._command("agreement", "load", str(file), "--json"))
        self.told.agreements[town.name] = loaded["agreement"]
        for day in days:
            for login in (_login(town, "finance"), _login(town, "customer_finance")):
                self._command("agreement", "approve", loaded["agreement"], "--version", day, "--as", login)

    def _person(self, login: str, role: str, organisation: str) -> None:
        file = self.folder / f"{login}.password"
        password = secrets.token_urlsafe(9)
        file.write_text(password + "\n")
        file.chmod(0o600)
        self.told.passwords[login] = password
        words = ("person", "add", login, "--name", login.title(), "--role", role)
        self._command(*words, "--organisation", organisation, "--password-file", str(file))

    def _command(self, *words: str) -> str:
        status, printed = self.run(words)
        if status != 0:
            raise DemoProblem(problem=f"`benchwipe-collector {' '.join(words)}` ended with status {status}")
        return printed

    def _write(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
        path = self.folder / name
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(rows)
        return str(path)

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.told.seconds[what] = time.monotonic() - begun
        self.say(f"{what}: {self.told.seconds[what]:.1f} s")


REGISTER = ("serial", "asset_tag", "imei", "kind", "manufacturer", "model", "location", "department", "state")
RECEIVED = ("serial", "asset_tag", "imei", "kind", "drives")


def _register_row(one: Device) -> Sequence[object]:
    return (one.serial, one.tag, one.imei, one.kind, one.maker, one.model, "Rådhuset", "IT", "in use")


def _received_row(one: Device) -> Sequence[object]:
    return (one.serial, one.tag, one.imei, one.kind, one.drives or ("" if one.imei else 0))


def _sale_cells(row: SaleRow) -> Sequence[object]:
    told = {one.name: getattr(row, one.name) for one in fields(row)}
    told |= {"currency": "DKK", "sold_on": row.sold_on.isoformat()}
    if row.event != "sale" or not row.identifier:
        told |= {"grade": ""}
    return ["" if told.get(name) is None else told.get(name, "") for name in COLUMNS]


def _agreement(town: Town, days: Sequence[str]) -> str:
    head = f'customer = "{town.name}"\nseller = "{town.seller}"\ntitle = "{town.title}"\ncurrency = "DKK"\n'
    versions = (f"[[version]]\nvalid_from = {day}\n{terms}" for day, terms in zip(days, town.terms, strict=True))
    return head + "".join(versions)


def _organisations(years: Sequence[Year]) -> Iterator[tuple[str, str]]:
    for year in years:
        town = year.town
        yield town.name, "customer"
        yield town.seller, town.seller_kind
        yield town.operator, "operator"
    yield RECYCLER, "recycler"
    yield "Nordic Broker ApS", "buyer"


def _people(years: Sequence[Year]) -> Iterator[tuple[str, str, str]]:
    """A person of each role, for each town where the role is one of its own."""
    first = years[0].town
    yield "administrator", "administrator", first.operator
    yield "validator", "validator", first.operator
    yield "technician", "technician", first.operator
    yield "buyer", "buyer", "Nordic Broker ApS"
    for year in years:
        town = year.town
        yield _login(town, "team_lead"), "team_lead", town.operator
        yield _login(town, "finance"), "finance", town.seller
        yield _login(town, "customer_data"), "customer_data", town.name
        yield _login(town, "customer_finance"), "customer_finance", town.name
        yield _login(town, "auditor"), "auditor", town.name


def _login(town: Town, role: str) -> str:
    return f"{town.short.lower()}-{role.replace('_', '-')}"
