"""Make docs/pictures anew: `.venv/bin/python scripts/pictures.py`. What they show is made up; how it looks is not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any, Literal

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: E402 - with the others

from agent.certificates.attestation import QUESTIONS, Handset, attest  # noqa: E402 - the repository has to be on the path first
from agent.certificates.certificate import sign  # noqa: E402
from agent.certificates.label import Words, preview_png  # noqa: E402
from agent.certificates.record import (  # noqa: E402
    Asset,
    Clock,
    Disposition,
    DriveRecord,
    Health,
    Level,
    Operator,
    OutcomeName,
    PassRecord,
    Reason,
    Record,
    Sanitization,
    Software,
    StationRecord,
    Verification,
)
from agent.jobs.certify import Circumstances, Occasion, draft_attested  # noqa: E402
from agent.jobs.ledger import Position  # noqa: E402
from agent.pdf.command_sheet import command_sheet  # noqa: E402
from agent.phrases import phrase  # noqa: E402
from agent.settings import load  # noqa: E402
from agent.views.screen import Row, Size, frame  # noqa: E402
from drivers.printers.languages.label import Media  # noqa: E402

Language = Literal["da", "en"]
LANGUAGES: tuple[Language, ...] = ("da", "en")
PICTURES = REPOSITORY / "docs" / "pictures"
INK = {
    "": "#d0d0d0",
    "title": "#ffffff",
    "good": "#5fd75f",
    "bad": "#ff5f5f",
    "busy": "#5fd7d7",
    "hand": "#ffd75f",
    "faint": "#8a8a8a",
}
CELL, LINE = 9, 20  # of a terminal in an SVG


def main() -> None:
    """All of them."""
    for name, made in labels().items():
        (PICTURES / f"label-{name}.png").write_bytes(made)
    for language in LANGUAGES:
        watched = screen(frame(bench(language), Size(80, 24), language))
        (PICTURES / f"status-watch-{language}.svg").write_text(watched, "utf-8")
        (PICTURES / f"command-sheet-{language}.png").write_bytes(sheet(language))


def sheet(language: Language) -> bytes:
    """The command sheet's first page; needs pdftoppm (Debian: poppler-utils)."""
    settings = load(REPOSITORY / "config" / "demo.toml")
    command = ("pdftoppm", "-r", "60", "-png", "-singlefile", "-f", "1", "-")
    pages, _ = command_sheet(settings, language)
    return subprocess.run(command, input=pages, capture_output=True, check=True, timeout=60).stdout


AT = "2026-11-22T13:41:00Z"
SIZE = 500_107_862_016


def labels() -> dict[str, bytes]:
    """Each outcome; a reprint; an attested reset; the large one."""
    key, small, large = Ed25519PrivateKey.from_private_bytes(bytes(range(32))), Media(dpi=203), Media("zpl", 100, 50)

    def drawn(made: Record, language: Words, media: Media = small, copy: int = 0) -> bytes:
        return preview_png(sign(made, key), media, language=language, copy=copy, bay="A1")

    graded = record(disposition=Disposition(grade="A", destination="Genbrug Odense"))
    return {
        "erased": drawn(graded, "da"),
        "erased-100x50": drawn(graded, "da", large),
        "failed": drawn(record("failed", 124), "en"),
        "failed-copy": drawn(record("failed", 124), "da", copy=2),
        "aborted": drawn(record("aborted", 125), "da"),
        "refused": drawn(record("refused", 126), "en"),
        "attested": drawn(reset(), "da"),
    }


def record(outcome: OutcomeName = "erased", sequence: int = 123, disposition: Disposition | None = None) -> Record:
    """A drive's end."""
    erased = outcome == "erased"
    level: Level = "clear" if erased else "none"
    why = None if erased else Reason(code="BW-E02", text="Parts could not be read")
    passes = (PassRecord(number=1, pattern="00", bytes=SIZE, started_at=AT, finished_at=AT),) if erased else ()
    return Record(
        **place(sequence),
        outcome=outcome,
        reason=why,
        asset=Asset(tag="KOL-004711"),
        operator=None,
        drive=DriveRecord(
            vendor=None,
            model="Samsung SSD 860 EVO",
            serial="S3Z9NB0K123456A",
            wwn=None,
            firmware=None,
            transport="sata",
            media="ssd",
            capacity_bytes=SIZE,
            native_capacity_bytes=None,
            logical_block_bytes=512,
            physical_block_bytes=512,
            identity_source="drive",
            bridge=None,
            hidden_area=None,
            health=Health(),
        ),
        sanitization=Sanitization(
            level=level,
            level_nist_800_88_r1=level,
            level_ieee_2883=level,
            standard="",
            method="zero",
            technique="overwrite",
            passes=passes,
        ),
        verification=Verification(kind="full", result="passed", bytes=SIZE)
        if erased
        else Verification(kind="none", result="not-run"),
        disposition=disposition,
    )


def reset() -> Record:
    """A phone."""
    at, ida = place(127), Operator(id="ida", name="Ida Sørensen")
    answered = attest(ida, dict.fromkeys(QUESTIONS, True), at=AT)
    facts = Circumstances(finished_at=AT, clock=at["clock"], station=at["station"])
    handset = Handset("490154203237518", "KOL-004712", "phone", "Nordfon", "Ægir 5")
    return draft_attested(handset, answered, Occasion("job", AT, ida), Position(127, None), facts)


def place(sequence: int) -> dict[str, Any]:
    """When and where."""
    software = Software(name="benchwipe", version="")
    return {
        "number": f"bench-01-{sequence:06d}",
        "sequence": sequence,
        "previous": None,
        "job": "job",
        "started_at": AT,
        "finished_at": AT,
        "clock": Clock(source="ntp", synchronised=True, boot_id="", monotonic_ms=0),
        "station": StationRecord(
            id="bench-01", name="", location="", organisation="", software=software, kernel="", machine=""
        ),
        "customer": None,
    }


def bench(language: Language) -> dict[str, Any]:
    """A bench at work, as the daemon would tell of it."""
    nothing = dict.fromkeys(
        ("drive", "asset", "countdown_s", "bytes_done", "bytes_total", "mb_per_s", "outcome", "certificate")
    )
    disk = {"model": "ST500LM021", "serial": "W6247KQX"}
    half = {"drive": disk, "bytes_done": 225 * 10**9, "bytes_total": 500 * 10**9, "mb_per_s": 105.0}
    failed = {"reason": "Parts", "reason_code": "BW-E02", "certificate": "bench-01-000417"}
    rows: list[tuple[str, dict[str, Any]]] = [
        ("erasing", {**half, "asset": "KK-004711"}),
        ("finished", {"drive": disk, "outcome": "erased", "certificate": "bench-01-000418", "asset": "KK-004712"}),
        ("finished", {"drive": disk, "outcome": "failed", **failed}),
        ("verifying", {**half, "bytes_done": 450 * 10**9, "asset": "KK-004713"}),
        ("countdown", {"drive": disk, "countdown_s": 8.0, "asset": "KK-004714"}),
        ("waiting", {"drive": disk}),
        ("empty", {}),
        ("quarantined", {}),
    ]
    bays = [{**nothing, "bay": str(n), "state": state, **facts} for n, (state, facts) in enumerate(rows, start=1)]
    return {
        "station": "bench-01",
        "said": phrase(language, "assigned", asset="KK-004714", bay="5"),
        "bays": bays,
        "labels": [],
        "uplink": {"connected": True, "outbox_depth": 0},
        "alarms": {"bay-8": "Bay 8: The drive does not answer any more"},
    }


def screen(rows: tuple[Row, ...]) -> str:
    """A terminal as an SVG, one run of cells of one style after the other."""
    width, height = len(rows[0]) * CELL + 20, len(rows) * LINE + 20
    runs = "".join(run for number, row in enumerate(rows) for run in _runs(row, 10 + (number + 1) * LINE - 5))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="monospace" '
        f'font-size="15"><rect width="100%" height="100%" fill="#101010"/>{runs}</svg>\n'
    )


def _runs(row: Row, y: int) -> Iterator[str]:
    start = 0
    for column in range(1, len(row) + 1):
        if column < len(row) and row[column][1] == row[start][1]:
            continue
        text, style = "".join(cell[0] for cell in row[start:column]), row[start][1]
        if text.strip():
            x, length = 10 + start * CELL, (column - start) * CELL
            yield (
                f'<text x="{x}" y="{y}" fill="{INK[style]}" xml:space="preserve" textLength="{length}">'
                f"{escape(text)}</text>\n"
            )
        start = column


if __name__ == "__main__":
    main()
