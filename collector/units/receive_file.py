"""A list of units received, taken in from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from collector.parties.services import Actor
from collector.units import arriving, reading, receiving, store
from collector.units.errors import RegisterProblem
from collector.units.models import Lot
from collector.units.register_columns import NoColumns


def receive_file(actor: Actor, lot: Lot, path: Path) -> dict[str, Any]:
    """Receive the units of a list; what became of them. Raise RegisterProblem or NotNow."""
    return receive_bytes(actor, lot, reading.read_file(path), path.name)


def receive_bytes(actor: Actor, lot: Lot, data: bytes, name: str) -> dict[str, Any]:
    """Receive the units of a list that was read. Raise RegisterProblem or NotNow."""
    customer = lot.customer
    assert customer is not None
    try:
        listed = arriving.read(reading.rows(data, name), store.prefix_of(customer))
    except NoColumns as problem:
        raise RegisterProblem(file=name, problem=str(problem)) from None
    done = receiving.receive(actor, lot, listed.arrivals)
    refused = [{"row": one.row, "column": "", "problem": one.problem} for one in done if one.result == "refused"]
    rejected = sorted([*listed.rejected, *refused], key=lambda one: int(one["row"]))
    counts = {name: sum(one.result == name for one in done) for name in receiving.RESULTS if name != "refused"}
    return {"rows": len(done) + len(listed.rejected), **counts, "rejected": rejected}
