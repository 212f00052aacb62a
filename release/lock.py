"""`make lock`: choose the newest releases that setup.cfg allows, and write each one down with its hashes.

uv resolves for every Python and machine at once; pip, as a station has it, is then asked which files it would take on
each of them. Only those go into the lock, and a package that has no wheel for one of them ends the run.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.requirements import Requirement

from release import lockfile
from release.lockfile import Lock, Pin

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
MACHINES = ("x86_64", "aarch64")
GLIBC = (5, 12, 17, 24, 26, 27, 28, 31, 34, 35, 36)
"""Debian 12 has 2.36: the newest manylinux that all our systems take."""
TOOLS = ("uv==0.13.9", "pip==26.2")
TIMEOUT_S = 600


@dataclass
class Found:
    """What pip would take of a package, over all Pythons and machines."""

    files: dict[str, str] = field(default_factory=dict)
    licence: str = "not said"


def main() -> int:
    """Write all locks anew."""
    wanted = lockfile.wanted()
    with tempfile.TemporaryDirectory(prefix="benchwipe-lock-") as name:
        scratch = Path(name)
        uv = _tools(scratch)
        together = _resolve(uv, scratch, "all", sorted({one for wants in wanted.values() for one in wants}))
        pins = scratch / "pins.txt"
        pins.write_text("".join(f"{pin.name}=={pin.version}\n" for pin in together), "utf-8")
        found = _files(scratch, together)
        for lock, wants in wanted.items():
            chosen = _resolve(uv, scratch, lock, wants, "--constraints", str(pins))
            done = tuple(replace(p, files=found[p.name].files, licence=found[p.name].licence) for p in chosen)
            (lockfile.FOLDER / f"{lock}.lock").write_text(Lock(lock, wants, done).text(), "utf-8")
            sys.stderr.write(f"benchwipe: requirements/{lock}.lock: {len(done)} packages\n")
    for stale in lockfile.FOLDER.glob("*.lock"):
        if stale.stem not in wanted:
            stale.unlink()
    return 0


def _run(*command: str) -> str:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        sys.exit(f"benchwipe: {Path(command[0]).name} could not do it; its reason stands above. No lock was changed")
    return done.stdout


def _tools(scratch: Path) -> str:
    """Fetch uv, and a pip that knows the fields of today's packages; tell uv's place."""
    _run(sys.executable, "-m", "pip", "install", "-qq", "--target", str(scratch / "tools"), *TOOLS)
    return str(scratch / "tools" / "bin" / "uv")


def _resolve(uv: str, scratch: Path, lock: str, wants: Iterable[str], *more: str) -> list[Pin]:
    """Tell the packages that these requirements come to, without files."""
    source = scratch / f"{lock}.in"
    source.write_text("".join(f"{one}\n" for one in wants), "utf-8")
    compiled = _run(
        uv,
        "pip",
        "compile",
        "--quiet",
        "--universal",
        f"--python-version={PYTHONS[0]}",
        "--no-header",
        "--annotation-style=line",
        *more,
        str(source),
    )
    return [pin for line in compiled.splitlines() if (pin := _read(line, source.name)) is not None]


def _read(line: str, source: str) -> Pin | None:
    """Read a line of uv's; None where it is for no Linux that a station has."""
    text, _, via = line.partition("# via ")
    requirement = Requirement(text.strip())
    if requirement.marker is not None and not _ever(requirement.marker):
        return None
    (version,) = requirement.specifier
    marker = _python_only(str(requirement.marker or ""))
    by = ("benchwipe" if source in one else one.strip() for one in via.split(",") if "-c " not in one)
    return Pin(requirement.name, version.version, marker, {}, tuple(sorted(set(by))), "")


def _ever(marker: Marker) -> bool:
    return any(marker.evaluate(environment(python, machine)) for python in PYTHONS for machine in MACHINES)


def _python_only(marker: str) -> str:
    """Keep a condition only where it is one of Python's version: the rest is the same on every station."""
    return marker if re.fullmatch(r"python_(?:full_)?version [<>=!]+ [\"'][\d.]+[\"']", marker) else ""


def environment(python: str, machine: str) -> dict[str, str]:
    """Tell what markers are held against (PEP 508) on a station."""
    return {
        "implementation_name": "cpython", "implementation_version": f"{python}.0", "os_name": "posix",
        "platform_machine": machine, "platform_python_implementation": "CPython", "platform_release": "",
        "platform_system": "Linux", "platform_version": "", "python_full_version": f"{python}.0",
        "python_version": python, "sys_platform": "linux",
    }  # fmt: skip


def _files(scratch: Path, pins: Iterable[Pin]) -> dict[str, Found]:
    """Ask pip which wheels it would take, on every Python and machine."""
    found = {pin.name: Found() for pin in pins}
    exact = scratch / "exact.txt"
    for python in PYTHONS:
        for machine in MACHINES:
            here = environment(python, machine)
            exact.write_text(
                "".join(f"{p.name}=={p.version}\n" for p in pins if not p.marker or Marker(p.marker).evaluate(here)),
                "utf-8",
            )
            for one in _report(exact, python, machine):
                _take(found[_normal(one["metadata"]["name"])], one)
    return found


def _report(exact: Path, python: str, machine: str) -> list[Mapping[str, Any]]:
    platforms = [f"--platform=manylinux_2_{minor}_{machine}" for minor in GLIBC]
    platforms += [f"--platform=manylinux{name}_{machine}" for name in ("1", "2010", "2014")]
    pip = [sys.executable, str(exact.parent / "tools" / "pip"), "install", "-qq", "--dry-run", "--ignore-installed"]
    only = ["--no-deps", "--only-binary=:all:", f"--python-version={python}", "--implementation=cp", *platforms]
    told = _run(*pip, *only, f"--target={exact.parent / 'never'}", "--report=-", "--requirement", str(exact))
    rows: list[Mapping[str, Any]] = json.loads(told)["install"]
    return rows


def _take(found: Found, row: Mapping[str, Any]) -> None:
    info = row["download_info"]
    found.files[info["url"].rpartition("/")[2]] = info["archive_info"]["hashes"]["sha256"]
    found.licence = _licence(row["metadata"])


def _licence(metadata: Mapping[str, Any]) -> str:
    """Say the licence as the package does: by its expression, else its classifiers, else in its own first line."""
    if expression := metadata.get("license_expression"):
        return str(expression)
    classified = [c.rpartition(" :: ")[2] for c in metadata.get("classifier", ()) if c.startswith("License :: OSI")]
    lines = str(metadata.get("license") or "").strip().splitlines()
    return " AND ".join(classified) or (lines[0].strip()[:80] if lines else "not said")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
