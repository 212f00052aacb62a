"""`backup`, `restore`, `ledger`, `key init --replace` as a person types them; each command of docs/backup.md is run."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.backups import sealed
from tests.agent.commands.chapters import typed
from tests.agent.commands.conftest import REPOSITORY, WORDS, Call, chain, payload
from tests.agent.commands.test_terminal import terminal

TEXT = (REPOSITORY / "docs" / "backup.md").read_text(encoding="utf-8")
IMEI = "490154203237518"
YES = [
    word
    for check in ("account-removed", "reset-done", "start-screen-empty", "cards-removed")
    for word in ("--yes-to", check)
]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state folder of `call`."""
    return tmp_path / "state"


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """A file with a passphrase."""
    file = tmp_path / "passphrase"
    file.touch(0o600)
    file.write_text(WORDS + "\n")
    return file


def certify(call: Call, *more: str | Path) -> str:
    """A certificate without a drive; its number."""
    done = call("attest", "--imei", IMEI, "--asset", "K-1", "--operator", "ida", *YES, "--json", *more)
    assert done.status == 0, done.err
    return str(done.document["number"])


# A lost key


def test_a_lost_key_stops_every_command_that_signs_with_one_line(call: Call, state: Path) -> None:
    certify(call)
    (state / "station.key").unlink()
    for command in (["attest", "--imei", IMEI, "--asset", "K-1", "--operator", "ida", *YES], ["key", "init"]):
        done = call(*command)
        assert done.status == 2
        assert "had a signing key, and it is gone" in done.complaint
        assert "benchwipe key init --replace" in done.complaint
    assert not (state / "station.key").exists()
    assert len(chain(state)) == 1


def test_a_key_is_replaced_only_by_whoever_names_the_station(call: Call, state: Path) -> None:
    certify(call)
    (state / "station.key").unlink()
    assert "no terminal to ask on" in call("key", "init", "--replace").complaint
    assert "this station is bench-01" in call("key", "init", "--replace", "--station", "bench-02").complaint
    assert "goes with --replace" in call("key", "init", "--station", "bench-01").complaint
    assert not (state / "station.key").exists()
    done = call("key", "init", "--replace", "--station", "bench-01")
    assert (done.status, done.document["kty"]) == (0, "OKP")
    assert certify(call) == "bench-01-000002"
    assert [record["replaces"] is not None for record in chain(state)] == [False, True]


# Ledger


def test_the_daemons_start_and_check_stop_at_a_contradiction_too(call: Call, state: Path, tmp_path: Path) -> None:
    config = tmp_path / "station.toml"
    source = f'[[source]]\nname = "s"\ndriver = "simulated"\nsettings = {{ folder = "{tmp_path}/drives" }}\n'
    config.write_text(f'{source}[[bay]]\nname = "A1"\nport = "1"\nsource = "s"\n')
    (tmp_path / "drives").mkdir()
    certify(call)
    certify(call)
    (state / "certificates" / f"{ids(state)[0]}.jws").unlink()
    for command in ("run", "check"):
        done = call(command, "--config", config)
        assert done.status == 2
        assert "certificate bench-01-000001 has a row in the ledger and no file" in done.err
        assert "benchwipe ledger adopt" in done.err


def ids(state: Path) -> list[str]:
    with closing(sqlite3.connect(state / "ledger.sqlite3")) as db:
        return [row[0] for row in db.execute("SELECT id FROM certificate ORDER BY sequence")]


def test_check_tells_and_adopt_mends_what_a_ledger_of_before_contradicts(call: Call, state: Path) -> None:
    """The backup of a ledger alone, put back by hand beside newer certificates, one of which is lost."""
    certify(call)
    shutil.copy(state / "ledger.sqlite3", state / "old")
    certify(call)
    certify(call)
    (state / "certificates" / f"{ids(state)[1]}.jws").unlink()
    (state / "old").replace(state / "ledger.sqlite3")
    stopped = call("attest", "--imei", IMEI, "--asset", "K-1", "--operator", "ida", *YES)
    assert stopped.status == 2
    assert "bench-01-000003 has a file and no row" in stopped.complaint
    told = call("ledger", "check", "--json")
    assert (told.status, [c["kind"] for c in told.document["conflicts"]]) == (1, ["no-row"])
    assert "no terminal to ask on" in call("ledger", "adopt").err
    assert call("ledger", "check").status == 1
    done = call("ledger", "adopt", "--yes")
    assert done.status == 0, done.err
    assert "record certificate bench-01-000003" in done.err
    assert "number 2 is missing" in done.err
    assert call("ledger", "check", "--json").document["gaps"] == [{"first": 2, "last": 2}]
    assert certify(call) == "bench-01-000004"
    assert "nothing to mend" in call("ledger", "adopt").err


def test_a_ledger_that_is_not_there_is_not_made_by_looking(call: Call, state: Path) -> None:
    assert call("ledger", "check").status == 2
    assert "no such folder" in call("ledger", "adopt", "--yes").complaint
    assert not state.exists()


# Backup and restore


def test_a_number_is_taken_as_the_label_has_it_and_nonsense_is_refused(
    call: Call, state: Path, words: Path, tmp_path: Path
) -> None:
    file = tmp_path / "b"
    certify(call)
    certify(call)
    assert call("backup", file, "--passphrase-file", words).status == 0
    for after, what in (
        ("bench-02-000009", "of another station"),
        ("1", "knows of number 2"),
        ("999999999999", "at most 1000000"),
        ("yesterday", "allowed is a certificate's number"),
        ("-5", "allowed is a certificate's number"),
        ("1" * 40, "allowed is a certificate's number"),
    ):
        done = call("restore", file, "--after", after, "--passphrase-file", words, "--state-dir", tmp_path / "new")
        assert (done.status, what in done.complaint) == (2, True), done.err
        assert not (tmp_path / "new").exists()
    for number, after in enumerate(("bench-01-000007", "7", "007")):
        new = tmp_path / f"new{number}"
        done = call("restore", file, "--after", after, "--passphrase-file", words, "--state-dir", new)
        assert done.status == 0, done.err
        assert certify(call, "--state-dir", new) == "bench-01-000008"
    assert call("restore", file, "--passphrase-file", words, "--state-dir", tmp_path / "free").status == 0
    assert certify(call, "--state-dir", tmp_path / "free") == "bench-01-001003"
    again = call("restore", file, "--passphrase-file", words, "--state-dir", tmp_path / "free")
    assert (again.status, "there is a ledger already; nothing was changed" in again.complaint) == (2, True)


@pytest.mark.parametrize(
    ("content", "mode", "what"),
    [
        (b"secret\n", 0o644, "open to others"),
        (b"", 0o600, "one line of 1 to 1024 bytes"),
        (b"\n", 0o600, "one line of 1 to 1024 bytes"),
        (b"two\nlines\n", 0o600, "one line of 1 to 1024 bytes"),
        (b"x" * 1025, 0o600, "one line of 1 to 1024 bytes"),
        (b"\xff\xfe", 0o600, "text in UTF-8"),
    ],
)
def test_a_passphrase_that_is_none_is_refused(call: Call, tmp_path: Path, content: bytes, mode: int, what: str) -> None:
    certify(call)
    file = tmp_path / "passphrase"
    file.write_bytes(content)
    file.chmod(mode)
    done = call("backup", tmp_path / "b", "--passphrase-file", file)
    assert (done.status, what in done.complaint) == (2, True), done.err
    assert not (tmp_path / "b").exists()


def test_off_a_terminal_a_passphrase_wants_a_file(call: Call, tmp_path: Path) -> None:
    certify(call)
    assert "--passphrase-file" in call("backup", tmp_path / "b").complaint
    assert not (tmp_path / "b").exists()


def test_for_a_file_that_is_no_backup_nobody_is_asked(call: Call, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("a letter")
    assert "it is no backup of benchwipe" in call("restore", tmp_path / "letter.txt").complaint
    assert "No such file" in call("restore", tmp_path / "none").complaint


def test_no_passphrase_is_shown_while_it_is_typed(call: Call, state: Path, tmp_path: Path) -> None:
    certify(call)
    with terminal("backup", tmp_path / "b", "--state-dir", state) as screen:
        screen.read_until("Passphrase of the backup")
        screen.type(WORDS + "\n")
        screen.read_until("Repeat")
        screen.type(WORDS + "\n")
        assert screen.end(60) == 0
    assert WORDS not in screen.seen
    with (tmp_path / "b").open("rb") as file:
        sealed.SealedReader(file, WORDS, name="b").drain()


# The chapter


def chapter(heading: str) -> list[str]:
    """The commands under a heading that begins so, in bold or as a title."""
    found = re.search(rf"^(?:## |\*\*){re.escape(heading)}.*?(?=^## |^\*\*|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, heading
    return [line for block in re.findall(r"```sh\n(.*?)```", found.group(), re.DOTALL) for line in block.splitlines()]


def test_every_command_of_the_chapter_is_run_here() -> None:
    headings = ("Make a backup", "The card has died", "The service was started", "The key alone", "Ledger and cert")
    told = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.splitlines()]
    assert [line for heading in headings for line in chapter(heading)] == told
    assert sum("benchwipe" in line for line in told) > 10


def test_a_dead_card_is_replaced_as_the_chapter_says(call: Call, machine: Path) -> None:
    state = machine / "var/lib/benchwipe"
    here = ("--state-dir", state)
    for _ in range(2):
        certify(call, *here)
    typed(machine, chapter("Make a backup"))
    shutil.rmtree(state)
    (machine / "etc/benchwipe/station.toml").unlink()
    seen = typed(machine, chapter("The card has died"))
    assert "the next number is 124" in seen
    assert certify(call, *here) == "bench-01-000124"
    assert "the next number is 124" in typed(machine, chapter("The service was started"))
    assert (machine / "var/lib/benchwipe.new/ledger.sqlite3").exists()


def test_a_lost_key_and_a_contradiction_are_mended_as_the_chapter_says(call: Call, machine: Path) -> None:
    state = machine / "var/lib/benchwipe"
    here = ("--state-dir", state)
    certify(call, *here)
    certify(call, *here)
    (state / "station.key").unlink()
    typed(machine, chapter("The key alone"))
    assert '"kty": "OKP"' in (machine / "bench-01.jwk").read_text()
    assert certify(call, *here) == "bench-01-000003"
    (state / "certificates" / f"{ids(state)[1]}.jws").unlink()
    lines = chapter("Ledger and cert")
    with pytest.raises(AssertionError, match="bench-01-000002 has a row"):
        typed(machine, lines[:1])
    typed(machine, lines[1:])
    typed(machine, lines[:1])
    newest = max((payload(p) for p in (state / "certificates").glob("*.jws")), key=lambda c: int(c["sequence"]))
    assert newest["number"] == "bench-01-000003"
