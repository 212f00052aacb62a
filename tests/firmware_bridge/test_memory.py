"""What a process gives back to the kernel, and that it works on as before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


CHANGED = """
import ctypes, mmap, sys
from firmware_bridge.memory import give_back_memory

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype, libc.mmap.argtypes = ctypes.c_void_p, [ctypes.c_void_p, *[ctypes.c_size_t] * 5]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
with open(sys.argv[1], "rb") as file:
    at = libc.mmap(None, 8192, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE, file.fileno(), 0)
ctypes.memset(at + 100, 0x55, 8)
assert libc.mprotect(at, 8192, mmap.PROT_READ | mmap.PROT_EXEC) == 0
give_back_memory()
print(ctypes.string_at(at + 99, 3).hex())
"""


def test_code_that_was_changed_since_it_was_mapped_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "code").write_bytes(bytes(8192))
    done = subprocess.run(
        [sys.executable, "-c", CHANGED, str(tmp_path / "code")],
        check=True, capture_output=True, text=True, timeout=PROGRAM_S,
    )  # fmt: skip
    assert done.stdout == "005555\n"
