"""`benchwipe bays udev-rules`: click, nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click

from agent.commands.options import config_option, json_option, require_config, tell
from agent.commands.work import bay_rules
from agent.files import replace
from agent.settings import Settings

RELOAD = (
    ("udevadm", "control", "--reload"),
    ("udevadm", "trigger", "--subsystem-match=block", "--action=change"),
)


@click.command("udev-rules")
@config_option
@click.option("--install", is_flag=True, help=f"Write {bay_rules.RULES_FILE} and let udev read it (root).")
@json_option
@click.pass_context
def udev_rules(ctx: click.Context, settings: Settings, install: bool, as_json: bool) -> None:
    """Print udev rules that give the drives in the bays to the daemon and hide them from automounters."""
    require_config(ctx)
    text = bay_rules.rules(bay_rules.refuse_bays(settings))
    if install:
        _install(text, bay_rules.RULES_FILE)
    elif not as_json:
        click.echo(text, nl=False)
    tell({"rules": text, "installed": str(bay_rules.RULES_FILE) if install else None}, as_json=as_json)


def register(cli: click.Group) -> None:
    """Put the command into the group `bays`, which another module may have made."""
    group = cli.commands.get("bays")
    if not isinstance(group, click.Group):
        group = click.Group("bays", help="The places where drives stand.")
        cli.add_command(group)
    group.add_command(udev_rules)


def _install(text: str, file: Path) -> None:
    """Nothing happens, and no drive is looked at anew, where the rules are those already."""
    if file.is_file() and file.read_text(encoding="utf-8") == text:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    replace(file, text.encode())
    for command in RELOAD:
        subprocess.run(command, check=False, timeout=30)  # without udev (a container) the rules wait for the next boot
