"""The commands of a page, as a reader types them."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def section(page: str, heading: str = "") -> str:
    """Return a page's text under a heading, down to the next; without one, what stands before the first."""
    text = (REPOSITORY / "docs" / page).read_text("utf-8")
    if not heading:
        return text.partition("\n## ")[0]
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no section {heading!r}"
    return found[1]


def commands(page: str, heading: str = "") -> list[str]:
    """List the commands in a section's fences, a line each."""
    lines = "".join(FENCE.findall(section(page, heading))).splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]
