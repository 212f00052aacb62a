"""`benchwipe drives`: every block device of this machine, its bay, and whether it may be erased or why not."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from agent.commands.erase_command import examine
from agent.label import capacity
from agent.plan import Plan
from agent.settings import Settings
from drivers.drives.base import Capabilities, HiddenArea
from drivers.drives.block import BY_PATH, list_drives


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
    erasable: bool
    reason: str | None
    plan: Plan | None


def drive_rows(settings: Settings, state_dir: Path) -> list[DriveRow]:
    """Whole drives only, in the kernel's order."""
    policy = settings.policy_named(settings.station.policy)
    bays = {os.path.realpath(BY_PATH / bay.port): bay.name for bay in settings.bay if bay.source == "block"}
    rows = []
    for device in list_drives():
        candidate = examine(device, policy, state_dir=state_dir)
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
                erasable=candidate.refusal is None,
                reason=str(candidate.refusal) if candidate.refusal else None,
                plan=candidate.plan,
            )
        )
    return rows


def drive_table(rows: list[DriveRow]) -> list[str]:
    """For people: one line a drive."""
    lines = [f"{'DEVICE':<14} {'BAY':<6} {'SIZE':>10} {'DRIVE':<36} MAY BE ERASED"]
    for row in rows:
        name = " ".join(v for v in (row.vendor, row.model, row.serial) if v)
        size = capacity(row.capacity_bytes) if row.capacity_bytes else "-"
        may = f"yes, {row.plan.method}: {row.plan.level}" if row.plan else f"no: {row.reason}"
        lines.append(f"{row.device:<14} {row.bay or '-':<6} {size:>10} {name:<36.36} {may}")
    return lines
