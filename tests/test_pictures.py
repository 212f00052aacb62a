"""The pictures of the docs are made by scripts that still run; the recording of a calm shift plays on a terminal."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pyte
import pytest

from agent.phrases import phrase

REPOSITORY = Path(__file__).resolve().parents[1]
PICTURES = REPOSITORY / "docs" / "pictures"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    command = [sys.executable, "scripts/calm_shift.py", str(folder)]
    subprocess.run(command, cwd=REPOSITORY, check=True, timeout=120)
    return folder


@pytest.mark.parametrize("language", ["da", "en"])
def test_the_picture_in_the_docs_is_the_one_that_the_script_draws(language: str, drawn: Path) -> None:
    for name in (f"calm-shift-{language}.svg", f"calm-shift-{language}.cast"):
        assert (PICTURES / name).read_text("utf-8") == (drawn / name).read_text("utf-8")
    tree = ElementTree.fromstring((drawn / f"calm-shift-{language}.svg").read_text("utf-8"))
    words = " ".join(element.text or "" for element in tree.iter("{http://www.w3.org/2000/svg}text"))
    assert phrase(language, "scan_serial", bay="A1") in words


@pytest.mark.parametrize("language", ["da", "en"])
def test_the_recording_plays_from_the_first_scan_to_the_last(language: str, drawn: Path) -> None:
    head, *events = [
        json.loads(line) for line in (drawn / f"calm-shift-{language}.cast").read_text("utf-8").splitlines()
    ]
    assert head["version"] == 2
    screen = pyte.Screen(head["width"], head["height"])
    stream, seen, before = pyte.Stream(screen), "", -1.0
    for at, kind, text in events:
        assert (at > before, kind) == (True, "o")
        before = at
        stream.feed(text)
        seen += " ".join(screen.display)
    for key, values in (("scan_serial", {"bay": "A1"}), ("word_waits_take_out", {}), ("label_erased", {})):
        assert phrase(language, key, **values) in seen


def test_every_picture_that_is_there_is_shown_or_linked_somewhere() -> None:
    pages = "".join(path.read_text("utf-8") for path in [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")])
    named = set(re.findall(r"pictures/([\w.-]+)", pages))
    assert {path.name for path in PICTURES.iterdir()} == named
