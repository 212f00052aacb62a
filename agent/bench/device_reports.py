"""What devices say by themselves, and what a person must know of it. The engine's thread only."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from agent.bench.alarms import critical, warning
from agent.bench.bay_table import BayTable
from agent.bench.events import DeviceFault, DockReported, Told

log = logging.getLogger("benchwipe.engine")

CUT: Mapping[str, tuple[str, str]] = {
    "overcurrent": ("BW-D32", "Bay {bay}: the drive took too much current; the dock has cut its power. Take it out."),
    "hot": ("BW-D33", "Bay {bay}: the drive became too hot; the dock has cut its power. Let it cool, and take it out."),
}
DEAF = (
    "BW-D37",
    "Bay {bay}: its sensors of current and temperature do not answer. What is on stays on; no drive gets power anew.",
)
OVER = ("well", "absent")
DOOR = ("BW-D34", "Bay {bay}: its door is open while its drive is at work. Close it.")


def heard(table: BayTable, event: DeviceFault | DockReported | Told, *, pressed: Callable[[str], None]) -> None:
    """Make alarms of faults by device, of a dock's reports by bay. `pressed(bay)`: its button is its code.

    A cut power needs no more than that: the drive's worker meets its absence, and ends.
    """
    if isinstance(event, Told):
        for name, value in event.values.items():
            table.happened.over(name, value)  # a dock that is back is silent no more
        table.report(event.key, **event.values)
        return
    if isinstance(event, DeviceFault):
        table.alarm(f"device-{event.device}", warning(event.code, event.text) if event.text else None)
        return
    log.info("dock %s, bay %s: %s", event.dock, event.bay, event.what)
    if event.bay is None:
        return
    name = f"dock-{event.bay}"
    if event.what in CUT:
        code, text = CUT[event.what]
        table.alarm(name, critical(code, text.format(bay=event.bay)))
    elif event.what == "button":
        pressed(event.bay)
    elif event.what in OVER:
        table.alarm(name, None)
    elif event.what in ("deaf", "hears"):
        code, text = DEAF
        table.alarm(f"sensor-{event.bay}", warning(code, text.format(bay=event.bay)) if event.what == "deaf" else None)
    elif event.what == "door":
        code, text = DOOR
        open_at_work = event.door_open is True and table[event.bay].busy
        table.alarm(f"door-{event.bay}", warning(code, text.format(bay=event.bay)) if open_at_work else None)
