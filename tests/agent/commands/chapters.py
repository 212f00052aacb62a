"""The commands of a page, typed on a terminal: `sudo`, `systemctl` and the folders of a machine are a test's own."""

from __future__ import annotations

import re
from pathlib import Path

from tests.agent.commands.conftest import WORDS
from tests.agent.commands.test_terminal import terminal

TYPED = {
    "benchwipe backup": [("Passphrase of the backup", WORDS), ("Repeat", WORDS)],
    "benchwipe restore": [("Passphrase of the backup", WORDS)],
    "benchwipe key init --replace": [("(bench-01)", "bench-01")],
    "benchwipe bays learn": [("A1", "done")],
    "benchwipe ledger adopt": [("YES", "YES")],
}


def typed(machine: Path, lines: list[str]) -> str:
    """Type each of these on a terminal, answer what is asked, and expect that it is done; what was seen."""
    seen = ""
    for line in lines:
        local = re.sub(r"(?<=[ ])(/media|/etc|/root|/var)(?=/|\s|$)", rf"{machine}\1", line)
        assert not re.search(r"(?<!\S)/(?:media|etc|root|var)\b", local), f"{local}: that is this machine's own folder"
        answers = next((a for words, a in TYPED.items() if words in line and "--passphrase-file" not in line), [])
        with terminal(command=["bash", "-ec", f"cd {machine}; {local}"]) as screen:
            for prompt, answer in answers:
                screen.read_until(prompt)
                screen.type(answer + "\n")
            assert screen.end(60) == 0, f"{line}: {screen.seen}"
            seen += screen.seen
    return seen
