"""A bench that is played by hand: the real engine and the screen of its status, without threads and devices."""

from __future__ import annotations

from typing import Any

from agent.bench.events import LabelResult
from agent.jobs.bay import BayState
from agent.jobs.label_proof import LabelState
from agent.scan.command_words import command_words
from agent.settings import Settings, parse
from agent.views.bay import bay_row
from agent.views.cells import Row, Size
from agent.views.people import everybody, sentences, unfinished_items, waiting_item, who_works
from agent.views.screen import frame
from agent.views.waiting import Beside
from tests.agent.engine_rig import Rig, drive

SIZE = Size(80, 24)


def station(language: str, **more: Any) -> Settings:  # noqa: ANN401 - tables of the configuration
    """The bench of the technicians' pages: four bays, Ida and Bo, a delivery that asks for serial and answer."""
    return parse(
        {
            "station": {"id": "bench-01", "language": language, "mode": "scan", "countdown_s": 10},
            "bay": [{"name": f"A{n}", "port": f"p{n}"} for n in range(1, 5)],
            "printer": [{"name": "labels", "driver": "simulated"}],
            "scanning": {"ask_grade": True},
            "operator": [
                {"badge": "BADGE-1", "id": "ida", "name": "Ida"},
                {"badge": "BADGE-2", "id": "bo", "name": "Bo"},
            ],
            "customer": [{"name": "Kolding Kommune", "policy": "asking"}, {"name": "Vejle Kommune"}],
            "lot": [
                {"code": "LOT-2026-47", "customer": "Kolding Kommune"},
                {"code": "LOT-2026-48", "customer": "Vejle Kommune"},
            ],
            "policy": [{"name": "asking", "method": "zero", "confirm": True, "match_serial": True}],
            **more,
        },
        where="test",
    )


class Bench:
    """A rig whose screen is looked at after every step."""

    def __init__(self, rig: Rig, language: str, size: Size = SIZE, *, since: str = "") -> None:
        """`since`: when everybody signed in, for a picture that is the same each time it is made."""
        self.rig, self.language, self.size, self.since = rig, language, size, since
        self.seen: list[str] = []
        self.frames: list[tuple[str, tuple[Row, ...]]] = []

    def step(self, what: str = "") -> None:
        """Look at the screen. `what`: what was just done, for a picture of it."""
        shown = frame(self.status(), self.size, self.language)
        self.frames.append((what, shown))
        self.seen.append(" ".join(" ".join("".join(c for c, _ in row).split()) for row in shown))

    def scan(self, *codes: str) -> None:
        """Scan one after the other."""
        for code in codes:
            self.rig.scan(code)
            self.step(code)

    def put_in(self, bay: str, serial: str, **facts: Any) -> None:  # noqa: ANN401 - fields of Drive
        """A drive goes into a bay."""
        self.rig.arrive(bay, drive(serial, **facts))
        self.step(f"{serial} > {bay}")

    def printed(self, number: str, state: LabelState = LabelState.PRINTED) -> None:
        """The printer tells what came of a label."""
        copy = next((c for n, c in reversed(self.rig.effects.labels) if n == number), 0)
        self.rig.engine.handle(
            LabelResult(number, "labels", copy, state, "" if state is LabelState.PRINTED else "paper out")
        )
        self.rig.engine.tick()
        self.step()

    def status(self) -> dict[str, Any]:
        """What `benchwipe status` answers of this engine (agent/station.py)."""
        engine, now = self.rig.engine, self.rig.clock
        shown, words = engine.shown, command_words(self.rig.settings.scanning, self.language)
        rows = {bay.certificate_number for bay in engine.bays.values() if bay.certificate_number}
        empty = {bay.name for bay in engine.bays.values() if bay.state is BayState.EMPTY}
        items = engine.pending.items
        labels = {item.label: LabelState.PRINTED for item in items if item.what == "label"}
        labels |= {label.number: label.state for label in engine.labels.open}
        beside = Beside(labels, {item.bay: item.serial for item in items if item.what == "put_back"})
        pending = [
            waiting_item(item.what, label=item.label, asset=item.asset, serial=item.serial, bay=item.bay, who=item.who)
            for item in items
            if item.label not in rows and not (item.what == "put_back" and item.bay in empty)
        ]
        happened = [line.said for line in engine.table.happened.lines if line.said not in shown]
        return {
            "station": "bench-01",
            **who_works(engine.context),
            "next": sentences(shown, self.language, words),
            "happened": sentences(happened, self.language, words),
            "people": [{**one, "since": self.since or one["since"]} for one in everybody(engine.people())],
            "pending": [*pending, *unfinished_items(engine.unfinished())],
            "bays": [bay_row(bay, now=now, beside=beside) for bay in engine.bays.values()],
            "labels": [{"number": label.number, "state": label.state.value} for label in engine.labels.open],
            "alarms": {name: alarm.text for name, alarm in self.rig.effects.alarms.items()},
            "alarm_codes": {name: alarm.code for name, alarm in self.rig.effects.alarms.items()},
            "uplink": None,
        }
