"""The catalogue says what the contracts say."""

from __future__ import annotations

import pytest

from agent.erase import METHODS
from agent.erase.methods import pattern_name

CONTRACT = {
    "zero": ["00"],
    "one": ["ff"],
    "random": ["random"],
    "pattern-complement": ["55", "aa"],
    "dod-5220.22-m": ["00", "ff", "random"],
    "dod-5220.22-m-ece": ["00", "ff", "random", "55", "00", "ff", "random"],
    "hmg-is5-baseline": ["00"],
    "hmg-is5-enhanced": ["00", "ff", "random"],
    "rcmp-tssit-ops-ii": ["00", "ff"] * 3 + ["random"],
    "bsi-vsitr": ["00", "ff"] * 3 + ["aa"],
    "schneier": ["ff", "00"] + ["random"] * 5,
}


def test_the_catalogue_holds_exactly_the_methods_of_the_command_line() -> None:
    assert set(METHODS) == {*CONTRACT, "gutmann"}
    assert all(name == method.name and method.source for name, method in METHODS.items())


@pytest.mark.parametrize("name", CONTRACT)
def test_a_method_has_the_passes_of_its_source(name: str) -> None:
    assert [pattern_name(p) for p in METHODS[name].passes] == CONTRACT[name]


def test_gutmann_is_the_published_table_of_35() -> None:
    names = [pattern_name(p) for p in METHODS["gutmann"].passes]
    assert len(names) == 35
    assert names[:4] == names[31:] == ["random"] * 4
    assert names[4:9] == ["55", "aa", "924924", "492492", "249249"]
    assert names[9:25] == [f"{d:x}{d:x}" for d in range(16)]
    assert names[25:31] == ["924924", "492492", "249249", "6db6db", "b6db6d", "db6db6"]
