"""The running daemon speaks the badge's language, and calls the commands what its configuration calls them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.views.cells import Size
from agent.views.screen import frame
from tests.agent.daemon_bench import Daemon
from tests.agent.mosquitto import wait_until

PEOPLE = """
[scanning]
yes = "OK"

[[operator]]
badge = "BADGE-1"
id = "ida"
name = "Ida"
language = "da"

[[operator]]
badge = "BADGE-2"
id = "bo"
name = "Bo"
language = "en"
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    made = Daemon(tmp_path, mode="scan")
    with made.config.open("a") as file:
        file.write(PEOPLE)
    made.start()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("badge", "language", "words"),
    [("BADGE-1", "da", {"yes": "OK", "no": "NEJ"}), ("BADGE-2", "en", {"yes": "OK", "no": "NO"})],
)
def test_the_screen_speaks_the_badges_language_and_the_configurations_words(
    badge: str, language: str, words: dict[str, str], daemon: Daemon
) -> None:
    daemon.scan(badge)
    wait_until(lambda: (daemon.status()["operator"] or {}).get("name") in ("Ida", "Bo"), "the badge was read")
    told = daemon.status()
    assert told["language"] == language
    assert told["commands"].items() >= words.items()
    rows = frame(told, Size(80, 24), told["language"])
    text = " ".join("".join(cell[0] for cell in row).strip() for row in rows)
    assert {"da": "tom", "en": "empty"}[language] in text
