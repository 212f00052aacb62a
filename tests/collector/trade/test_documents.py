"""A settlement's documents, made by the real process, looked at by other people's programs."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.certificates.jws import thumbprint
from agent.errors import CertificateProblem
from collector.intake import signing
from collector.trade import closing, documents_kept, statement
from collector.trade.documents import invoice
from collector.trade.documents.model import Order, Party
from collector.trade.errors import DocumentsProblem, NoSettlement
from collector.trade.models import Settlement, SettlementFile
from collector.trade.rules.days import period_named
from tests.collector.house import House
from tests.collector.trade.books import ACTOR, Books, sale, version
from tests.patience import PROGRAM_S

PERIOD = period_named("2026-01")
LINE = {
    "section", "unit", "asset_tag", "serial", "kind", "grade", "certificate", "sold_on", "channel", "price_ore",
    "base_ore", "rate_bp", "amount_ore", "vat_bp", "corrects",
}  # fmt: skip


@pytest.fixture
def books(house: House) -> Books:
    """A period with a share, fees, a unit that was not sold and one that was scrapped; texts that try to be more."""
    assert PERIOD is not None
    found = Books(house)
    found.agree(version(rates="scrap_fee_ore = 2000"))
    found.unit("SERIAL1", tag="=HYPERLINK(1)")
    found.unit("SERIAL2", tag="Æ\u202eØ-2")
    gone = found.unit("SERIAL3")
    found.event(gone, "scrapped", "2026-01-30")
    found.sell(sale("SERIAL1"))
    closing.close(ACTOR, found.agree(version(rates="scrap_fee_ore = 2000")), PERIOD, found.ours)
    return found


def program(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=PROGRAM_S, check=False)


def test_what_is_signed_is_the_contracts_document_and_nothing_else_holds(books: Books) -> None:
    settlement = Settlement.unfiltered.get()
    key = signing.load_or_make(books.house.configuration.keys_dir, "statement").public_key()
    keys, compact = {thumbprint(key): key}, documents_kept.document(settlement, "jws")
    document = statement.verify(compact, keys)
    assert set(document) == statement.KEYS
    assert all(set(line) == LINE for line in document["lines"])
    assert (document["number"], document["state"], document["period"]) == (1, "closed", "2026-01")
    assert document["share_ore"] + document["fees_ore"] == sum(line["amount_ore"] for line in document["lines"])
    assert hashlib.sha256(compact).hexdigest() == settlement.document_sha256
    assert {line["section"] for line in document["lines"]} == {"sale", "fee", "unsold", "scrapped"}
    head, payload, signature = compact.split(b".")
    for wrong in (b".".join((head, payload[:-4] + b"AAAA", signature)), b".".join((head, payload, signature[::-1]))):
        with pytest.raises(CertificateProblem):
            statement.verify(wrong, keys)


def test_the_command_checks_it_as_a_strangers_statement(books: Books, tmp_path: Path) -> None:
    out, config = tmp_path / "s.jws", books.house.configuration.file
    assert documents_kept.write("NordVirk", 1, out) == out.stat().st_size
    done = program(sys.executable, "-m", "collector.cli", "statement", "verify", out, "--config", config)
    assert done.returncode == 0, done.stderr
    out.write_bytes(out.read_bytes()[:-3] + b"AAA")
    done = program(sys.executable, "-m", "collector.cli", "statement", "verify", out, "--config", config)
    assert done.returncode == 1


def test_the_page_is_signed_and_carries_what_counts(books: Books, tmp_path: Path) -> None:
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    paper = documents_kept.document(Settlement.unfiltered.get(), "pdf")
    seal = PdfFileReader(io.BytesIO(paper)).embedded_signatures[0]
    status = validate_pdf_signature(seal, ValidationContext(allow_fetching=False, trust_roots=[seal.signer_cert]))
    assert status.intact
    assert status.valid
    (tmp_path / "s.pdf").write_bytes(paper)
    if shutil.which("pdfdetach") is None:
        pytest.skip("poppler-utils is not installed: apt-get install poppler-utils")
    program("pdfdetach", "-saveall", "-o", tmp_path, tmp_path / "s.pdf")
    for kind in ("jws", "csv"):
        kept = documents_kept.document(Settlement.unfiltered.get(), kind)
        assert (tmp_path / f"settlement-1.{kind}").read_bytes() == kept
    text = program("pdftotext", "-layout", tmp_path / "s.pdf", "-").stdout
    for told in ("Afregning nr. 1", "SERIAL1", "600,00", "A. Salg", "D. Ikke solgt", "E. Skrottet", "35209115"):
        assert told in text
    assert b"<pdfaid:part>3</pdfaid:part>" in paper or "almindelig PDF" in text


def test_a_page_that_was_changed_is_no_longer_intact(books: Books) -> None:
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    paper = bytearray(documents_kept.document(Settlement.unfiltered.get(), "pdf"))
    paper[len(paper) // 3] ^= 1
    seal = PdfFileReader(io.BytesIO(bytes(paper)), strict=False).embedded_signatures[0]
    context = ValidationContext(allow_fetching=False, trust_roots=[seal.signer_cert])
    assert not validate_pdf_signature(seal, context).intact


def test_the_table_opens_in_a_danish_spreadsheet_and_holds_no_formula(books: Books) -> None:
    data = documents_kept.document(Settlement.unfiltered.get(), "csv")
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig")), delimiter=";"))
    assert rows[1][:5] == ["A. Salg", str(books.lot.units.earliest("id").pk), "'=HYPERLINK(1)", "SERIAL1", "bærbar"]
    assert [row[12] for row in rows if row[0] == "Kundens andel"] == ["600,00"]
    assert not any(cell.startswith(("=", "+", "@")) for row in rows for cell in row)
    with zipfile.ZipFile(io.BytesIO(documents_kept.document(Settlement.unfiltered.get(), "xlsx"))) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "<v>600</v>" in sheet


def test_documents_that_cannot_be_made_close_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    assert PERIOD is not None
    books = Books(house)
    agreement = books.agree()
    books.unit("SERIAL1")
    key = house.configuration.keys_dir / "statement.key"
    key.parent.mkdir(exist_ok=True)
    key.write_text("no key")
    key.chmod(0o600)
    with pytest.raises(DocumentsProblem):
        closing.close(ACTOR, agreement, PERIOD, books.ours)
    assert not Settlement.unfiltered.exists()
    assert not SettlementFile.unfiltered.exists()


def test_a_settlement_that_is_not_there_is_said(books: Books, tmp_path: Path) -> None:
    for seller, number, name in (("NordVirk", 2, "a.pdf"), ("Nobody", 1, "a.pdf"), ("NordVirk", 1, "a.doc")):
        with pytest.raises(NoSettlement):
            documents_kept.write(seller, number, tmp_path / name)
    assert list(tmp_path.glob("a.*")) == []


def order(*lines: tuple[int, str, str, int], **more: Any) -> Order:  # noqa: ANN401 - its other facts
    """A settlement of services alone: (øre, kind, outcome, VAT)."""
    told = [
        {"section": "correction" if ore > 0 else "fee", "kind": kind, "amount_ore": ore, "vat_bp": vat}
        for ore, kind, _, vat in lines
    ]
    document = {
        "number": 7, "lines": told, "fees_ore": sum(line[0] for line in lines), "period": "2026-Q1",
        "issued_at": "2026-04-01T10:00:00.000Z", "agreement": "odense-salg",
    }  # fmt: skip
    facts: dict[str, Any] = {
        "seller": Party(name="NordVirk A/S & Søn", cvr="12345674", address="Energivej 1"),
        "customer": Party(name="Odense Kommune", cvr="35209115", gln="5798006630011"),
    }
    return Order(
        document=document, extras=[{"outcome": outcome, "what": "fee", "pieces": 1} for _, _, outcome, _ in lines],
        title="t", currency="DKK", set_off=False, share_vat_bp=0, fee_vat_bp=2500, first_day="2026-01-01",
        last_day="2026-03-31", language="da", keys_dir="", alg="EdDSA", **{**facts, **more},
    )  # fmt: skip


@pytest.mark.parametrize(
    "lines",
    [
        [(-7500, "laptop", "erased", 2500)] * 3
        + [(-9000, "laptop", "destroyed", 2500), (-3001, "phone", "attested", 2500)],
        [(-7500, "laptop", "erased", 2500), (2500, "laptop", "erased", 2500), (-100, "tablet", "erased", 0)],
        [(7500, "laptop", "erased", 2500)],
    ],
)
def test_the_services_are_an_invoice_by_peppols_published_rules(lines: list[Any], tmp_path: Path) -> None:
    written = invoice.invoice(order(*lines))
    assert written is not None
    (tmp_path / "i.xml").write_bytes(written)
    done = program(sys.executable, "-m", "peppol.cli", tmp_path / "i.xml")
    assert done.returncode == 0, done.stdout + done.stderr
    payable = b'<cbc:PayableAmount currencyID="DKK">'
    (tmp_path / "i.xml").write_bytes(written.replace(payable, payable + b"1"))
    assert program(sys.executable, "-m", "peppol.cli", tmp_path / "i.xml").returncode != 0, "the check itself can fail"


def test_an_invoice_needs_something_to_invoice_and_numbers_to_be_found_by() -> None:
    fee = (-7500, "laptop", "erased", 2500)
    assert invoice.invoice(order()) is None
    assert invoice.invoice(order(fee, seller=Party(name="NordVirk"))) is None
    assert invoice.invoice(order(fee, customer=Party(name="Odense"))) is None
    assert invoice.invoice(order(fee, customer=Party(name="Odense", cvr="35209115"))) is not None


def test_an_order_survives_its_way_into_the_other_process() -> None:
    told = order((-7500, "laptop", "erased", 2500))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(told), type=Order) == told
    assert json.loads(msgspec.json.encode(told))["currency"] == "DKK"
