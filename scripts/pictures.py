"""Make docs/pictures anew: `.venv/bin/python scripts/pictures.py`. What they show is made up; how it looks is not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import datetime
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
from agent.views.screen import Size, frame  # noqa: E402
from drivers.printers.languages.label import Media  # noqa: E402
from scripts.terminal_picture import picture  # noqa: E402

Language = Literal["da", "en"]
LANGUAGES: tuple[Language, ...] = ("da", "en")
PICTURES = REPOSITORY / "docs" / "pictures"


def main() -> None:
    """All of them, as a bench in Denmark makes them."""
    os.environ["TZ"] = "Europe/Copenhagen"
    time.tzset()
    for name, made in labels().items():
        (PICTURES / f"label-{name}.png").write_bytes(made)
    for language in LANGUAGES:
        watched = picture(frame(bench(language), Size(80, 24), language))
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
    ends = datetime.fromisoformat("2026-11-30T14:18:00+01:00").timestamp()
    half = {"bytes_done": 225 * 10**9, "bytes_total": 500 * 10**9, "mb_per_s": 105.0, "ends_at": ends, "left_s": 2600.0}
    failed = {"outcome": "failed", "reason": "Parts", "reason_code": "BW-E02", "certificate": "bench-01-000417"}
    erased = {"outcome": "erased", "certificate": "bench-01-000418", "grade": "B", "asset": "KK-004712"}
    rows: list[tuple[str, dict[str, Any]]] = [
        ("erasing", {**half, "asset": "KK-004711"}),
        ("finished", {**erased, "waits_for": {"what": "label", "label": "bench-01-000418"}}),
        ("finished", {**failed, "waits_for": {"what": "box"}}),
        ("verifying", {**half, "bytes_done": 450 * 10**9, "asset": "KK-004713"}),
        ("countdown", {"asset": "KK-004714", "asks": "confirm", "waits_for": {"what": "answer"}}),
        ("waiting", {"waits_for": {"what": "asset"}}),
        ("empty", {}),
        ("quarantined", {"waits_for": {"what": "release"}}),
    ]
    bays = []
    for n, (state, facts) in enumerate(rows, start=1):
        drive = None if state == "empty" else {"model": "ST500LM021", "serial": f"W6247KQ{n}"}
        bays.append({**nothing, "bay": f"A{n}", "state": state, "drive": drive, **facts})
    ida = {"id": "ida", "name": "Ida"}
    lot = {"code": "LOT-2026-47"}
    return {
        "station": "bench-01",
        "operator": ida,
        "lot": lot,
        "people": [{"operator": ida, "lot": lot, "turned_to": True, "since": "2026-11-30T07:05:00Z", "next": []}],
        "next": [
            phrase(language, "serial_right", bay="A5"),
            phrase(language, "scan_yes_or_no", bay="A5", drive="...247KQ5"),
        ],
        "happened": [phrase(language, "put_label", number="bench-01-000418")],
        "bays": bays,
        "labels": [],
        "uplink": {"connected": True, "outbox_depth": 0},
        "alarms": {"bay-A8": "Bay 8: The drive does not answer any more"},
        "alarm_codes": {"bay-A8": "BW-E16"},
    }


if __name__ == "__main__":
    main()
