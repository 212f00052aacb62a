"""A simulated drive's HPA, AMAC and DCO: what it answers when it is asked for its native size, or to show it.

As real ones: one change per power-on, shown only after the next; SET MAX only right after READ NATIVE MAX; DCO RESTORE
not while an HPA is set.
"""

from __future__ import annotations

from drivers.drives import _simulated_pages as pages
from drivers.drives._simulated_firmware import HIDING, Model, hidden
from drivers.drives.drive import HiddenFeature
from firmware_bridge.ata import TaskFile
from firmware_bridge.reply import ScsiReply

READ_NATIVE, SET_MAX, AMAC, DCO = 0x27, 0x37, 0x78, 0xB1
REFUSED = pages.registers(error=0x04, failed=True)


def answer(model: Model, task: TaskFile) -> ScsiReply | None:
    """Answer a command of these. None: it is not one of them."""
    known: dict[tuple[int, int], HiddenFeature] = {
        (READ_NATIVE, 0): "hpa",
        (SET_MAX, 0): "hpa",
        (AMAC, 0): "amac",
        (AMAC, 1): "amac",
        (DCO, 0xC2): "dco",
        (DCO, 0xC0): "dco",
    }
    kind = known.get((task.command, task.feature))
    if kind is None:
        return None
    if not getattr(model.commands, kind):
        return REFUSED
    if (task.command, task.feature) in ((READ_NATIVE, 0), (AMAC, 0), (DCO, 0xC2)):
        model.asked = kind
        last = native(model, kind) // model.drive.logical_block_bytes - 1
        return pages.good(pages.dco(last)) if kind == "dco" else pages.registers(lba=last)
    return _show(model, kind, task)


def native(model: Model, kind: HiddenFeature) -> int:
    """Count the bytes that the drive has beneath this layer."""
    now, outer = hidden(model.commands, model.state), HIDING.index(kind)
    return model.drive.capacity_bytes + sum(now[layer] for layer in HIDING[: outer + 1])


def _show(model: Model, kind: HiddenFeature, task: TaskFile) -> ScsiReply:
    now, state = hidden(model.commands, model.state), model.state
    outer_set = any(now[layer] for layer in HIDING[: HIDING.index(kind)])
    wrong = kind != "dco" and task.lba != native(model, kind) // model.drive.logical_block_bytes - 1
    if state.shows_next or wrong or outer_set or (kind == "hpa" and model.asked != "hpa"):
        return REFUSED
    state.shows_next = kind
    model.keep()
    return pages.registers()
