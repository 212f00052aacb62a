"""A real CUPS scheduler of the test's own: its folder, its socket, and a printer whose paper the test takes out."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.patience import PROGRAM_S, SOON_S

NEEDED = ("/usr/sbin/cupsd", "/usr/sbin/lpadmin", "/usr/bin/lp", "/usr/bin/lpstat")
BACKEND = """#!/bin/sh
[ $# -eq 0 ] && { echo 'direct bench "Unknown" "bench"'; exit 0; }
if [ -e FOLDER/paper-out ]; then
  echo "STATE: +media-empty-error" >&2
  echo "ERROR: Paper out" >&2
  while [ -e FOLDER/paper-out ]; do sleep 0.05; done
  echo "STATE: -media-empty-error" >&2
fi
[ -e FOLDER/fails ] && exit 1
cat "${6:--}" > "FOLDER/out/$3.new" && mv "FOLDER/out/$3.new" "FOLDER/out/$3"
"""
FILES = """ServerRoot FOLDER/etc
ServerBin FOLDER/bin
DataDir /usr/share/cups
StateDir FOLDER/run
CacheDir FOLDER/cache
RequestRoot FOLDER/spool
TempDir FOLDER/tmp
AccessLog FOLDER/log/access
ErrorLog FOLDER/log/error
PageLog FOLDER/log/page
Printcap
SystemGroup root
"""
DAEMON = """LogLevel info
Listen FOLDER/run/socket
Browsing Off
DefaultAuthType None
WebInterface No
<Location />
  Order allow,deny
  Allow all
</Location>
<Policy default>
  <Limit All>
    Order deny,allow
    Allow all
  </Limit>
</Policy>
"""


class Cups:
    """`folder` is short: the path of a socket holds 107 bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "run" / "socket"
        folder.chmod(0o755)
        for name in ("etc", "bin/backend", "run", "spool", "cache", "tmp", "log", "out"):
            (folder / name).mkdir(parents=True)
        for name in ("daemon", "notifier"):
            (folder / "bin" / name).symlink_to(f"/usr/lib/cups/{name}")
        self._write("bin/backend/bench", BACKEND, 0o700)  # 0700: a scheduler of root's runs it as root
        self._write("etc/cups-files.conf", FILES, 0o644)
        self._write("etc/cupsd.conf", DAEMON, 0o644)
        with (folder / "log" / "out").open("wb") as log:
            self._process = subprocess.Popen(
                ["/usr/sbin/cupsd", "-f", "-c", folder / "etc/cupsd.conf", "-s", folder / "etc/cups-files.conf"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.wait(lambda: self.run("lpstat", "-r", check=False).startswith("scheduler is running"))
        self.run("/usr/sbin/lpadmin", "-p", "zebra", "-E", "-v", "bench://x", "-o", "printer-error-policy=abort-job")

    def _write(self, name: str, text: str, mode: int) -> None:
        path = self.folder / name
        path.write_text(text.replace("FOLDER", str(self.folder)))
        path.chmod(mode)

    def run(self, *words: str, check: bool = True) -> str:
        """A command of CUPS on this scheduler."""
        environment = {**os.environ, "CUPS_SERVER": str(self.socket), "LC_ALL": "C"}
        done = subprocess.run(words, capture_output=True, text=True, check=check, timeout=PROGRAM_S, env=environment)
        return done.stdout

    def waiting(self) -> str:
        """Jobs that are not over."""
        return self.run("lpstat", "-W", "not-completed", "-o", "zebra")

    def idle(self) -> bool:
        """No job; and the backend of a cancelled one has ended, until when the queue prints on and its alerts stand."""
        return not self.waiting() and " is idle" in self.run("lpstat", "-p", "zebra")

    def out(self, label: str) -> bytes:
        """What the printer got."""
        return (self.folder / "out" / label).read_bytes()

    def wait(self, true: Callable[[], object]) -> None:
        """Until it is so."""
        end = time.monotonic() + SOON_S
        while not true():
            assert time.monotonic() < end, (self.folder / "log" / "error").read_text()
            time.sleep(0.05)

    def close(self) -> None:
        """Nothing runs on."""
        (self.folder / "paper-out").unlink(missing_ok=True)
        self._process.terminate()
        self._process.wait(SOON_S)
        shutil.rmtree(self.folder, ignore_errors=True)
