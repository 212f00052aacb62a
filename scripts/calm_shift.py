"""Play a calm shift, and draw it: `.venv/bin/python scripts/calm_shift.py docs/pictures`.

Made are calm-shift-da.svg, screens in the order of the scans, and calm-shift-da.cast, the same as a recording
(`asciinema play`); both again in English. The engine, the sentences and the screen are the real ones.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from agent.bench.events import Worked
from agent.commands.watch import Painter
from agent.erase import Progress
from agent.jobs.label_proof import LabelState
from agent.views.cells import Row, Size
from scripts.terminal_picture import story
from tests.agent.engine_rig import Rig, erased
from tests.played import Bench, station

SIZE = Size(66, 16)
DRIVE = "S3Z9NB0K123456A"
AT = "2026-11-30T07:05:00Z"
SECONDS_A_SCREEN = 4.0
STEPS: Mapping[str, Mapping[str, str]] = {
    "da": {
        "start": "Vagten begynder",
        "who": "ID-kort og levering er scannet",
        "tag": "Drevet er sat i A1, udstyrets nummer er scannet",
        "bay": "Båsen er scannet: skærmen spørger efter serienummeret",
        "serial": "Serienummeret passer: skærmen spørger, om det er drevet",
        "yes": "JA: båsen tæller ned",
        "half": "Båsen sletter. Ida kan gå til det næste drev",
        "done": "Færdig: båsen beder om standen",
        "graded": "Standen er givet: mærkaten skal på",
        "label": "Mærkaten er scannet: drevet skal ud",
    },
    "en": {
        "start": "The shift begins",
        "who": "Badge and lot are scanned",
        "tag": "The drive stands in A1, the asset tag is scanned",
        "bay": "The bay is scanned: the screen asks for the serial number",
        "serial": "The serial number is right: the screen asks if this is the drive",
        "yes": "YES: the bay counts down",
        "half": "The bay erases. Ida can take the next drive",
        "done": "Done: the bay asks for the grade",
        "graded": "The grade is given: the label has to be put on",
        "label": "The label is scanned: the drive has to come out",
    },
}


def main(folder: Path) -> None:
    """Draw it in each language, as a bench in Denmark shows it."""
    os.environ["TZ"] = "Europe/Copenhagen"
    time.tzset()
    for language in STEPS:
        screens = list(shift(language))
        (folder / f"calm-shift-{language}.svg").write_text(story(screens, 2), "utf-8")
        (folder / f"calm-shift-{language}.cast").write_text(recording(screens), "utf-8")


def shift(language: str) -> Iterator[tuple[str, tuple[Row, ...]]]:
    """Yield (what was done, the screen after it)."""
    words = STEPS[language]
    with TemporaryDirectory() as folder:
        bench = Bench(Rig(Path(folder), station(language)), language, SIZE, since=AT)
        for step in words:
            _do(step, bench)
            bench.step()
            yield words[step], bench.frames[-1][1]
        bench.rig.registrar.close()


def _do(step: str, bench: Bench) -> None:
    rig = bench.rig
    match step:
        case "who":
            bench.scan("BADGE-1", "LOT-2026-47")
        case "tag":
            bench.put_in("A1", DRIVE, model="Samsung SSD 860 EVO")
            bench.scan("KK-004711")
        case "bay":
            bench.scan("BAY-A1")
        case "serial":
            bench.scan(DRIVE)
        case "yes":
            bench.scan("YES")
        case "half":
            rig.wait(10.1)
            rig.engine.handle(Worked("A1", rig.worker("A1").job.id, _half(rig.worker("A1").job.id)))
            rig.wait(20.0)
        case "done":
            rig.end("A1", erased())
            bench.printed("bench-01-000001", LabelState.PRINTED)
            rig.wait(20.0)
        case "graded":
            bench.scan("BAY-A1", "GRADE-B")
            bench.printed("bench-01-000001", LabelState.PRINTED)
            bench.printed("bench-01-000001", LabelState.PRINTED)
        case "label":
            bench.scan("bench-01-000001")


def _half(job: str) -> Progress:
    ends = datetime.fromisoformat("2026-11-30T13:18:00Z").timestamp()
    return Progress(
        job=job,
        phase="pass",
        pass_number=1,
        passes=1,
        bytes_done=1 << 19,
        bytes_total=1 << 20,
        mb_per_s=105.0,
        ends_at=ends,
        left_s=2600.0,
    )


def recording(screens: list[tuple[str, tuple[Row, ...]]]) -> str:
    """Write an asciicast, version 2: a header, then a line for what is written at each moment."""
    painter = Painter(colour=True, encoding="utf-8")
    head = {"version": 2, "width": SIZE.columns, "height": SIZE.rows, "title": "benchwipe: a calm shift"}
    lines = [json.dumps(head)]
    for n, (_, rows) in enumerate(screens):
        lines.append(json.dumps([n * SECONDS_A_SCREEN, "o", painter.changes(rows)], ensure_ascii=False))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
