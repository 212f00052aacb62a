"""agent -> drivers -> firmware_bridge, never back; the collector stands apart. Read from the imports, lazy ones too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
ROOMS = ("agent", "drivers", "firmware_bridge", "collector")

MAY_IMPORT = {
    "firmware_bridge": ("firmware_bridge",),
    "drivers": ("drivers", "firmware_bridge"),
    "agent": ("agent", "drivers", "firmware_bridge"),
    # The demo is a whole bench and the server that it reports to.
    "agent/demo": ("agent", "drivers", "firmware_bridge", "collector"),
    "collector": (
        "collector",
        "agent.attestation",
        "agent.certificate",
        "agent.jws",
        "agent.receipt",
        "agent.record",
        "agent.messages",
        "agent.errors",
        "drivers.options",
        "firmware_bridge.errors",
    ),
}

PURE = (
    "agent/job.py",
    "agent/bay_map.py",
    "agent/plan.py",
    "agent/reach.py",
    "agent/techniques.py",
    "agent/attestation.py",
    "agent/handset_flow.py",
    "agent/certificate.py",
    "agent/chain.py",
    "agent/jws.py",
    "agent/receipt.py",
    "agent/remote.py",
    "agent/record.py",
    "agent/outcome.py",
    "agent/messages.py",
    "agent/flow.py",
    "agent/scans.py",
    "agent/label_codes.py",
    "agent/places.py",
    "agent/dialogue.py",
    "agent/context.py",
    "agent/prompt.py",
    "agent/label.py",
    "agent/label_proof.py",
    "agent/safety.py",
    "agent/twins.py",
    "firmware_bridge/ata.py",
    "firmware_bridge/scsi.py",
    "firmware_bridge/nvme.py",
    "firmware_bridge/sat.py",
    "firmware_bridge/reply.py",
    "firmware_bridge/frames.py",
    "firmware_bridge/messages.py",
)
# Serial lines, MQTT, ioctl, clock, thread, and the files and processes that they hide behind.
IMPURE = ("serial", "paho", "fcntl", "ctypes", "time", "threading", "queue", "socket", "subprocess", "os", "sqlite3")


def modules() -> list[Path]:
    return sorted(path for room in ROOMS for path in (REPOSITORY / room).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Every module that the file imports, dotted; `from a import b` counts as a.b, since b may be a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where it leads"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(path: Path) -> str:
    parts = path.relative_to(REPOSITORY).parts
    return "agent/demo" if parts[:2] == ("agent", "demo") else parts[0]


def below(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(package + ".") for package in packages)


def trespasses(path: Path) -> list[str]:
    allowed = MAY_IMPORT[room_of(path)]
    return [name for name in imports(path) if below(name, ROOMS) and not below(name, allowed)]


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_imports_go_one_way(path: Path) -> None:
    assert trespasses(path) == []


@pytest.mark.parametrize("name", [name for name in PURE if (REPOSITORY / name).exists()])
def test_pure_files_know_no_device_clock_or_thread(name: str) -> None:
    assert [found for found in imports(REPOSITORY / name) if below(found, IMPURE)] == []


def test_only_the_passthrough_reaches_below_pythons_library() -> None:
    reaching = {
        str(path.relative_to(REPOSITORY))
        for path in modules()
        for name in imports(path)
        if below(name, ("ctypes", "fcntl.ioctl"))
    }
    assert reaching == {"firmware_bridge/passthrough.py", "firmware_bridge/kernel_clock.py"}


def test_a_wrong_import_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.test_layers.REPOSITORY", tmp_path)
    wrong = tmp_path / "drivers/docks/wrong.py"
    wrong.parent.mkdir(parents=True)
    wrong.write_text("def f():\n    from agent import engine\n    import collector.store\n", encoding="utf-8")
    assert trespasses(wrong) == ["agent.engine", "collector.store"]
