"""What a process gives back to the kernel, and that it works on as before."""

from __future__ import annotations

import subprocess
import sys

from tests.patience import PROGRAM_S

PROGRAM = """
import json
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from firmware_bridge.memory import give_back_memory

def code():
    kib, found = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split(" ")[0]:
            found = " r-xp " in line and line.endswith(".so")
        elif found and line.startswith("Rss:"):
            kib += int(line.split()[1])
    return kib

key = Ed25519PrivateKey.generate()
said = [code()]
for _ in range(3):
    give_back_memory()
said.append(code())
key.public_key().verify(key.sign(b"x"), b"x")
print(json.dumps(said))
"""


def test_code_that_nobody_uses_is_let_go_and_what_is_used_again_works() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True, timeout=PROGRAM_S
    )
    before, after = (int(word) for word in done.stdout.strip("[]\n").split(","))
    assert before > 1000
    assert after < before / 2
