"""`broker-config --adopt`: this machine's Debian mosquitto and this collector's configuration take the folder into use.

Tables are added at the end of the configuration, where they are missing; nothing in it is changed.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec

from agent.errors import SettingsError
from collector import settings
from collector.fleet.errors import NoBrokerFolder
from collector.owned import put
from drivers.options import read_toml

USUAL = Path("/etc/benchwipe/collector.toml")
INCLUDED = Path("/etc/mosquitto/conf.d")
LINK = "benchwipe.conf"
RESTART = ("systemctl", "restart", "mosquitto")
RESTART_S = 60.0


def configure(config: Path | None, names: Sequence[str]) -> list[str]:
    """Add what the configuration lacks, so that collector and pages speak TLS. Return what was done, a line each."""
    path = config or USUAL
    data, problems = read_toml(path) if path.exists() else ({}, [])
    if problems:
        raise SettingsError(str(path), tuple(f"{path}: {problem}" for problem in problems))
    if not names and "tls" not in data:
        raise NoBrokerFolder(out=path, problem="--adopt needs --name NAME: by what name stations reach this machine")
    tables = []
    if "tls" not in data:
        told = msgspec.json.encode(list(names)).decode()
        tables.append(f'[tls]\nlisten = "0.0.0.0:443"\nnames = {told}\n')
    if "tls" not in data.get("broker", {}):
        tables.append("[broker.tls]\nown = true\n")
    if not tables:
        return []
    before = path.read_text("utf-8") if path.exists() else ""
    _check(path, text := "\n".join([before.rstrip("\n"), *tables]).lstrip("\n"))
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o640
    owner = path.stat() if path.exists() else None
    put(path, text.encode(), mode)
    if owner is not None and os.geteuid() == 0:
        os.chown(path, owner.st_uid, owner.st_gid)
    return [f"{path}: added {', '.join(table.partition(chr(10))[0] for table in tables)}"]


def include(out: Path) -> str:
    """Let Debian's mosquitto include the folder's configuration, and start it anew. Return what was done."""
    if not INCLUDED.is_dir():
        return f"{INCLUDED} is not there: start mosquitto with -c {out}/mosquitto.conf"
    link = INCLUDED / LINK
    if not (link.is_symlink() and Path(os.readlink(link)) == out / "mosquitto.conf"):
        temporary = INCLUDED / f".{LINK}.new"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(out / "mosquitto.conf")
        temporary.replace(link)
    try:
        done = subprocess.run(RESTART, capture_output=True, text=True, timeout=RESTART_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{link} is in its place; restart mosquitto: {error}"
    if done.returncode:
        return f"{link} is in its place; mosquitto was not restarted: {' '.join(done.stderr.split())}"
    return f"mosquitto was restarted with {link}"


def _check(path: Path, text: str) -> None:
    """Raise SettingsError where the configuration would not be one any more."""
    beside = path.with_name(f".{path.name}.new")
    try:
        put(beside, text.encode(), 0o600)
        settings.load(beside)
    finally:
        beside.unlink(missing_ok=True)
