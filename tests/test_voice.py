"""Docstrings in one voice: a public function's begins with a verb and its object, in everyday English."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.verbs import VERBS

REPOSITORY = Path(__file__).resolve().parents[1]
HOUSES = ("agent", "drivers", "firmware_bridge", "collector")


def public_functions(node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions and methods that others call; a property is named after what it is, and so is what it says."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            named_as_values = {getattr(d, "id", getattr(d, "attr", "")) for d in child.decorator_list}
            if not child.name.startswith("_") and not named_as_values & {"property", "cached_property", "setter"}:
                yield child
        elif isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from public_functions(child)


def speechless(source: str) -> list[str]:
    """The public functions whose docstring begins with no verb."""
    found = []
    for function in public_functions(ast.parse(source)):
        said = ast.get_docstring(function)
        if said and said.split()[0].strip(".,:;`()") not in VERBS:
            found.append(f"{function.name}: {said.splitlines()[0]}")
    return found


@pytest.mark.parametrize("house", HOUSES)
def test_docstrings_of_public_functions_begin_with_a_verb(house: str) -> None:
    files = sorted((REPOSITORY / house).rglob("*.py"))
    assert len(files) > 10
    found = {str(path.relative_to(REPOSITORY)): speechless(path.read_text(encoding="utf-8")) for path in files}
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_one_that_begins_with_a_noun_would_be_seen() -> None:
    lines = (
        "class A:",
        "    def offset(self):",
        '        """The last offset."""',
        "    @property",
        "    def size(self):",
        '        """Its size."""',
    )
    source = "\n".join(lines)
    assert speechless(source) == ["offset: The last offset."]
