"""The helper unit of root, as a process of its own on a socket of its own; asked by root and by nobody."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from drivers.drives import _witness, uses_helper
from tests.drivers.drives.conftest import Loops, needs_root
from tests.drivers.drives.test_writers import OPENED, STAYS
from tests.patience import PROGRAM_S, SOON_S

# What systemd does: descriptor 3, and whose it is; with the unit's rights and no others.
ACTIVATE = """
import os, socket, sys
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1] + "-"); os.chmod(sys.argv[1] + "-", 0o666); listening.listen(64)
os.rename(sys.argv[1] + "-", sys.argv[1])
os.dup2(listening.fileno(), 3); os.set_inheritable(3, True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
os.execv(sys.executable, [sys.executable, "-m", "drivers.drives.uses_helper", "serve"])
"""
RIGHTS = "-all,+sys_ptrace,+dac_read_search,+checkpoint_restore"
# Nobody, who may open the drive; its testimony as JSON.
NOBODY = """
import os, sys
import msgspec
from pathlib import Path
from drivers.drives import _witness
os.setgroups([]); os.setgid(65534); os.setuid(65534)
_witness.SOCKET = Path(sys.argv[2])
_witness.ask.__defaults__ = (Path(sys.argv[2]),)
print(msgspec.json.encode(_witness.who_uses(sys.argv[1], Path("/"))).decode())
"""


@dataclass
class Helper:
    """One that runs, and its socket."""

    path: Path
    process: subprocess.Popen[str]

    def say(self, *pieces: bytes) -> bytes:
        """Send, and return all that comes back."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(str(self.path))
            for piece in pieces:
                connection.sendall(piece)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.fixture
def helper() -> Iterator[Helper]:
    needs_root()
    if shutil.which("setpriv") is None:
        pytest.skip("needs setpriv (Debian: util-linux)")
    folder = Path(tempfile.mkdtemp(prefix="uses-", dir="/tmp"))  # a socket's name is short
    folder.chmod(0o755)
    path = folder / "uses.sock"
    command = ["setpriv", f"--bounding-set={RIGHTS}", "--inh-caps=-all", sys.executable, "-c", ACTIVATE, str(path)]
    process = subprocess.Popen(command, text=True, stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    yield Helper(path, process)
    process.kill()
    process.communicate()
    shutil.rmtree(folder)


def number(device: str) -> str:
    return f"7:{os.minor(os.stat(device).st_rdev)}"


def nobodys(device: str, path: Path) -> _witness.Testimony:
    done = subprocess.run(
        [sys.executable, "-c", NOBODY, number(device), str(path)],
        capture_output=True,
        text=True,
        timeout=PROGRAM_S,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=_witness.Testimony)


def test_nobody_learns_of_loops_and_writers_from_the_helper_and_only_from_it(helper: Helper, loops: Loops) -> None:
    drive = loops.attach(loops.image())
    upper = loops.attach(drive)
    writer = subprocess.Popen([sys.executable, "-c", OPENED + STAYS, drive], stdout=subprocess.PIPE, text=True)
    try:
        assert writer.stdout is not None
        writer.stdout.readline()
        found = nobodys(drive, helper.path)
        assert found.loops[number(upper)].block == number(drive)
        assert not {number(drive), number(upper)} & set(found.unasked)
        assert [(w.pid, w.number) for w in found.look.writers] == [(writer.pid, number(drive))]
        assert found.look.unseen == ""
        alone = nobodys(drive, helper.path.with_name("nobody-listens"))
        assert any(f"/dev/{Path(upper).name} (Permission denied)" in what for what in alone.unasked.values())
        assert all("benchwipe-uses.socket does not answer" in what for what in alone.unasked.values())
        assert "benchwipe-uses.socket does not answer" in alone.look.unseen
    finally:
        writer.kill()
        writer.communicate()


JUDGED = NOBODY.replace(
    'print(msgspec.json.encode(_witness.who_uses(sys.argv[1], Path("/"))).decode())',
    "print('; '.join(str(reason) for reason in judge(examine.gather(sys.argv[3]))))",
).replace(
    "import msgspec", "import msgspec\nfrom agent.planning.safety import judge\nfrom drivers.drives import examine"
)


def test_a_service_that_is_not_root_plans_by_the_helpers_word_and_refuses_while_it_is_silent(
    helper: Helper, loops: Loops
) -> None:
    drive = loops.attach(loops.image())
    loops.attach(loops.image())  # of its size: it could stand on it
    mode = os.stat(drive).st_mode & 0o777
    os.chmod(drive, 0o666)
    try:
        for path, told in ((helper.path, ""), (helper.path.with_name("nobody-listens"), "(BW-S30)")):
            words = [sys.executable, "-c", JUDGED, number(drive), str(path), drive]
            done = subprocess.run(words, capture_output=True, text=True, timeout=PROGRAM_S, check=True)
            assert done.stdout.strip().endswith(told), done.stdout
            assert bool(done.stdout.strip()) == bool(told), done.stdout
        assert "benchwipe-uses.socket does not answer" in done.stdout
        assert "systemctl start benchwipe-uses.socket" in done.stdout
    finally:
        os.chmod(drive, mode)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\n",
        b"{",
        b"[" * 4000,
        b"[" * 200 + b"\n",
        b'{"device": ["8:0"]}\n',
        b'{"device": "/dev/sda"}\n',
        b'{"device": "8:0/../../x"}\n',
        b'{"device": "8:0", "more": 1}\n',
        b'{"device": "99999:99999999"}\n',
        b'{"device": "\\ud800"}\n',
        b"\xff\x00\n",
        b'{"device": "' + b"8" * 100_000 + b'"}\n',
    ],
)
def test_no_input_ends_it(helper: Helper, said: bytes) -> None:
    try:
        answer = helper.say(said)
    except (BrokenPipeError, ConnectionResetError):
        answer = b""  # what is too long is not read to its end
    assert not answer or json.loads(answer)["error"].startswith("a question is one line")
    assert json.loads(helper.say(b'{"device": "8:0"}\n'))["seen"] is not None
    assert helper.process.poll() is None


def test_who_sends_nothing_and_who_goes_away_hold_nobody_up_for_long(helper: Helper) -> None:
    silent = [socket.socket(socket.AF_UNIX) for _ in range(2)]
    for connection in silent:
        connection.connect(str(helper.path))
    with socket.socket(socket.AF_UNIX) as gone:
        gone.connect(str(helper.path))
        gone.sendall(b'{"device": "8:0"}\n')
    assert json.loads(helper.say(b'{"device": "8:0"}\n'))["seen"] is not None
    for connection in silent:
        connection.close()


def answer_once(listening: socket.socket, answer: bytes) -> None:
    connection, _ = listening.accept()
    with connection, contextlib.suppress(OSError):
        connection.recv(256)
        connection.sendall(answer)


def test_an_answer_that_never_ends_or_says_why_not_is_no_answer(tmp_path: Path) -> None:
    os.chdir(tmp_path)
    for answer, told in ((b'{"error": "no"}\n', "no"), (b"x" * (2 << 20), "no whole line"), (b"", "no whole line")):
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("s")
            listening.listen()
            thread = threading.Thread(target=answer_once, args=(listening, answer), daemon=True)
            thread.start()
            with pytest.raises(ValueError, match=told):
                _witness.ask("8:0", Path("s"))
            thread.join(SOON_S)
        os.unlink("s")


def test_it_ends_by_itself_when_nobody_asks_and_starts_for_nobody_but_systemd(
    capsys: pytest.CaptureFixture[str],
) -> None:
    here, there = socket.socketpair(socket.AF_UNIX)
    with socket.socket(socket.AF_UNIX) as listening, here, there:
        listening.bind("\0benchwipe-test-" + str(os.getpid()))
        listening.listen()
        assert uses_helper.serve(listening, idle_s=0.1) == 0
    assert uses_helper.main(["serve"]) == 2
    assert uses_helper.main([]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


HIDDEN = """
mount --make-rprivate / && umount "$1" && shift && mount -t proc -o hidepid=invisible proc /proc && exec "$@"
"""


def test_a_mount_of_the_first_process_is_told_to_somebody_who_sees_neither_it_nor_that_process(
    helper: Helper, loops: Loops, tmp_path: Path
) -> None:
    drive, place = loops.attach(loops.image()), tmp_path / "mounted"
    place.mkdir()
    subprocess.run(["mkfs.ext4", "-q", drive], check=True, timeout=PROGRAM_S)
    subprocess.run(["mount", drive, str(place)], check=True, timeout=PROGRAM_S)
    try:
        asking = [sys.executable, "-c", NOBODY, number(drive), str(helper.path)]
        hidden = ["unshare", "--mount", "sh", "-c", HIDDEN, "sh", str(place), *asking]
        done = subprocess.run(hidden, capture_output=True, text=True, timeout=PROGRAM_S, check=True)
        found = msgspec.json.decode(done.stdout, type=_witness.Testimony).elsewhere
        assert [(m.number, m.target) for m in found if m.number == number(drive)] == [(number(drive), str(place))]
        assert not [m for m in nobodys(drive, helper.path).elsewhere if m.number == number(drive)]  # it sees it itself
    finally:
        subprocess.run(["umount", str(place)], check=True, timeout=PROGRAM_S)
