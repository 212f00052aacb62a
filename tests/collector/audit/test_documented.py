"""The commands of docs/trade.md about effect and audit, typed as they stand there, over a small year."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.db import connections

from collector.cli import main
from tests.collector.audit.world import Small, settled

DOCS = (Path(__file__).parents[3] / "docs/trade.md").read_text("utf-8")


def commands(section: str) -> list[list[str]]:
    """The commands of a section's first block."""
    block = DOCS.partition(f"\n## {section}\n")[2].partition("```\n")[2].partition("```")[0].replace("\\\n", " ")
    return [shlex.split(line)[1:] for line in block.splitlines() if line.startswith("benchwipe-collector ")]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Small]:
    made = settled().copy(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield made
    connections.close_all()


def test_what_stands_there_about_effect_and_audit_does_what_it_says(small: Small) -> None:
    typed = [*commands("Effect"), *commands("Audit")]
    assert {words[0] for words in typed} == {"effect", "work", "factors", "audit"}
    for words in typed:
        done = CliRunner().invoke(main, [*words, "--config", str(small.config)])
        assert done.exit_code == 0, (words, done.output)
    assert (small.folder / "effect-2026.pdf").read_bytes().startswith(b"%PDF-")


def test_the_demo_has_the_options_that_stand_there() -> None:
    typed = commands("A simulated year")
    assert [words[0] for words in typed] == ["demo", "demo"]
    shown = CliRunner().invoke(main, ["demo", "--help"]).output
    assert all(word in shown for words in typed for word in words if re.match("--", word))


def test_the_table_names_every_invariant_as_the_program_does() -> None:
    from collector.audit.invariants import INVARIANTS

    told = re.findall(r"^\| (I\d+|statements|triggers) \|", DOCS, re.MULTILINE)
    assert told == [one.name for one in INVARIANTS]
