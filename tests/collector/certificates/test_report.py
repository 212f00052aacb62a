"""`benchwipe-collector report`: a customer's certificates of some days, as the file's ending says."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.certificates.certificate import sign
from agent.certificates.record import Clock, Customer
from collector.certificates.report import NoReport, report
from collector.cli import main
from collector.parties.models import AuditEntry
from collector.parties.services import Actor
from tests.collector.certificates.test_pages import KEY, put
from tests.collector.conftest import record
from tests.collector.house import House

pytest.importorskip("fpdf")
ACTOR = Actor("test")


def some(house: House) -> None:
    house.organisation("Kolding Kommune", "customer")
    other = Customer(name="Odense Kommune", lot="L")
    unset = Clock(source="none", synchronised=False, boot_id="b", monotonic_ms=1)
    put(
        sign(record(1, finished_at="2026-03-31T21:59:59Z"), KEY),
        sign(record(2, finished_at="2026-03-31T22:00:00Z"), KEY),
        sign(record(3, finished_at="2026-01-01T00:00:00.000Z"), KEY),
        sign(record(4, finished_at="2026-02-01T00:00:00Z", customer=other), KEY),
        sign(record(5, finished_at="2026-02-01T00:00:00Z", clock=unset), KEY),
    )


def test_days_are_copenhagens_and_a_clock_that_was_not_set_counts_by_arrival(house: House, tmp_path: Path) -> None:
    some(house)
    out = tmp_path / "f.csv"
    assert report(ACTOR, "Kolding Kommune", date(2026, 1, 1), date(2026, 3, 31), out, "da") == 2
    text = out.read_text("utf-8-sig")
    assert [n for n in range(1, 6) if f"bench-01-00000{n}" in text] == [1, 3]


@pytest.mark.parametrize("ending", ["pdf", "csv", "zip"])
def test_each_ending_is_written_by_the_command(house: House, tmp_path: Path, ending: str) -> None:
    some(house)
    out = tmp_path / f"f.{ending}"
    words = [
        "report",
        "--config",
        str(house.folder / "c.toml"),
        "--customer",
        "Kolding Kommune",
        "--from",
        "2026-01-01",
    ]
    done = CliRunner().invoke(main, [*words, "--to", "2026-03-31", "--out", str(out)])
    assert (done.exit_code, "2 certificates" in done.output) == (0, True), done.output
    assert out.read_bytes()[:4] in (b"%PDF", b"PK\x03\x04", b'\xef\xbb\xbf"')
    (line,) = AuditEntry.objects.filter(action="certificates.reported")
    assert line.who.startswith("by command line, ")
    assert (line.subject, line.detail) == (
        "Kolding Kommune",
        {"file": out.name, "certificates": 2, "from": "2026-01-01", "to": "2026-03-31"},
    )
    if ending == "zip":
        names = zipfile.ZipFile(out).namelist()
        assert (sum(n.endswith(".jws") for n in names), sum(n.endswith(".pdf") for n in names)) == (2, 2)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_what_cannot_be_asked_is_a_line_and_no_file(house: House, tmp_path: Path) -> None:
    some(house)
    for customer, first, last, name in (
        ("Nobody", date(2026, 1, 1), date(2026, 2, 1), "f.csv"),
        ("Kolding Kommune", date(2026, 2, 1), date(2026, 1, 1), "f.csv"),
        ("Kolding Kommune", date(2026, 1, 1), date(2026, 2, 1), "f.doc"),
        ("Kolding Kommune", date(2026, 1, 1), date(2026, 2, 1), "no/such/folder/f.csv"),
    ):
        with pytest.raises(NoReport):
            report(ACTOR, customer, first, last, tmp_path / name, "en")
    assert not list(tmp_path.glob("f.*"))
