"""What the technicians' pages let the screen say, it says in a played shift; and they fit on two printed pages."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from agent.bench.events import Told, Worked
from agent.certificates.outcome import PULLED_OUT, Aborted, Work
from agent.erase import Progress
from agent.jobs.label_proof import LabelState as S
from agent.phrases import LANGUAGES, keys
from agent.scan.command_words import command_words
from agent.settings import Scanning
from scripts.technician_page import page as printed
from tests.agent.engine_rig import Rig, erased, failed
from tests.played import Bench, station

DOCS = Path(__file__).resolve().parents[1] / "docs"
DRIVE = "S3Z9NB0K123456A"


def page(language: str) -> str:
    return (DOCS / f"technician.{language}.md").read_text("utf-8")


def quoted(language: str) -> list[str]:
    return re.findall(r"(?m)^> (.+)$", page(language))


def filled_in(template: str, commands: Mapping[str, str]) -> str:
    """A pattern of what the sentence may read."""
    parts = string.Formatter().parse(template)
    return "".join(
        re.escape(text) + (re.escape(commands[name]) if name and name in commands else ".+" if name else "")
        for text, name, _, _ in parts
    )


def said_by(language: str, line: str) -> frozenset[str]:
    """The keys of the sentences that can read so; of a bay's row, those of its words in turn."""
    commands = command_words(Scanning(), language)
    words = re.sub(r" \d+ s$|^\d+ % ", "", re.sub(r"^A\d ", "", line))
    found: list[str] = []
    for part in words.split(" ? "):
        keys_of = [
            key
            for table in ("phrases", "hints")
            for key, template in keys(table, language).items()
            if re.fullmatch(filled_in(template, commands), part)
        ]
        if not keys_of:
            return frozenset()
        found += keys_of
    return frozenset(found)


def at_twenty_past_two(bench: Bench, bay: str, done: int) -> None:
    """A worker tells how far it is, and when all will be done."""
    job = bench.rig.worker(bay).job.id
    ends = datetime.now().astimezone().replace(hour=14, minute=18, second=0).timestamp()
    told = Progress(
        job=job, phase="pass", pass_number=1, passes=1, bytes_done=done, bytes_total=1 << 20, mb_per_s=90.0,
        ends_at=ends, left_s=60.0,
    )  # fmt: skip
    bench.rig.engine.handle(Worked(bay, job, told))
    bench.step("half of it")


@cache
def played(language: str) -> Bench:
    """The steps of the page, then each mistake that it names."""
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        bench = Bench(Rig(Path(folder), station(language)), language)
        _calm(bench)
        _to_be_destroyed(bench)
        _mistakes(bench)
        _phones(bench)
        bench.scan("LOGOUT")
        bench.rig.registrar.close()
    return bench


def _calm(bench: Bench) -> None:
    rig = bench.rig
    bench.step()
    bench.scan("BADGE-1", "LOT-2026-47")
    bench.put_in("A1", DRIVE, model="Samsung SSD 860 EVO")
    bench.scan("KK-004711", "BAY-A1", DRIVE, "YES")
    rig.wait(10.1)
    bench.step()
    at_twenty_past_two(bench, "A1", 1 << 19)
    rig.end("A1", erased())
    bench.step()
    bench.scan("BAY-A1", "GRADE-B", "UNDO", "BAY-A1", "GRADE-B")
    bench.printed("bench-01-000001", S.PRINTED)
    bench.printed("bench-01-000001", S.PRINTED)
    bench.scan("REPRINT", "BAY-A1")
    bench.printed("bench-01-000001", S.UNKNOWN)
    bench.scan("bench-01-000001")
    rig.leave("A1")
    bench.step()


def _to_be_destroyed(bench: Bench) -> None:
    bench.put_in("A2", "W62AB003")
    bench.scan("LOT-2026-48", "KK-004712", "BAY-A2")
    bench.rig.wait(10.1)
    bench.rig.end("A2", failed())
    bench.printed("bench-01-000002", S.PRINTED)
    bench.scan("bench-01-000002", "DESTROY")
    bench.rig.leave("A2")
    bench.step()


def _mistakes(bench: Bench) -> None:
    rig = bench.rig
    bench.scan("5701234567899", "LOT-2026-47")
    bench.put_in("A1", DRIVE[:-1] + "B")
    bench.put_in("A3", "BTYF84120937")
    bench.scan("BTYF84120937", "KK-004713", "BAY-A1", "W62AB003", "NO", "CANCEL", "UNDO")
    bench.scan("KK-004711", "DRIVES-2", "BAY-A3", "BTYF84120937", "YES")
    rig.wait(10.1)
    rig.leave("A3")
    rig.end("A3", Aborted(Work(), PULLED_OUT))
    bench.step()
    rig.engine.handle(Told("dock_silent", {"dock": "dock"}))
    bench.step()


def _phones(bench: Bench) -> None:
    bench.scan("490154203237518", "KK-004800", "YES", "YES", "YES", "YES")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_of_the_screen_is_one_of_the_stations_sentences(language: str) -> None:
    assert len(quoted(language)) > 15
    assert [line for line in quoted(language) if not said_by(language, line)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_of_the_screen_really_stands_on_it_in_a_played_shift(language: str) -> None:
    seen = played(language).seen
    assert [line for line in quoted(language) if not any(line in shown for shown in seen)] == []


def test_a_sentence_that_the_screen_never_shows_would_be_found() -> None:
    assert not any("KK-009999: scan nu båsen." in shown for shown in played("da").seen)
    assert said_by("da", "Scan labelen.") == frozenset()


def test_both_pages_show_the_same_sentences_in_the_same_order() -> None:
    danish, english = quoted("da"), quoted("en")
    assert len(danish) == len(english)
    pairs = zip(danish, english, strict=True)
    assert [pair for pair in pairs if not said_by("da", pair[0]) & said_by("en", pair[1])] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_picture_is_there(language: str) -> None:
    pictures = re.findall(r"\]\((pictures/[^)]+)\)", page(language))
    assert len(pictures) >= 3
    assert [name for name in pictures if not (DOCS / name).is_file()] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_command_words_are_those_of_the_sheet(language: str) -> None:
    words = set(re.findall(r"`([A-ZÆØÅ]{2,}(?: [A-ZÆØÅ]+)?)`", page(language)))
    known = command_words(Scanning(), language)
    assert words >= {known[name] for name in ("yes", "no", "undo", "cancel", "reprint", "tablet")}
    assert words <= set(known.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_fits_on_two_printed_pages(language: str) -> None:
    pdf, pages = printed(DOCS / f"technician.{language}.md")
    assert pdf.startswith(b"%PDF")
    assert pages == 2
