"""Rooms and their arrows: who may import whom, read from the imports, lazy ones too (docs/architecture.md)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
HOUSES = ("firmware_bridge", "drivers", "agent", "collector")

# A room, and the rooms that it may import from: only such as stand above it, so that no arrow runs back up. A file that
# is named is a room of its own; a folder is the room of all below it that is not named itself.
ROOMS: Mapping[str, frozenset[str]] = {
    room: frozenset(may.split())
    for room, may in {
        "firmware_bridge": "",
        "drivers": "firmware_bridge",
        "agent/__init__.py": "",
        "agent/version.py": "",
        "agent/errors.py": "firmware_bridge",
        "agent/messages.py": "",
        "agent/files.py": "agent/errors.py",
        "agent/state_folder.py": "agent/errors.py agent/files.py",
        "agent/phrases": "",
        "agent/certificates": (
            "firmware_bridge drivers agent/errors.py agent/messages.py agent/files.py agent/state_folder.py "
            "agent/phrases"
        ),
        "agent/erase": "firmware_bridge drivers agent/certificates",
        "agent/planning": "drivers agent/certificates agent/erase",
        "agent/settings.py": "drivers agent/errors.py agent/planning",
        "agent/directory.py": "agent/errors.py agent/certificates agent/planning agent/settings.py",
        "agent/enrolment": (
            "drivers agent/errors.py agent/files.py agent/state_folder.py agent/certificates agent/settings.py"
        ),
        "agent/jobs": (
            "drivers agent/version.py agent/errors.py agent/messages.py agent/files.py agent/certificates "
            "agent/erase agent/planning agent/settings.py agent/state_folder.py"
        ),
        "agent/backups": (
            "agent/version.py agent/errors.py agent/files.py agent/state_folder.py agent/messages.py "
            "agent/certificates agent/planning agent/settings.py agent/jobs"
        ),
        "agent/scan": "drivers agent/phrases agent/certificates agent/settings.py agent/jobs",
        "agent/uplink": "drivers agent/errors.py agent/messages.py agent/certificates agent/settings.py agent/jobs",
        "agent/views": "drivers agent/phrases agent/certificates agent/erase agent/planning agent/jobs agent/scan",
        "agent/bench": (
            "drivers agent/errors.py agent/messages.py agent/phrases agent/certificates agent/erase "
            "agent/planning agent/settings.py agent/directory.py agent/jobs agent/scan agent/uplink"
        ),
        "agent/devices": (
            "drivers agent/errors.py agent/messages.py agent/files.py agent/state_folder.py agent/phrases "
            "agent/certificates agent/erase agent/planning agent/settings.py agent/jobs agent/scan agent/uplink "
            "agent/views agent/bench"
        ),
        "agent/station.py": (
            "firmware_bridge drivers agent/version.py agent/errors.py agent/messages.py agent/files.py "
            "agent/state_folder.py agent/certificates agent/erase agent/settings.py agent/enrolment agent/jobs "
            "agent/uplink "
            "agent/views agent/bench agent/devices"
        ),
        "agent/pdf": (
            "drivers agent/version.py agent/errors.py agent/files.py agent/phrases agent/certificates "
            "agent/planning agent/settings.py agent/scan agent/views"
        ),
        "agent/commands/work": (
            "firmware_bridge drivers agent/errors.py agent/files.py agent/phrases agent/certificates "
            "agent/erase agent/planning agent/settings.py agent/state_folder.py agent/jobs agent/scan "
            "agent/uplink agent/views agent/devices agent/pdf"
        ),
        "agent/commands": (
            "firmware_bridge drivers agent/errors.py agent/files.py agent/phrases agent/certificates "
            "agent/erase agent/planning agent/settings.py agent/enrolment agent/jobs agent/backups agent/scan "
            "agent/views agent/devices agent/station.py agent/pdf agent/commands/work"
        ),
        "agent/cli.py": (
            "firmware_bridge agent/version.py agent/errors.py agent/settings.py agent/views agent/commands"
        ),
        "collector/errors.py": "firmware_bridge",
        "collector/text.py": "",
        "collector/moments.py": "",
        "collector/tables": "collector/errors.py collector/text.py",
        "collector/place.py": "",
        "collector/owned.py": "",
        "collector/guards.py": "",
        "collector/headers.py": "",
        "collector/problems.py": "collector/errors.py",
        "collector/catalogues.py": "agent/phrases",
        "collector/settings_tables.py": "agent/certificates collector/text.py",
        "collector/settings.py": (
            "drivers agent/errors.py agent/certificates collector/place.py collector/settings_tables.py"
        ),
        "collector/running.py": "collector/settings.py",
        "collector/parties": (
            "collector/errors.py collector/text.py collector/moments.py collector/guards.py collector/problems.py"
        ),
        "collector/background": (
            "collector/errors.py collector/text.py collector/moments.py collector/owned.py collector/guards.py "
            "collector/settings.py collector/parties"
        ),
        "collector/intake": (
            "agent/errors.py agent/messages.py agent/certificates collector/errors.py collector/text.py "
            "collector/moments.py collector/place.py collector/owned.py collector/guards.py collector/settings.py "
            "collector/settings_tables.py collector/parties"
        ),
        "collector/statements": (
            "collector/running.py "
            "agent/errors.py agent/certificates collector/errors.py collector/text.py collector/moments.py "
            "collector/guards.py collector/settings.py collector/parties collector/intake"
        ),
        "collector/certificates": (
            "collector/running.py "
            "agent/errors.py agent/files.py agent/certificates agent/pdf collector/errors.py collector/text.py "
            "collector/moments.py collector/guards.py collector/problems.py collector/settings.py collector/parties "
            "collector/background collector/intake collector/statements"
        ),
        "collector/foreign": (
            "collector/errors.py collector/text.py collector/moments.py collector/guards.py collector/parties "
            "collector/certificates"
        ),
        "collector/units": (
            "collector/running.py "
            "drivers agent/errors.py agent/files.py agent/certificates agent/pdf collector/errors.py collector/text.py "
            "collector/moments.py collector/guards.py collector/problems.py collector/settings.py collector/parties "
            "collector/background collector/tables collector/intake collector/statements collector/certificates"
        ),
        "collector/trade": (
            "collector/running.py "
            "drivers agent/errors.py agent/files.py agent/certificates agent/pdf collector/errors.py collector/text.py "
            "collector/moments.py collector/guards.py collector/problems.py collector/settings.py collector/parties "
            "collector/tables collector/intake collector/statements collector/certificates collector/units"
        ),
        "collector/effect": (
            "drivers agent/files.py agent/pdf collector/errors.py collector/text.py collector/moments.py "
            "collector/guards.py collector/parties collector/statements collector/certificates collector/units "
            "collector/trade"
        ),
        "collector/audit": (
            "agent/errors.py collector/moments.py collector/guards.py collector/parties collector/intake "
            "collector/statements collector/certificates collector/units collector/trade"
        ),
        "collector/demo": "agent/messages.py agent/certificates collector/errors.py collector/moments.py",
        "collector/selling": (
            "agent/errors.py agent/pdf collector/errors.py collector/text.py collector/moments.py collector/guards.py "
            "collector/problems.py collector/parties collector/statements collector/certificates collector/intake "
            "collector/units collector/trade"
        ),
        "collector/today": (
            "collector/moments.py collector/parties collector/intake collector/certificates collector/units "
            "collector/trade collector/selling"
        ),
        "collector/fleet": (
            "collector/running.py "
            "drivers agent/errors.py agent/messages.py agent/certificates collector/errors.py collector/text.py "
            "collector/moments.py collector/owned.py collector/guards.py collector/problems.py "
            "collector/settings.py collector/parties collector/background "
            "collector/intake collector/certificates"
        ),
        "collector/notices": (
            "collector/running.py "
            "agent/version.py collector/errors.py collector/text.py collector/moments.py collector/guards.py "
            "collector/problems.py collector/settings.py collector/parties collector/intake collector/certificates "
            "collector/fleet"
        ),
        "collector/api": (
            "agent/errors.py agent/certificates collector/errors.py collector/text.py collector/moments.py "
            "collector/problems.py collector/parties collector/intake collector/certificates collector/fleet"
        ),
        "collector": (
            "firmware_bridge drivers agent/version.py agent/errors.py agent/messages.py agent/certificates "
            "collector/errors.py "
            "collector/text.py collector/moments.py collector/place.py collector/owned.py collector/guards.py "
            "collector/headers.py collector/catalogues.py "
            "collector/problems.py collector/settings_tables.py collector/settings.py collector/parties "
            "collector/intake collector/statements "
            "collector/certificates collector/background collector/tables collector/foreign collector/units "
            "collector/trade collector/selling collector/effect collector/today collector/audit collector/demo "
            "collector/fleet collector/notices collector/api"
        ),
        # The demo is a whole bench and the server that it reports to.
        "agent/demo": "drivers agent/certificates agent/devices collector",
    }.items()
}
# What other houses give away: not all of a room.
DOORS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("collector", "drivers"): ("drivers.options",),
    ("collector/certificates", "agent/pdf"): ("agent.pdf",),
    ("collector/units", "agent/pdf"): ("agent.pdf",),
    ("collector/trade", "agent/pdf"): ("agent.pdf",),
    ("collector/selling", "agent/pdf"): ("agent.pdf",),
    ("collector/trade", "drivers"): ("drivers.options",),
    ("collector/units", "drivers"): ("drivers.options",),
    ("collector/settings.py", "drivers"): ("drivers.options",),
    ("collector/effect", "drivers"): ("drivers.options",),
    ("collector/effect", "agent/pdf"): ("agent.pdf",),
    ("collector/fleet", "drivers"): ("drivers.options",),
    ("collector/catalogues.py", "agent/phrases"): ("agent.phrases.po",),
    ("collector", "firmware_bridge"): ("firmware_bridge.errors",),
    ("collector/errors.py", "firmware_bridge"): ("firmware_bridge.errors",),
}
# Serial lines, MQTT, ioctl, clock, thread, and the files and processes that they hide behind.
IMPURE = ("serial", "paho", "fcntl", "ctypes", "time", "threading", "queue", "socket", "subprocess", "os", "sqlite3")


def modules(root: Path = REPOSITORY) -> list[Path]:
    return sorted(path for house in HOUSES for path in (root / house).rglob("*.py"))


def module_name(path: Path, root: Path = REPOSITORY) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES: Mapping[str, Path] = {module_name(path): path for path in modules()}


def imports(path: Path, *, when_run: bool = False) -> Iterator[str]:
    """Every module that the file imports, dotted; `when_run`: without those that only a type checker sees."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unseen: set[ast.AST] = set()
    for node in ast.walk(tree):
        if when_run and isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            unseen.update(inner for one in node.body for inner in ast.walk(one))
    for node in ast.walk(tree):
        if node in unseen:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where it leads"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_module(name: str) -> str | None:
    """The module of ours that an import reaches; `from a import b` may mean a.b or a name in a."""
    if name in MODULES:
        return name
    parent = name.rpartition(".")[0]
    return parent if parent in MODULES else None


def room_of(path: Path, root: Path = REPOSITORY) -> str | None:
    """The room that a file lies in; None where the table has none."""
    place = path.relative_to(root).as_posix()
    for name in (place, *(parent.as_posix() for parent in Path(place).parents)):
        if name in ROOMS:
            return name
    return None


def trespasses(path: Path, root: Path = REPOSITORY) -> list[str]:
    """What a file imports of rooms that are not open to its own."""
    here = room_of(path, root)
    assert here is not None, f"{path.relative_to(root)} lies in no room of the table"
    found = []
    for name in imports(path):
        reached = own_module(name)
        if reached is None:
            continue
        there = room_of(MODULES[reached])
        doors = DOORS.get((here, there or ""))
        if there != here and (there not in ROOMS[here] or (doors is not None and not below(reached, doors))):
            found.append(reached)
    return found


def below(name: str, packages: Iterable[str]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def test_the_table_names_what_is_there_and_lets_no_arrow_run_back_up() -> None:
    above: set[str] = set()
    for room, may in ROOMS.items():
        assert (REPOSITORY / room).exists(), f"{room} is gone"
        assert may <= above, f"{room} may not import from {sorted(may - above)}, which stand below it"
        above.add(room)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_file_keeps_to_the_doors_of_its_room(path: Path) -> None:
    assert trespasses(path) == []


def test_no_files_import_each_other_in_a_circle() -> None:
    arrows = {
        name: {found for one in imports(path) if (found := own_module(one)) not in (None, name)}
        for name, path in MODULES.items()
    }
    while leaves := {name for name, to in arrows.items() if not to & arrows.keys()}:
        arrows = {name: to for name, to in arrows.items() if name not in leaves}
    assert sorted(arrows) == [], "these files, or files that they import, go round in a circle"


def is_pure(path: Path) -> bool:
    """Whether the file's docstring says so."""
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return re.search(r"\b[Pp]ure\b", told) is not None


PURE = sorted(name for name, path in MODULES.items() if is_pure(path))


def reached_by(name: str) -> dict[str, str]:
    """Every module of ours that runs because this one is imported -> the one that imports it."""
    found, open_ = {name: ""}, [name]
    while open_:
        here = open_.pop()
        for one in imports(MODULES[here], when_run=True):
            there = own_module(one)
            if there is not None and there not in found:
                found[there] = here
                open_.append(there)
    return found


@pytest.mark.parametrize("name", PURE)
def test_what_calls_itself_pure_reaches_no_device_clock_or_thread(name: str) -> None:
    reached = {
        (module, used)
        for module in reached_by(name)
        for used in imports(MODULES[module], when_run=True)
        if below(used, IMPURE)
    }
    assert reached == set()


def test_the_rooms_that_must_be_pure_say_so() -> None:
    for room in ("agent/planning", "agent/scan", "agent/views"):
        silent = [n for n, p in MODULES.items() if room_of(p) == room and p.name != "__init__.py" and n not in PURE]
        assert silent == []
    assert len(PURE) > 25


def test_only_the_passthrough_reaches_below_pythons_library() -> None:
    reaching = {
        name for name, path in MODULES.items() for used in imports(path) if below(used, ("ctypes", "fcntl.ioctl"))
    }
    assert reaching == {"firmware_bridge.passthrough", "firmware_bridge.kernel_clock", "firmware_bridge.memory"}


def test_the_ledger_is_reached_from_the_engines_room_through_the_books_alone() -> None:
    """One wall keeps what may fail with a full disk: every other file of the room asks the books."""
    names = re.compile(r"\bregistrar\b|\bledger\b", re.IGNORECASE)
    climbing = []
    for path in sorted((REPOSITORY / "agent/bench").glob("*.py")):
        code = ast.unparse(without_docstrings(ast.parse(path.read_text(encoding="utf-8"))))
        if path.name != "books.py" and names.search(code):
            climbing.append(path.name)
    assert climbing == []


def without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [n for n in body if not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))]
            node.body = kept or [ast.Pass()]  # type: ignore[attr-defined]
    return tree


def test_a_wrong_import_would_be_seen(tmp_path: Path) -> None:
    wrong = tmp_path / "drivers/docks/wrong.py"
    wrong.parent.mkdir(parents=True)
    wrong.write_text("def f():\n    from agent import station\n    import collector.cli\n", encoding="utf-8")
    assert trespasses(wrong, tmp_path) == ["agent.station", "collector.cli"]
    stray = tmp_path / "agent/stray.py"
    stray.parent.mkdir()
    stray.write_text("", encoding="utf-8")
    with pytest.raises(AssertionError, match="lies in no room"):
        trespasses(stray, tmp_path)
