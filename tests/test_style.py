"""Linters run as tests, and what they do not measure: lengths, and names of places that nobody else has."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import PROGRAM_S

REPOSITORY = Path(__file__).resolve().parents[1]
CODE = ("agent", "drivers", "firmware_bridge", "collector", "benchmarks")
LONGEST_FILE, LONGEST_TEST_FILE, LONGEST_FUNCTION = 400, 600, 50
TEXT = {".py", ".md", ".toml", ".cfg", ".sh", ".conf", ".service", ".rules", ".html", ".js", ".css", ".yml", ".json"}
BUILT = {".venv", ".git", "node_modules", "build", "demo-out"}


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (REPOSITORY / folder).rglob("*.py"))


def text_files() -> Iterator[Path]:
    for folder, names, files in os.walk(REPOSITORY):
        names[:] = [n for n in names if n not in BUILT and not n.endswith(("_cache", ".egg-info"))]
        yield from (Path(folder) / f for f in files if Path(f).suffix in TEXT or f in {"Makefile", "run", "nightly"})


def run(*command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=REPOSITORY, capture_output=True, text=True, timeout=PROGRAM_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_finds_nothing() -> None:
    run("ruff", "check", "--quiet")


def test_ruff_would_format_nothing_otherwise() -> None:
    run("ruff", "format", "--check", "--quiet")


def test_mypy_strict_finds_nothing() -> None:
    run("mypy")


def test_mypy_is_strict() -> None:
    settings = (REPOSITORY / "setup.cfg").read_text(encoding="utf-8")
    assert re.search(r"^\[mypy\]\nstrict = True$", settings, re.MULTILINE)


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield node.name, node.end_lineno - node.lineno + 1


@pytest.mark.parametrize("path", python_files(*CODE), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_files_and_functions_are_short(path: Path) -> None:
    assert path.read_text(encoding="utf-8").count("\n") < LONGEST_FILE
    assert [(name, length) for name, length in functions(path) if length > LONGEST_FUNCTION] == []


def test_test_files_are_short() -> None:
    lengths = {path: path.read_text(encoding="utf-8").count("\n") for path in python_files("tests")}
    assert {str(path): length for path, length in lengths.items() if length >= LONGEST_TEST_FILE} == {}


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in python_files("tests")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


def test_every_package_is_installed() -> None:
    """setup.cfg lists packages one by one; one that is forgotten works here and is missing on a station."""
    settings = (REPOSITORY / "setup.cfg").read_text(encoding="utf-8")
    listed = set(
        re.findall(r"^    ([a-z_.]+)$", settings.partition("packages =\n")[2].partition("\n[")[0], re.MULTILINE)
    )
    there = {
        ".".join(path.parent.relative_to(REPOSITORY).parts)
        for path in python_files("agent", "drivers", "firmware_bridge", "collector")
        if path.name == "__init__.py"
    }
    assert there <= listed


def test_nothing_names_a_place_outside_of_the_repository() -> None:
    """A relative path that climbs out of the checkout, or a developer's own folder, means nothing to anybody else."""
    strangers = []
    for path in text_files():
        depth = len(path.relative_to(REPOSITORY).parent.parts)
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            climbs = [len(up) // 3 for up in re.findall(r"(?<![\w./])((?:\.\./)+)(?=[a-z])", line)]
            if re.search(r"(?<![\w.])/work/|\.\./shar" + "ed", line) or (
                path.suffix == ".md" and any(climb > depth for climb in climbs)
            ):
                strangers.append(f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()}")
    assert [s for s in strangers if not s.startswith("tests/test_style.py")] == []


def test_what_is_run_is_executable() -> None:
    for name in (".ci/run", ".ci/nightly", "scripts/setup.sh", "scripts/install.sh", "scripts/debian-packages.sh"):
        assert os.access(REPOSITORY / name, os.X_OK), name
        subprocess.run(["bash", "-n", str(REPOSITORY / name)], check=True, timeout=10)


def test_no_class_name_stands_for_two_things_within_the_agent() -> None:
    """One word has one meaning: who reads `Station` need not look where it was imported from."""
    places: dict[str, list[str]] = {}
    for path in sorted((REPOSITORY / "agent").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(str(path.relative_to(REPOSITORY)))
    assert len(places) > 300
    assert {name: where for name, where in places.items() if len(where) > 1} == {}
