"""Read and write a lock: pip's requirement file, each package at one version, each file of it by its SHA-256.

Comments carry what pip does not need and a reader does: the files, who wants the package, its licence.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

REPOSITORY = Path(__file__).resolve().parents[1]
FOLDER = REPOSITORY / "requirements"
STATION, BUILD = "station", "build"
NOT_INSTALLED = ("demo", "dev")
"""Extras of setup.cfg that are for a checkout, and never for a station."""
PINNED = re.compile(r"([A-Za-z0-9._-]+)==(\S+?)(?: ; (.+?))?(?: \\)?")
FILE, WANTED_BY, LICENCE, WANTS = "# file: ", "# wanted by: ", "# licence: ", "# wants: "
HASH = "    --hash=sha256:"


@dataclass(frozen=True)
class Pin:
    """A package at its version, and the files of it that may be installed."""

    name: str
    version: str
    marker: str
    files: Mapping[str, str]
    """File name -> SHA-256."""
    wanted_by: tuple[str, ...]
    licence: str


@dataclass(frozen=True)
class Lock:
    """What one extra needs, or the program itself, down to the last package."""

    name: str
    wants: tuple[str, ...]
    """The requirements of setup.cfg (or pyproject.toml) that it was made from."""
    pins: tuple[Pin, ...]

    def text(self) -> str:
        """Write it as a file."""
        wants = "".join(f"{WANTS}{one}\n" for one in self.wants)
        return f"# Written by `make lock`, and not by hand.\n{wants}\n" + "\n".join(_block(pin) for pin in self.pins)


def _block(pin: Pin) -> str:
    files = sorted(pin.files.items())
    comments = [f"{FILE}{name} {digest}" for name, digest in files]
    comments += [f"{WANTED_BY}{', '.join(pin.wanted_by)}", f"{LICENCE}{pin.licence}"]
    marker = f" ; {pin.marker}" if pin.marker else ""
    hashes = [f"{HASH}{digest}" for digest in sorted(pin.files.values())]
    return "\n".join([*comments, " \\\n".join([f"{pin.name}=={pin.version}{marker}", *hashes]), ""])


def read(name: str, folder: Path = FOLDER) -> Lock:
    """Read a lock. ValueError with the line that is none of its lines, or where hashes and files are not the same."""
    wants: list[str] = []
    pins: list[Pin] = []
    about: dict[str, list[str]] = {}
    hashes: set[str] = set()
    for line in [*(folder / f"{name}.lock").read_text("utf-8").splitlines(), ""]:
        if line.startswith(HASH):
            hashes.add(line.removeprefix(HASH).removesuffix(" \\"))
        elif line.startswith(WANTS):
            wants.append(line.removeprefix(WANTS))
        elif line.startswith("#"):
            head, _, rest = line.partition(": ")
            about.setdefault(f"{head}: ", []).append(rest)
        elif line:
            about["pin"] = [line]
        elif "pin" in about:
            pins.append(_pin(about, hashes))
            about, hashes = {}, set()
    return Lock(name, tuple(wants), tuple(pins))


def _pin(about: Mapping[str, Sequence[str]], hashes: set[str]) -> Pin:
    (line,) = about["pin"]
    found = PINNED.fullmatch(line)
    files = dict(one.split(" ") for one in about.get(FILE, ()))
    if found is None or set(files.values()) != hashes:
        raise ValueError(f"{line}: no pin, or its files and hashes are not the same")
    wanted = tuple(about[WANTED_BY][0].split(", "))
    return Pin(found[1], found[2], found[3] or "", files, wanted, about[LICENCE][0])


def wanted(repository: Path = REPOSITORY) -> dict[str, tuple[str, ...]]:
    """Tell the requirements of each lock: of the build, of the program, and of each extra that a station may have."""
    config = configparser.ConfigParser()
    config.read(repository / "setup.cfg", encoding="utf-8")
    extras = config["options.extras_require"]
    project = tomllib.loads((repository / "pyproject.toml").read_text("utf-8"))
    found = {BUILD: tuple(project["build-system"]["requires"]), STATION: _lines(config["options"]["install_requires"])}
    for extra in extras:
        if extra not in NOT_INSTALLED:
            found[extra] = tuple(dict.fromkeys(_flat(extra, extras)))
    return found


def _flat(extra: str, extras: Mapping[str, str]) -> Iterator[str]:
    """List an extra's requirements; `benchwipe[other]` stands for those of the other."""
    for line in _lines(extras[extra]):
        requirement = Requirement(line)
        if requirement.name != "benchwipe":
            yield line
        for other in sorted(requirement.extras) if requirement.name == "benchwipe" else ():
            yield from _flat(other, extras)


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())
