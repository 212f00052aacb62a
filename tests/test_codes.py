"""A code means one thing for ever: on displays, labels, certificates and MQTT."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import tests.collector  # noqa: F401 - its models can be imported once Django knows its settings
from agent.phrases import LANGUAGES, keys
from firmware_bridge.errors import CodedError

ROOT = Path(__file__).parents[1]
BOARD_ONLY = ("controller.boot", "controller.hal", "controller.main")  # run on the RP2040, and have no codes
SHOWN = re.compile(r'"(BW-[BDELPSU](?!00)\d\d)"')  # bays, devices, labels, outcomes, plans, safety, the uplink
SHOWN_BESIDE = {
    "BW-A04",
    "BW-A13",
    "BW-A40",
    "BW-A70",
    "BW-A71",
    "BW-A85",
    "BW-A86",
    "BW-A90",
}  # of the agent's own those that become an alarm or a reason
PACKAGES = ("agent", "drivers", "firmware_bridge", "collector")


def subclasses(of: type[CodedError]) -> Iterator[type[CodedError]]:
    for child in of.__subclasses__():
        yield child
        yield from subclasses(child)


def constant_reasons() -> Iterator[tuple[str, str]]:
    """(code, text) of every Reason that is written with both as plain strings."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Reason" and len(node.args) >= 2:
                    code, text = node.args[:2]
                    if isinstance(code, ast.Constant) and isinstance(text, ast.Constant):
                        yield str(code.value), str(text.value)


def test_every_error_class_has_a_code_of_its_own() -> None:
    for package in PACKAGES:
        for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not module.name.endswith(("__main__", *BOARD_ONLY)) and "demo.broker" not in module.name:
                importlib.import_module(module.name)
    owners = defaultdict(set)
    for kind in set(subclasses(CodedError)):
        if "code" in vars(kind) and kind.__module__.split(".")[0] in PACKAGES:
            owners[kind.code].add(kind.__qualname__)
    assert len(owners) > 20
    assert {code: names for code, names in owners.items() if len(names) > 1} == {}


def test_a_reason_and_an_error_class_never_share_a_code_by_accident() -> None:
    texts = defaultdict(set)
    for code, text in constant_reasons():
        texts[code].add(text)
    assert len(texts) > 15
    assert {code: found for code, found in texts.items() if len(found) > 1} == {}


def shown_codes() -> set[str]:
    """Codes that a technician can meet: on a bay's display, on the screen of all bays, on a page."""
    found = set(SHOWN_BESIDE)
    for package in ("agent", "drivers"):
        for path in (ROOT / package).rglob("*.py"):
            found |= set(SHOWN.findall(path.read_text("utf-8")))
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_that_a_technician_can_meet_has_its_sentence_and_what_to_do(language: str) -> None:
    assert len(shown_codes()) > 80
    assert sorted(shown_codes() - set(keys("reasons", language))) == []
    assert sorted(shown_codes() - set(keys("hints", language))) == []
