"""The pages of docs/ and README.md: narrow enough to read, split as agreed, and true of the files that they name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.test_layers import ROOMS

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
WIDEST = 125
SECTIONS = ["How it works", "Reference", "What was tried"]
# Files that somebody is told to make.
EXAMPLES = {"drivers/docks/acme_d4.py"}
NAMED = re.compile(
    r"(?<![\w/.-])(?:agent|drivers|firmware_bridge|collector|tests|benchmarks|scripts)/[\w/.-]*\.(?:py|sh)\b"
)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def unbreakable(line: str) -> bool:
    """Tell a line that is one picture or one link and nothing else."""
    return re.fullmatch(r"\s*!?\[[^\]]*\]\([^)]*\)", line) is not None


def anchors(page: Path) -> set[str]:
    """Return what a link may point at within a page: its headings, as they are spelt in addresses."""
    headings = re.findall(r"(?m)^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@every_page
def test_no_line_is_wider_than_a_reader_wants(page: Path) -> None:
    lines = page.read_text("utf-8").splitlines()
    assert [f"{n}: {x}" for n, x in enumerate(lines, 1) if len(x) > WIDEST and not unbreakable(x)] == []


@every_page
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = set(NAMED.findall(page.read_text("utf-8"))) - EXAMPLES
    assert sorted(name for name in named if not (REPOSITORY / name).is_file()) == []


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        path, _, anchor = target.partition("#")
        reached = page.parent / path if path else page
        if not target.startswith("http") and (not reached.exists() or (anchor and anchor not in anchors(reached))):
            broken.append(target)
    assert broken == []


@every_page
def test_the_rows_of_a_table_have_as_many_cells_as_its_head(page: Path) -> None:
    """A row that lost its place in a merge is a table with a hole, and nobody sees it in the text."""
    odd = []
    for table in re.findall(r"(?m)(?:^\|.*\|$\n?)+", FENCE.sub("", page.read_text("utf-8"))):
        counts = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        odd += [table] if len(counts) > 1 else []
    assert odd == []


@pytest.mark.parametrize("name", ["drivers", "erasing", "firmware", "labels"])
def test_reference_argument_and_trials_stand_apart(name: str) -> None:
    text = FENCE.sub("", (REPOSITORY / "docs" / f"{name}.md").read_text("utf-8"))
    assert re.findall(r"(?m)^## (.+)$", text) == SECTIONS


def test_the_architecture_lists_every_room_in_the_order_of_the_arrows() -> None:
    text = (REPOSITORY / "docs/architecture.md").read_text("utf-8")
    assert re.findall(r"(?m)^\| `([^`]+)` \| .+ \|$", text.partition("## Arrows")[0]) == list(ROOMS)


def test_a_wrong_page_would_be_seen(tmp_path: Path) -> None:
    page = tmp_path / "wrong.md"
    page.write_text(
        f"{'wide ' * 30}\n`agent/gone.py` [x](gone.md)\n\n| a | b |\n|---|---|\n| one | two | three |\n", "utf-8"
    )
    for seen in (
        test_no_line_is_wider_than_a_reader_wants,
        test_every_file_that_a_page_names_is_there,
        test_every_link_leads_somewhere,
        test_the_rows_of_a_table_have_as_many_cells_as_its_head,
    ):
        with pytest.raises(AssertionError):
            seen(page)
