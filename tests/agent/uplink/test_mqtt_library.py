"""What the daemon does not load, and that nobody misses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import PROGRAM_S

LOAD = "import sys; import agent.uplink.connection; "


def asked(code: str, *, path: Path | None = None) -> str:
    """Ask a fresh Python: in this one everything is loaded already."""
    prefix = f"import sys; sys.path.insert(0, {str(path)!r}); " if path else ""
    done = subprocess.run(
        [sys.executable, "-c", prefix + LOAD + code], capture_output=True, text=True, timeout=PROGRAM_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("module", ["urllib.request", "http.client", "email.message", "tempfile"])
def test_the_link_to_the_broker_does_not_load(module: str) -> None:
    assert asked(f"print({module!r} in sys.modules)") == "False"


def test_what_was_left_out_is_found_by_whoever_asks_for_it_later() -> None:
    assert asked("import urllib.request; print(urllib.request.urlopen.__name__)") == "urlopen"


def test_what_was_loaded_before_stays_the_same() -> None:
    code = "import sys, urllib.request as before; import agent.uplink.connection; "
    code += "print(before is sys.modules['urllib.request'], hasattr(before, 'getproxies'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PROGRAM_S, check=True)
    assert done.stdout.strip() == "True True"


def test_where_a_proxy_can_be_used_the_library_has_what_it_asks_the_environment_with(tmp_path: Path) -> None:
    (tmp_path / "socks.py").write_text("HTTP = SOCKS4 = SOCKS5 = 0\n")
    code = "from agent.uplink.mqtt_library import client; print(hasattr(client.urllib.request, 'getproxies'))"
    assert asked(code, path=tmp_path) == "True"
