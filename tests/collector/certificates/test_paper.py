"""Pages of certificates are made beside the web process, which answers others meanwhile, whatever happens to them."""

from __future__ import annotations

import io
import os
import signal
import threading
import time
import zipfile
from pathlib import Path

import pytest

from agent import pdf
from agent.certificates.certificate import Certificate, sign
from collector.certificates import export_views, paper
from collector.certificates.exports import bundle as bundles
from collector.certificates.paper import NoPaper, Painter
from collector.certificates.posted import attached
from tests.collector.certificates.test_pages import KEY, put
from tests.collector.conftest import record
from tests.collector.house import House

pytest.importorskip("fpdf")
ONE = sign(record(), KEY)


@pytest.fixture
def not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """No page is painted in this very process."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("painted in the web process")

    monkeypatch.setattr(pdf, "print_certificate", refuse)
    monkeypatch.setattr(bundles, "print_certificate", refuse)


def child_of(painter: Painter) -> int:
    assert painter._process is not None
    return painter._process.pid


def test_one_process_makes_page_after_page_and_is_replaced_after_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper, "PAGES", 2)
    with Painter("da", "https://collector.example/check/") as painter:
        made, children = [], []
        for _ in range(3):
            made.append(painter.paint(ONE))
            children.append(child_of(painter))
    assert all(list(attached(page)) == [ONE.compact] for page in made)
    assert children[0] == children[1] != children[2]
    assert not any(Path(f"/proc/{child}").exists() for child in children)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_dies_or_hangs_costs_one_page(monkeypatch: pytest.MonkeyPatch, how: signal.Signals) -> None:
    with Painter("en", "") as painter:
        painter.paint(ONE)
        os.kill(child_of(painter), how)
        monkeypatch.setattr(paper, "DEADLINE_S", 0.3)
        with pytest.raises(NoPaper):
            painter.paint(ONE)
        monkeypatch.undo()
        assert painter.paint(ONE).startswith(b"%PDF-")


def test_what_cannot_be_painted_says_why_and_the_next_one_is_made_by_the_same_process() -> None:
    broken = Certificate(id=ONE.id, key_id=ONE.key_id, compact=b"x.y.z", record=ONE.record)
    with Painter("en", "") as painter:
        with pytest.raises(NoPaper, match="could not be made"):
            painter.paint(broken)
        first = child_of(painter)
        assert painter.paint(ONE).startswith(b"%PDF-")
        assert child_of(painter) == first


@pytest.mark.usefixtures("not_here")
def test_the_pages_of_an_archive_are_made_beside_this_process_which_answers_meanwhile(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The painter is stopped in the middle of an archive: a page is answered, then the archive comes to its end."""
    chain = [sign(record(n, drive=record().drive), KEY) for n in range(1, 6)]
    put(*chain)
    client = house.client()
    painters: list[Painter] = []

    class Known(Painter):
        def __init__(self, *told: str) -> None:
            super().__init__(*told)
            painters.append(self)

    monkeypatch.setattr(export_views, "Painter", Known)
    sent = iter(client.get("/certificates/export/zip"))
    pieces = [next(sent) for _ in range(6)]  # the first page is made
    os.kill(child_of(painters[0]), signal.SIGSTOP)
    rest: list[bytes] = []
    reader = threading.Thread(target=lambda: rest.extend(sent), daemon=True)
    reader.start()
    try:
        worked = time.process_time()
        assert client.get("/certificates").status_code == 200
        assert reader.is_alive()
        assert time.process_time() - worked < 5
    finally:
        os.kill(child_of(painters[0]), signal.SIGCONT)
    reader.join(60)
    archive = zipfile.ZipFile(io.BytesIO(b"".join([*pieces, *rest])))
    assert sum(name.endswith(".pdf") for name in archive.namelist()) == 5
    assert sum(name.endswith(".jws") for name in archive.namelist()) == 5


@pytest.mark.usefixtures("not_here")
def test_a_reader_who_goes_away_ends_the_painter(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    put(ONE, sign(record(2), KEY))
    closed: list[Painter] = []

    class Known(Painter):
        def close(self) -> None:
            super().close()
            closed.append(self)

    monkeypatch.setattr(export_views, "Painter", Known)
    answer = house.client().get("/certificates/export/zip")
    sent = iter(answer)
    for _ in range(6):
        next(sent)
    answer.close()
    assert closed
    assert closed[0]._process is None


def test_an_export_has_an_end(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    put(ONE)
    monkeypatch.setattr(export_views, "LONGEST_S", -1)
    answer = house.client().get("/certificates/export/csv")
    with pytest.raises(TimeoutError):
        b"".join(answer)
    answer.close()
    monkeypatch.undo()
    assert b"".join(house.client().get("/certificates/export/csv"))
