"""The report as a page, as files and at the command line; what is entered for it; who sees it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from django.db import DatabaseError, connection, transaction

from collector.effect import gather, rules, services
from collector.effect.errors import EffectProblem, FactorProblem
from collector.effect.models import FactorDocument, Figure, Work
from collector.effect.rules import Facts
from collector.parties.services import Actor
from tests.collector.effect.test_rules import factor_text, sale
from tests.collector.house import House
from tests.patience import PROGRAM_S

ACTOR = Actor("test")


@pytest.fixture
def sold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts of a year without the rooms that they come from: what is tried here is what is made of them."""

    def facts(customer: object, year: int) -> Facts:
        sales = (*(sale(str(n), f"{year}-03-01") for n in range(1200)), sale("n", f"{year}-04-01", country="NO"))
        return Facts(customer=str(customer), year=year, sales=sales, scrapped=(rules.Scrapped(unit="s", kind="phone"),),
                     work=services.work_of(customer, year), figures=services.figures_of(customer, year))  # type: ignore[arg-type]  # fmt: skip

    monkeypatch.setattr(gather, "gather", facts)
    monkeypatch.setattr("collector.effect.report.gather", facts)


def test_the_page_shows_the_range_the_comparison_the_year_the_source_and_the_method(house: House, sold: None) -> None:
    customer = house.organisation("Kolding Kommune", "customer")
    page = house.client("team_lead").get(f"/effect?customer={customer.pk}&year=2026").text
    for told in ("24,360.0", "142,560.0", "335,280.0", "279.4", "compared with the production of a new unit",
                 "2023, ODbL 1.0", "/effect/method?set=2026-1", "rounded to 0.1 kg"):  # fmt: skip
        assert told in page
    danish = house.client("team_lead")
    danish.defaults["HTTP_ACCEPT_LANGUAGE"] = "da"
    assert "142.560,0" in danish.get(f"/effect?customer={customer.pk}&year=2026").text


def test_a_chart_has_its_title_its_description_and_its_table_beside_it(house: House, sold: None) -> None:
    customer = house.organisation("Kolding Kommune", "customer")
    services.enter_work(ACTOR, house.organisation(), customer, 2026, "fleksjob", persons=5, hours=3000)
    page = house.client("team_lead").get(f"/effect?customer={customer.pk}&year=2026").text
    charts = [f"<svg{part.partition('</svg>')[0]}</svg>" for part in page.split("<svg")[1:]]
    assert len(charts) == 2
    for chart in charts:
        tree = ElementTree.fromstring(chart)
        assert [tree.find(name).text for name in ("title", "desc") if tree.find(name) is not None] != []  # type: ignore[union-attr]
        assert "style" not in chart  # the pages' policy allows none
    assert "<table" in page.partition("</svg>")[2]


def test_files_hold_the_same_figures(house: House, sold: None) -> None:
    customer, client = house.organisation("Kolding Kommune", "customer"), house.client("finance")
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "da"
    address = f"customer={customer.pk}&year=2026"
    rows = list(
        csv.reader(io.StringIO(client.get(f"/effect/export/csv?{address}").content.decode("utf-8-sig")), delimiter=";")
    )
    assert ["Bærbare", "1200", "0", "20,3", "118,8", "279,4", "24.360,0", "142.560,0", "335.280,0", "1.980,0"] in rows
    book = zipfile.ZipFile(io.BytesIO(client.get(f"/effect/export/xlsx?{address}").content))
    assert "142.560,0" in book.read("xl/sharedStrings.xml").decode()
    assert client.get(f"/effect/export/pdf?{address}").content.startswith(b"%PDF-")
    assert client.get(f"/effect/export/exe?{address}").status_code == 404


def test_a_customer_sees_its_own_year_and_no_other(house: House, sold: None) -> None:
    own, other = house.organisation("Kolding Kommune", "customer"), house.organisation("Odense Kommune", "customer")
    for role in ("customer_data", "customer_finance"):
        client = house.client(role, own)
        assert "Odense" not in client.get("/effect").text
        for path in (f"/effect?customer={other.pk}", f"/effect/export/csv?customer={other.pk}"):
            assert client.get(path).status_code == 404
        assert client.post(f"/effect/work?customer={own.pk}&year=2026").status_code == 403
    for role in ("technician", "buyer"):
        assert house.client(role).get("/effect").status_code == 403
    assert house.stranger().get("/effect/method").status_code == 200


def test_jobs_and_hours_are_entered_without_names_and_the_newest_counts(house: House) -> None:
    customer, lead = house.organisation("Kolding Kommune", "customer"), house.client("team_lead")
    own, address = house.organisation().pk, f"/effect/work?customer={customer.pk}&year=2026"
    for hours in ("3000", "3100"):
        told = {"organisation": own, "terms": "fleksjob", "persons": "5", "hours": hours, "name": "Somebody"}
        assert lead.post(address, told).status_code == 302
    assert [(one.terms, one.persons, one.hours) for one in services.work_of(customer, 2026)] == [("fleksjob", 5, 3100)]
    assert Work.objects.count() == 2
    assert not {"name", "cpr", "login"} & {field.name for field in Work._meta.get_fields()}
    for wrong in ({"terms": "other"}, {"persons": "-1"}, {"hours": "x"}, {"organisation": customer.pk}):
        told = {"organisation": own, "terms": "fleksjob", "persons": "5", "hours": "1", **wrong}
        assert lead.post(address, told).status_code == 302
    assert Work.objects.count() == 2


def test_a_figure_needs_its_source_and_the_tonnes_price_is_what_was_entered(house: House, sold: None) -> None:
    customer, finance = house.organisation("Kolding Kommune", "customer"), house.client("finance")
    address = f"/effect/figure?customer={customer.pk}&year=2026"
    told = {"organisation": house.organisation().pk, "name": "co2_price", "kroner": "625", "dated": "2026-01-02"}
    finance.post(address, told)
    assert Figure.objects.count() == 0
    finance.post(address, {**told, "source": "EU ETS, 2026-01-02"})
    page = finance.get(f"/effect?customer={customer.pk}&year=2026").text
    assert "89,100.00" in page  # 142.56 t at 625 kr.
    assert "EU ETS, 2026-01-02" in page


def test_what_was_entered_is_never_changed(each_house: House) -> None:
    customer = each_house.organisation("Kolding Kommune", "customer")
    services.enter_work(ACTOR, each_house.organisation(), customer, 2026, "fleksjob", persons=5, hours=3000)
    services.load_factors(ACTOR, factor_text().encode(), where="t")
    for table, column in (("effect_work", "hours = 1"), ("effect_factordocument", "version = 'x'")):
        for sql in (f"UPDATE {table} SET {column}", f"DELETE FROM {table}"):
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql)


def test_a_version_of_a_set_is_one_document_for_ever(house: House) -> None:
    for _ in range(2):
        services.load_factors(ACTOR, factor_text().encode(), where="t")
    assert FactorDocument.objects.count() == 1
    assert services.factors().version == "t-1"
    assert services.factors("2026-1").version == "2026-1"
    with pytest.raises(FactorProblem, match="another document"):
        services.load_factors(ACTOR, factor_text(mass=("g", 1, 2, 3)).encode(), where="t")
    with pytest.raises(FactorProblem, match="another document"):
        services.load_factors(ACTOR, factor_text().replace("t-1", "2026-1").encode(), where="t")
    with pytest.raises(FactorProblem):
        services.factors("nowhere")


def test_a_year_or_amount_that_cannot_be_is_refused(house: House) -> None:
    customer = house.organisation("Kolding Kommune", "customer")
    with pytest.raises(EffectProblem):
        services.enter_work(ACTOR, house.organisation(), customer, 1999, "fleksjob", persons=1, hours=1)
    with pytest.raises(EffectProblem):
        services.customer_named("Nowhere")


def command(house: House, *words: str) -> subprocess.CompletedProcess[str]:
    config = str(house.folder / "c.toml")
    return subprocess.run([sys.executable, "-m", "collector.cli", *words, "--config", config],
                          capture_output=True, text=True, timeout=PROGRAM_S, check=False)  # fmt: skip


def test_the_command_prints_one_document_and_writes_its_files(house: House, tmp_path: Path) -> None:
    customer = house.organisation("Kolding Kommune", "customer")
    services.enter_work(ACTOR, house.organisation(), customer, 2026, "praktik", persons=2, hours=400)
    out = tmp_path / "effect.pdf"
    done = command(house, "effect", "--customer", "Kolding Kommune", "--year", "2026", "--json", "--out", str(out))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["customer"], told["year"], told["work"][0]["hours"]) == ("Kolding Kommune", 2026, 400)
    assert len(told["input_sha256"]) == len(told["factor_sha256"]) == 64
    assert out.read_bytes().startswith(b"%PDF-")
    assert out.stat().st_mode & 0o777 == 0o600


def test_the_command_says_what_is_wrong_and_writes_nothing(house: House, tmp_path: Path) -> None:
    house.organisation("Kolding Kommune", "customer")
    bad = tmp_path / "bad.toml"
    bad.write_text("version = 1\n")
    for words in (
        ("effect", "--customer", "Nowhere", "--year", "2026"),
        ("effect", "--customer", "Kolding Kommune", "--year", "2026", "--out", str(tmp_path / "x.doc")),
        ("factors", "load", str(bad)),
    ):
        done = command(house, *words)
        assert (done.returncode, done.stdout) == (2, "")
        assert "BW-C8" in done.stderr or "no effect report" in done.stderr or "factors" in done.stderr
        assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".doc"] == []
