"""A bay as the table of scans knows it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from agent.jobs.bay import Bay, BayState
from agent.scan.flow import Seen


def place(bay: Bay) -> Seen:
    """Name a bay by what may be done there."""
    if bay.state is BayState.COUNTDOWN:
        return {"serial": Seen.ASKING_BAY, "confirm": Seen.PLANNED_BAY}.get(bay.asks, Seen.COUNTING_BAY)
    if bay.state is BayState.FINISHED:
        return Seen.ERASED_BAY if bay.outcome == "erased" else Seen.SPENT_BAY
    if bay.state is BayState.BLOCKED and (bay.drive is None or not bay.drive.identified):
        return Seen.NAMELESS_BAY
    return _PLACES[bay.state]


_PLACES: Mapping[BayState, Seen] = {
    BayState.EMPTY: Seen.EMPTY_BAY,
    BayState.WAITING: Seen.READY_BAY,
    BayState.CYCLING: Seen.BUSY_BAY,
    BayState.ERASING: Seen.BUSY_BAY,
    BayState.VERIFYING: Seen.BUSY_BAY,
    BayState.STALLED: Seen.BUSY_BAY,
    BayState.CERTIFYING: Seen.BUSY_BAY,
    BayState.BLOCKED: Seen.SHUT_BAY,
    BayState.QUARANTINED: Seen.SHUT_BAY,
}
