"""`benchwipe erase` of drives that tell no identity, that are too large to be true, or that nobody reads back."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.drives import _identity
from tests.agent.commands.conftest import Call, payload
from tests.drivers.drives.conftest import MIB, Loops, needs_root
from tests.patience import PROGRAM_S

DEFAULT = "152D00539000"


@pytest.fixture
def nameless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every loop device tells what a bridge does."""
    monkeypatch.setattr(_identity, "_loop_serial", lambda _fd: DEFAULT)


@pytest.mark.usefixtures("nameless")
def test_it_is_refused_untouched_with_what_it_tells_and_what_to_do(call: Call, loops: Loops) -> None:
    device = loops.attach(loops.image(MIB))
    before = Path(device).read_bytes()
    done = call("erase", device, "--yes", "--json")
    assert (done.status, done.outcomes) == (3, ["refused"])
    reason = done.results[0]["reason"]
    assert DEFAULT in reason
    assert "--unidentified" in reason
    assert "BW-S12" in reason
    assert Path(device).read_bytes() == before


@pytest.mark.usefixtures("nameless")
def test_two_of_them_are_erased_side_by_side_where_that_is_said_and_each_certificate_says_it(
    call: Call, loops: Loops
) -> None:
    devices = [loops.attach(loops.image(MIB)), loops.attach(loops.image(MIB))]
    done = call("erase", *devices, "--unidentified", "--yes", "--json")
    assert (done.status, done.outcomes) == (0, ["erased", "erased"])
    for row in done.results:
        told = payload(row["certificate_file"])["drive"]
        assert (told["serial"], told["wwn"]) == (None, None)
        assert DEFAULT in told["identity_note"]


@pytest.mark.usefixtures("nameless")
def test_a_policy_of_the_configuration_may_allow_them(call: Call, loops: Loops, tmp_path: Path) -> None:
    config = tmp_path / "station.toml"
    config.write_text('[[policy]]\nname = "any"\nmethod = "zero"\nallow_unidentified = true\n', encoding="utf-8")
    done = call("erase", loops.attach(loops.image(MIB)), "--method", "any", "--config", config, "--yes", "--json")
    assert (done.status, done.outcomes) == (0, ["erased"])


@pytest.mark.usefixtures("nameless")
def test_it_is_never_resumed(call: Call, loops: Loops) -> None:
    done = call("erase", loops.attach(loops.image(MIB)), "--unidentified", "--resume", "--yes", "--json")
    assert done.status == 3
    assert "BW-S47" in done.results[0]["reason"]


@pytest.fixture
def absurd() -> Iterator[str]:
    """A loop device over 130 PB that take no room: a file in memory that was never written."""
    needs_root()
    path = Path("/dev/shm") / "benchwipe-absurd"
    try:
        with path.open("wb") as file:
            file.truncate(130 * 10**15 // 512 * 512)
        made = subprocess.run(
            ["losetup", "--find", "--show", str(path)], capture_output=True, text=True, check=False, timeout=PROGRAM_S
        )
        if made.returncode:
            pytest.skip(f"no loop device so large here: {made.stderr.strip()}")
        yield made.stdout.strip()
        subprocess.run(["losetup", "-d", made.stdout.strip()], check=False, timeout=PROGRAM_S)
    finally:
        path.unlink(missing_ok=True)


def test_what_claims_130_petabytes_is_refused_and_its_dock_blamed(call: Call, absurd: str) -> None:
    done = call("erase", absurd, "--yes", "--json")
    assert (done.status, done.outcomes) == (3, ["refused"])
    assert "BW-S46" in done.results[0]["reason"]
    assert "dock" in done.results[0]["reason"]


def test_what_was_not_read_back_is_called_so_and_the_document_keeps_its_word(call: Call, loops: Loops) -> None:
    done = call("erase", loops.attach(loops.image(MIB)), "--method", "zero", "--verify", "none", "--yes", "--json")
    (row,) = done.results
    assert (done.status, row["outcome"], row["read_back"]) == (0, "erased", False)
    assert "erased, not read back" in done.err
    shown = call("certificate", "show", row["certificate_file"])
    assert "ERASED, NOT READ BACK" in shown.out.splitlines()[0]
    read = call("erase", loops.attach(loops.image(MIB)), "--method", "zero", "--yes", "--json")
    assert read.results[0]["read_back"] is True
    assert "not read back" not in read.err


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_an_operator_whom_the_configuration_does_not_know_is_an_error_and_nothing_is_touched(
    call: Call, tmp_path: Path, more: tuple[str, ...]
) -> None:
    config = tmp_path / "station.toml"
    config.write_text('[[operator]]\nbadge = "BADGE-1"\nid = "mette"\n', encoding="utf-8")
    done = call("erase", "/dev/null", "--operator", "nobdy", "--config", config, "--yes", *more)
    assert done.status == 2
    assert "mette" in done.complaint
    assert not (tmp_path / "state").exists()


def test_an_imei_of_one_repeated_digit_is_refused(call: Call) -> None:
    done = call("attest", "--imei", "000000000000000", "--asset", "KOL-1", "--operator", "bo")
    assert done.status == 2
    assert "one digit" in done.complaint
