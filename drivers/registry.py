"""`driver = "acme_d4"` finds drivers/docks/acme_d4.py: the file's name is the driver's name, nothing is registered.

A driver's file holds two things: `class Settings(msgspec.Struct, frozen=True)`, and `class Driver(<base of its kind>)`
taking `(name: str, settings: Settings)`. Only the file that is asked for is imported, so that a library that is
missing breaks one driver and no other. docs/drivers.md shows how to add one.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, cast, overload

import msgspec

from drivers.displays.base import Display
from drivers.docks.base import Dock
from drivers.drives.base import DriveSource
from drivers.errors import BadDriverSettings, DriverUnavailable, UnknownDriver
from drivers.inputs.base import Input
from drivers.options import convert
from drivers.printers.base import Printer

Kind = Literal["docks", "printers", "inputs", "displays", "drives"]
BASES: Mapping[Kind, type] = {
    "docks": Dock,
    "printers": Printer,
    "inputs": Input,
    "displays": Display,
    "drives": DriveSource,
}


def known(kind: Kind) -> tuple[str, ...]:
    """List the names of all drivers of a kind, found by their files. Nothing is imported."""
    folder = importlib.import_module(f"drivers.{kind}").__path__
    names = (m.name for m in pkgutil.iter_modules(folder) if not m.ispkg and _holds_driver(folder, m.name))
    return tuple(sorted(n for n in names if n != "base" and not n.startswith("_")))


def _holds_driver(folder: Iterable[str], name: str) -> bool:
    """A file beside the drivers that has no `class Driver` helps them, and is none (drives/examine.py)."""
    files = (Path(place) / f"{name}.py" for place in folder)
    return any(b"\nclass Driver(" in file.read_bytes() for file in files if file.is_file())


def settings_of(kind: Kind, name: str, settings: Mapping[str, object], *, where: str) -> msgspec.Struct:
    """Convert the driver's settings to frozen ones, with nothing opened.

    May raise UnknownDriver, DriverUnavailable or BadDriverSettings.

    `where` is the path of the table in the configuration ("printers.main"): each problem's line starts with it.
    """
    declared = _module(kind, name).Settings
    value, problems = convert(settings, declared, path=where)
    if value is None:
        what = f"settings of the {kind} driver {name!r}"
        raise BadDriverSettings(where=what, problem="; ".join(problems), problems=tuple(problems))
    return cast(msgspec.Struct, value)


@overload
def load(kind: Literal["docks"], name: str, settings: Mapping[str, object], *, where: str) -> Dock: ...
@overload
def load(kind: Literal["printers"], name: str, settings: Mapping[str, object], *, where: str) -> Printer: ...
@overload
def load(kind: Literal["inputs"], name: str, settings: Mapping[str, object], *, where: str) -> Input: ...
@overload
def load(kind: Literal["displays"], name: str, settings: Mapping[str, object], *, where: str) -> Display: ...
@overload
def load(kind: Literal["drives"], name: str, settings: Mapping[str, object], *, where: str) -> DriveSource: ...


def load(kind: Kind, name: str, settings: Mapping[str, object], *, where: str) -> Any:
    """Load an instance of the driver, called `where` in its messages.

    Raises the errors of `settings_of`, and the driver's own.
    """
    value = settings_of(kind, name, settings, where=where)
    try:
        driver = _module(kind, name).Driver(where, value)
    except ModuleNotFoundError as error:
        raise _unavailable(kind, name, error) from error
    if not isinstance(driver, BASES[kind]):
        raise TypeError(f"drivers/{kind}/{name}.py: Driver is not a {BASES[kind].__name__}")
    return driver


def _module(kind: Kind, name: str) -> ModuleType:
    if name not in known(kind):
        raise UnknownDriver(kind=kind, name=name, known=", ".join(known(kind)))
    try:
        return importlib.import_module(f"drivers.{kind}.{name}")
    except ModuleNotFoundError as error:
        raise _unavailable(kind, name, error) from error


def _unavailable(kind: Kind, name: str, error: ModuleNotFoundError) -> Exception:
    if (error.name or "").split(".")[0] in ("agent", "drivers", "firmware_bridge"):
        return error  # a file of ours is missing: a broken installation, which no library would mend
    return DriverUnavailable(kind=kind, name=name, missing=error.name)
