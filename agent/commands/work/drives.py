"""`benchwipe drives`: every block device of this machine, its bay, and whether it may be erased or why not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from agent.certificates.label import capacity
from agent.commands.work.erase import examine
from agent.planning.plan import Alternative, Plan, offered
from agent.settings import Settings
from agent.views.certificate import capability_words
from drivers.drives import _sysfs
from drivers.drives._sysfs import list_drives
from drivers.drives.by_path import find
from drivers.drives.drive import Capabilities, HiddenArea
from drivers.drives.examine import Looks
from drivers.drives.ports import BY_PATH


class DriveRow(msgspec.Struct, frozen=True, kw_only=True):
    """One block device. Capacity in bytes."""

    device: str
    bay: str | None
    vendor: str | None
    model: str | None
    serial: str | None
    transport: str | None
    media: str | None
    capacity_bytes: int | None
    native_capacity_bytes: int | None
    hidden_area: HiddenArea | None
    identity_source: str | None
    bridge: str | None
    capabilities: Capabilities | None
    silent: bool
    """Its firmware was asked, and did not answer in time."""
    erasable: bool
    reason: str | None
    plan: Plan | None
    techniques: tuple[Alternative, ...]
    """What the drive's own firmware could do, the best first: whatever the policy chooses."""


def drive_rows(settings: Settings, state_dir: Path) -> list[DriveRow]:
    """List whole drives only, in the kernel's order."""
    policy = settings.policy_named(settings.station.policy)
    bays = {os.path.realpath(find(BY_PATH, bay.port)): bay.name for bay in settings.bay if bay.source == "block"}
    rows = []
    devices = list_drives()
    looks = Looks(number for device in devices if (number := _sysfs.number_at(device)))
    for device in devices:
        candidate = examine(device, policy, state_dir=state_dir, looks=looks)
        drive = candidate.drive
        rows.append(
            DriveRow(
                device=device,
                bay=bays.get(device),
                vendor=drive.vendor if drive else None,
                model=drive.model if drive else None,
                serial=drive.serial if drive else None,
                transport=drive.transport if drive else None,
                media=drive.media if drive else None,
                capacity_bytes=drive.capacity_bytes if drive else None,
                native_capacity_bytes=drive.native_capacity_bytes if drive else None,
                hidden_area=drive.hidden_area if drive else None,
                identity_source=drive.identity_source if drive else None,
                bridge=drive.bridge if drive else None,
                capabilities=drive.capabilities if drive else None,
                silent=drive is not None and drive.silent,
                erasable=candidate.refusal is None,
                reason=str(candidate.refusal) if candidate.refusal else None,
                plan=candidate.plan,
                techniques=offered(drive) if drive else (),
            )
        )
    return rows


def drive_table(rows: list[DriveRow]) -> list[str]:
    """Write the drives for people: one line a drive, and what its firmware says below it."""
    lines = [f"{'DEVICE':<14} {'BAY':<6} {'SIZE':>10} {'KIND':<10} {'DRIVE':<36} MAY BE ERASED"]
    for row in rows:
        name = " ".join(v for v in (row.vendor, row.model, row.serial) if v)
        size = capacity(row.capacity_bytes) if row.capacity_bytes else "-"
        may = f"yes, {row.plan.method}: {row.plan.level}" if row.plan else f"no: {row.reason}"
        kind = " ".join(dict.fromkeys(v for v in (row.transport, row.media) if v and v != "unknown"))
        lines.append(f"{row.device:<14} {row.bay or '-':<6} {size:>10} {kind:<10} {name:<36.36} {may}")
        lines += [f"{'':<14} {line}" for line in _firmware_lines(row)]
    return lines


def _firmware_lines(row: DriveRow) -> Iterator[str]:
    if row.hidden_area:
        yield f"hidden area: {row.hidden_area.kind}, {row.hidden_area.bytes} bytes"
    if row.silent:
        yield "firmware: asked, and did not answer in time: what it hides is not known"
    if row.capabilities is None:
        return
    if words := ", ".join(capability_words(row.capabilities)):
        yield f"firmware: {words}"
    for offer in row.techniques:
        state = offer.level if offer.possible else "not possible"
        if offer.possible or row.capabilities.sanitize or row.capabilities.security_supported:
            yield f"{offer.technique}: {state}: {offer.why}"
