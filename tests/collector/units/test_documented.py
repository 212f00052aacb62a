"""The commands of docs/trade.md do what the page says, typed as they stand there."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from django.db import connections

from collector.cli import main
from tests.collector.house import sqlite_template

PAGE = (Path(__file__).parents[3] / "docs/trade.md").read_text("utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh database, and the two files of the page."""
    (tmp_path / "c.toml").write_text(f'[database]\nurl = "{sqlite_template().copy(tmp_path)}"\n')
    for name, text in zip(("register.csv", "received.csv"), blocks("csv"), strict=True):
        (tmp_path / name).write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    connections.close_all()


def run(words: list[str], status: int = 0) -> Result:
    told = CliRunner().invoke(main, [*words, "--config", "c.toml"])
    assert told.exit_code == status, (words, told.output, told.exception)
    return told


def test_the_commands_of_the_page_do_what_it_says(folder: Path) -> None:
    lines = [line for line in blocks("sh")[0].splitlines() if line.startswith("benchwipe-collector ")]
    told = [run(shlex.split(line)[1:]) for line in lines]
    assert len(told) == 10
    assert "would be new 3" in told[3].output
    assert "Bruger" in told[4].output
    assert "Jens" not in told[4].output
    assert blocks("text")[0].split() == told[8].output.split()
    assert (folder / "reconciliation.xlsx").read_bytes().startswith(b"PK")
    found = json.loads(run(["reconcile", "--customer", "Kolding Kommune", "--json"]).stdout)
    assert {u["asset_tag"]: u["status"] for u in found["units"]} == {
        "K-0001": "received", "K-0002": "missing", "K-0003": "received", "": "unexpected",
    }  # fmt: skip
    assert found["counts"]["missing"] == 1
    assert found["adds_up"] is True


def test_what_is_not_so_ends_with_1_and_what_cannot_be_with_2(folder: Path) -> None:
    kolding = ["--customer", "Kolding Kommune"]
    run(["organisation", "add", "Kolding Kommune", "--kind", "customer"])
    run(["person", "add", "lene", "--name", "Lene", "--role", "team_lead"])
    run(["person", "add", "fin", "--name", "Fin", "--role", "finance"])
    run(["lot", "open", "L", *kolding, "--as", "fin"], 1)
    run(["lot", "open", "L", *kolding, "--as", "nobody"], 1)
    run(["lot", "open", "L", *kolding, "--as", "lene"])
    run(["lot", "open", "L", *kolding, "--as", "lene"])
    run(["lot", "close", "M", *kolding, "--as", "lene"], 2)
    run(["receive", "nowhere.csv", *kolding, "--lot", "L"], 2)
    run(["import-register", "register.csv", "--customer", "Nobody"], 2)
    Path("bad.csv").write_text("imei;serial\n3,53879E+14;\n;PF1AAAA1\n")
    told = json.loads(run(["import-register", "bad.csv", *kolding, "--json"], 1).stdout)
    assert (told["rows"], told["new"], len(told["rejected"])) == (2, 1, 1)
    assert told["rejected"][0]["row"] == 2
    assert told["rejected"][0]["column"] == "imei"
    run(["lot", "close", "L", *kolding, "--as", "lene"])
    run(["lot", "close", "L", *kolding, "--as", "lene"], 1)
    run(["receive", "received.csv", *kolding, "--lot", "L"], 1)
    run(["count", "NOBODY", "1", "--as", "lene"], 2)
    run(["reconcile", *kolding, "--out", "x.pdf"], 2)
