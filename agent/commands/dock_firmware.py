"""`benchwipe dock-firmware`: new firmware for a dock controller of ours."""

from __future__ import annotations

from pathlib import Path

import click

from agent.commands.options import config_option, json_option, require_config, tell
from agent.settings import Settings

ASK_S, DRIVE_S = 5.0, 60.0


@click.command("dock-firmware", short_help="Put new firmware into a dock controller.")
@click.argument("dock")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--drive", type=click.Path(path_type=Path), help="Where its boot loader's drive is mounted, or will be")
@json_option
@config_option
@click.pass_context
def dock_firmware(
    ctx: click.Context, settings: Settings, dock: str, file: Path, drive: Path | None, as_json: bool
) -> None:
    """Check FILE (UF2), ask the controller of DOCK to take firmware, and copy FILE to its drive.

    Refused while a bay is busy. The daemon holds the controller's line: stop it first. All bays go off.
    """
    require_config(ctx)
    from drivers import registry
    from drivers.deadline import Deadline
    from drivers.docks import _uf2
    from drivers.docks.benchwipe_controller import Driver

    found = {item.name: item for item in settings.dock}.get(dock)
    if found is None:
        raise click.UsageError(f"no dock is called {dock!r}; known: {', '.join(d.name for d in settings.dock)}", ctx)
    device = registry.load("docks", found.driver, found.settings, where=f"dock.{found.name}")
    if not isinstance(device, Driver):
        device.close()
        raise click.UsageError(f"the driver {found.driver!r} of {dock} has no firmware of ours", ctx)
    _uf2.check(file)
    try:
        device.enter_boot(within=Deadline(ASK_S))
    finally:
        device.close()
    if drive is None:
        click.echo(f"{dock} is in its boot loader: mount the drive RPI-RP2 and copy {file.name} to it", err=as_json)
        tell({"dock": dock, "file": str(file), "copied": False}, as_json=as_json)
        return
    _uf2.copy(file, drive, within=Deadline(DRIVE_S))
    click.echo(f"{dock} has {file.name} and starts anew", err=as_json)
    tell({"dock": dock, "file": str(file), "copied": True}, as_json=as_json)
