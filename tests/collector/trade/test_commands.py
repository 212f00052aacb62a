"""The commands as docs/trade.md types them, with their exit statuses and documents."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from django.db import connections

from collector.cli import main
from collector.trade.statement import KEYS
from tests.collector.house import House
from tests.collector.trade.books import Books, sale, write_sales

PAGE = Path(__file__).resolve().parents[3] / "docs/trade.md"
CODE = "odense-kommune-salg-af-brugt-it-udstyr"
Run = Callable[..., Result]


@pytest.fixture
def books(house: House, monkeypatch: pytest.MonkeyPatch) -> Books:
    """A unit that was sold, and the page's own agreement file in the folder in which commands are typed."""
    monkeypatch.chdir(house.folder)
    found = Books(house)
    text = PAGE.read_text("utf-8").partition("## Agreements")[2]
    (house.folder / "agreement.toml").write_text(re.findall(r"```toml\n(.*?)```", text, re.DOTALL)[0], "utf-8")
    found.unit("SERIAL1", tag="T-1")
    write_sales(house.folder / "sales.csv", [sale("SERIAL1")])
    return found


@pytest.fixture
def run(books: Books) -> Run:
    def typed(line: str) -> Result:
        words = shlex.split(line.removeprefix("benchwipe-collector "))
        connections.close_all()
        return CliRunner().invoke(main, [*words, "--config", str(books.house.configuration.file)])

    return typed


def test_every_command_of_the_page_does_what_it_says(run: Run, tmp_path: Path) -> None:
    page = PAGE.read_text("utf-8").partition("## Agreements")[2].partition("## Effect")[0]
    blocks = re.findall(r"```\n(benchwipe-collector .*?)```", page, re.DOTALL)
    typed = [line for block in blocks for line in block.splitlines() if line]
    assert len(typed) >= 11
    for line in typed:
        done = run(line)
        assert done.exit_code == 0, f"{line}\n{done.output}\n{done.stderr}"
    assert Path("settlement-1.pdf").read_bytes().startswith(b"%PDF-")


def test_documents_and_exit_statuses_are_the_contracts(run: Run, books: Books) -> None:
    told = json.loads(run("agreement load agreement.toml --json").stdout)
    assert told == {"agreement": CODE, "versions": [{"valid_from": "2026-01-01", "state": "draft"}]}
    rejected = run("import-sales sales.csv --seller NordVirk --json")
    assert rejected.exit_code == 1, "no agreement binds yet"
    assert json.loads(rejected.stdout)["rejected"][0].keys() == {"row", "column", "problem"}
    assert run(f"agreement approve {CODE} --version 2026-01-01 --as nobody").exit_code == 2
    assert run(f"agreement approve {CODE} --version 2027-01-01 --as seller-finance").exit_code == 2
    books.house.person("team_lead", books.seller, "lead")
    assert run(f"agreement approve {CODE} --version 2026-01-01 --as lead").exit_code == 1
    for login in ("seller-finance", "customer-finance"):
        assert run(f"agreement approve {CODE} --version 2026-01-01 --as {login}").exit_code == 0
    assert run("agreement load agreement.toml --json").exit_code == 0, "the same file again changes nothing"
    file = Path("agreement.toml")
    file.write_text(file.read_text().replace("4000", "4100"))
    changed = run("agreement load agreement.toml")
    assert changed.exit_code == 2
    assert "never changes" in changed.stderr
    assert run("import-sales sales.csv --seller NordVirk --json").exit_code == 0
    proposal = json.loads(run(f"settle {CODE} --period 2026-01 --json").stdout)
    assert set(proposal) == KEYS
    assert (proposal["number"], proposal["state"], proposal["share_ore"]) == (None, "proposed", 52_174)
    for wrong, status in (
        (f"settle {CODE} --period 2026-13", 2),
        (f"settle {CODE} --period 2026-01 --close", 2),
        (f"settle {CODE} --period 2026-01 --close --as lead", 1),
        (f"settle {CODE} --period 2026-02 --close --as seller-finance", 1),
        (f"settle {CODE} --period 2099-01 --close --as seller-finance", 1),
        ("settle nothing --period 2026-01", 2),
        ("settlement 1 --seller NordVirk --out a.pdf", 2),
        ("import-sales agreement.toml --seller NordVirk", 2),
        ("import-sales sales.csv --seller Nobody", 2),
    ):
        done = run(wrong)
        assert done.exit_code == status, wrong
        assert "Traceback" not in done.stderr
        assert done.stdout == ""
    closed = json.loads(run(f"settle {CODE} --period 2026-01 --close --as seller-finance --json").stdout)
    assert {name: told for name, told in closed.items() if name not in ("number", "state", "issued_at")} == {
        name: told for name, told in proposal.items() if name not in ("number", "state", "issued_at")
    }
    assert (closed["number"], closed["state"]) == (1, "closed")
    assert json.loads(run(f"settle {CODE} --period 2026-01 --json").stdout) == closed
    assert run(f"settle {CODE} --period 2026-01 --close --as seller-finance").exit_code == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('share_base = "net_margin"', 'share_base = "net"', "share_base"),
        ("share_bp = 4000", "share_bp = 10001", "share_bp"),
        ("share_bp = 4000", "share_bp = 0.4", "share_bp"),
        ("fee_erased_ore = 7500", "fee_erased_ore = -1", "fee_erased_ore"),
        ("share_bp = 4000", "share_pb = 4000", "did you mean share_bp"),
        ('kind = "laptop"', 'kind = "notebook"', "allowed is one of laptop"),
        ('kind = "laptop"', 'kind = "*"', "stands twice"),
        ('customer = "Odense Kommune"', 'customer = "Nowhere"', "organisation add"),
        ("valid_from = 2026-01-01", "valid_from = 2026-13-01", "TOML"),
        ('seller = "NordVirk"', 'seller = "Odense Kommune"', "operator or reseller"),
    ],
)
def test_a_file_that_is_wrong_says_where_and_what_is_allowed(run: Run, old: str, new: str, said: str) -> None:
    file = Path("agreement.toml")
    file.write_text(file.read_text().replace(old, new, 1))
    done = run("agreement load agreement.toml")
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert "there is none" in run(f"settle {CODE} --period 2026-01").stderr
