"""Makes an ATA drive show what it hides: AMAC or HPA first, then DCO (ACS-4, 7.2; ACS-2, 7.9, 7.32, 7.41).

One change at a time: each is non-volatile, may be made once per power-on, and DCO RESTORE is aborted while an HPA is
set. What the drive shows afterwards counts only after its power was off (agent/erase/prepare.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.certificates.outcome import Reason
from agent.certificates.record import CommandRecord
from drivers.drives.drive import HiddenFeature
from drivers.drives.firmware_port import AtaReply, FirmwarePort
from firmware_bridge import ata, sat
from firmware_bridge.ata import Identify, TaskFile
from firmware_bridge.reply import Unreadable

COMMAND_S = 30.0
NOT_SHOWN = "BW-E51"
HINT = (
    "Pull the drive out, put it in again, and try once more; else choose a policy that accepts hidden areas "
    '(hidden_area = "accept"), or destroy the drive.'
)


@dataclass(frozen=True)
class Layer:
    """`there`: the drive has it; `asks`: how much the drive has beneath it; `shows`: the command that shows so much."""

    kind: HiddenFeature
    there: Callable[[Identify], bool]
    asks: Callable[[Identify], TaskFile]
    shows: Callable[[Identify, int], TaskFile]


@dataclass(frozen=True)
class Change:
    """A command that the drive accepted: from the next power-on it must show `bytes`."""

    kind: HiddenFeature
    bytes: int


# From the outermost to the innermost: the first that hides something is changed, the others after the next power-on.
LAYERS = (
    Layer("amac", lambda page: page.amac, lambda _: ata.GET_NATIVE_MAX_EXT, lambda _, n: ata.set_accessible_max(n)),
    Layer(
        "hpa",
        lambda page: page.hpa_supported and page.hpa_enabled and not page.amac,
        lambda page: ata.READ_NATIVE_MAX_EXT if page.lba48 else ata.READ_NATIVE_MAX,
        lambda page, n: ata.set_max(n, ext=page.lba48),
    ),
    Layer("dco", lambda page: page.dco, lambda _: ata.DCO_IDENTIFY, lambda _page, _n: ata.DCO_RESTORE),
)


def show_more(port: FirmwarePort, told: list[CommandRecord]) -> Change | Reason:
    """Make one change, of the outermost layer that hides something.

    Every command that changes the drive goes to `told`.

    OSError as the kernel reported it. A Reason where nothing hides, the drive does not say how much, or does not
    obey.
    """
    page = _identify(port)
    if isinstance(page, Unreadable):
        return _no(page.why)
    for layer in LAYERS:
        if not layer.there(page):
            continue
        asked = layer.asks(page)
        native = _native(asked, port.ata(asked, within=COMMAND_S))
        if isinstance(native, Unreadable):
            return _no(native.why)
        if native > page.sectors:
            return _change(port, layer, layer.shows(page, native), native * page.logical_block_bytes, told)
    return _no("the drive names no feature that hides it")


def _change(port: FirmwarePort, layer: Layer, task: TaskFile, size: int, told: list[CommandRecord]) -> Change | Reason:
    reply = port.ata(task, within=COMMAND_S)
    told.append(_record(task, reply))
    return Change(layer.kind, size) if reply.accepted else _no(f"the drive did not take {task.name}")


def _identify(port: FirmwarePort) -> Identify | Unreadable:
    data = port.ata(ata.IDENTIFY_DEVICE, within=COMMAND_S).data
    return data if isinstance(data, Unreadable) else ata.parse_identify(data)


def _native(task: TaskFile, reply: AtaReply) -> int | Unreadable:
    """Sectors beneath a layer."""
    if task.transfer == "pio-in":
        return reply.data if isinstance(reply.data, Unreadable) else ata.parse_dco(reply.data)
    return reply.registers if isinstance(reply.registers, Unreadable) else ata.parse_native_max(task, reply.registers)


def _record(task: TaskFile, reply: AtaReply) -> CommandRecord:
    found = reply.registers
    words = found.why if isinstance(found, Unreadable) else f"STATUS {found.status:02X}h, ERROR {found.error:02X}h"
    status = f"{'accepted' if reply.accepted else 'not accepted'}: {words}"
    return CommandRecord(name=task.name, bytes=sat.pass_through_16(task).hex(), status=status, raw=reply.raw.hex())


def _no(why: str) -> Reason:
    return Reason(NOT_SHOWN, f"The hidden area cannot be removed: {why}", HINT)
