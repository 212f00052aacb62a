"""Make docs/pictures anew: `.venv/bin/python scripts/pictures.py`. What they show is made up; how it looks is not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from agent.watch_frame import Row, Size, frame  # noqa: E402 - the repository has to be on the path first

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
    (PICTURES / "status-watch.svg").write_text(screen(frame(bench(), Size(80, 24), "da")), "utf-8")


def bench() -> dict[str, Any]:
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
        "said": "KK-004714 er i bås 5.",
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
