"""What is typed wrong is told in one line, before anything happens; --json is one document whatever happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from agent.certificates.attestation import QUESTIONS
from agent.version import version
from tests.agent.commands.conftest import COMMAND, REPOSITORY, Call, payload

ROW = {"device", "outcome", "certificate_id", "certificate_file", "reason", "bytes", "seconds"}
WRONG: tuple[tuple[tuple[str, ...], str], ...] = (
    ((), "a command is missing"),
    (("earse",), "did you mean erase?"),
    (("cert",), "did you mean certificate?"),
    (("xyzzy",), "known: drives, erase, "),
    (("certificate",), "a command is missing after `benchwipe certificate`"),
    (("certificate", "shwo", "x"), "did you mean show?"),
    (("erase",), "erase: Missing argument 'DEVICE...'"),
    (("erase", "/dev/null", "--verfy", "full"), "Did you mean '--verify'?"),
    (("erase", "/dev/null", "--verify", "all"), "'full', 'sample', 'none'"),
    (("erase", "/dev/null", "--yes", "--method", "zeroes"), "allowed is one of nist-clear, nist-purge, zero, one,"),
    (("erase", "/dev/null", "--yes", "--asset", ""), "1 to 64 printable characters"),
    (("erase", "/dev/null", "--yes", "--asset", "x" * 65), "1 to 64 printable characters"),
    (("erase", "/dev/null", "--yes", "--operator", "bo\x1b[2J"), "1 to 64 printable characters"),
    (("erase", "/dev/null", "--yes", "--operator", " bo"), "1 to 64 printable characters"),
    (("erase", "", "--yes"), "'' is empty; a path is wanted"),
    (("erase", "/dev/nu\0ll", "--yes"), "holds a zero byte"),
    (("erase", "/dev/nu\udcffll", "--yes"), "is not valid UTF-8"),
    (("erase", "/dev/" + "x" * 5000, "--yes"), "longer than the 4095 bytes"),
    (("erase", "/dev/null", "/dev/null", "--yes"), "/dev/null is named twice; each drive once"),
    (("erase", "/dev/null"), "there is no terminal to ask on, say --yes"),
    (("erase", "/dev/null", "--yes", "--state-dir", "/etc/passwd"), "/etc/passwd is a file; a folder is wanted"),
    (("erase", "/dev/null", "--yes", "--config", "/nowhere/x.toml"), "/nowhere/x.toml cannot be read: No such file"),
    (("erase", "/dev/null", "--yes", "--certificate-dir", "/etc/passwd"), "a folder is wanted"),
    (("verify-drive", "/dev/null"), "verify-drive: Missing argument 'CERTIFICATE'"),
    (("verify-drive", "/dev/null", "/nowhere.jws"), "/nowhere.jws: No such file or directory"),
    (("certificate", "show", "/"), "/ is a folder; a file is wanted"),
    (("certificate", "verify", "/etc/passwd"), "Missing option '--key'"),
    (("label", "/etc/passwd"), "name --out FILE, --preview FILE, or both"),
    (("label", "/etc/passwd", "--out", "/x", "--size", "9x9"), "allowed is WIDTHxHEIGHT in millimetres"),
    (("benchmark", "/dev/null", "--seconds", "nan"), "allowed is a number from 0.1 to 60"),
    (("benchmark", "/nowhere"), "/nowhere cannot be measured: No such file or directory"),
    (("key", "show"), "station.key: the signing key cannot be read: No such file"),
    (("status",), "no benchwipe daemon runs on "),
    (("cancel", "A"), "no benchwipe daemon runs on "),
)


@pytest.mark.parametrize(("words", "told"), WRONG, ids=[" ".join(words)[:40] or "nothing" for words, _ in WRONG])
def test_what_is_wrong_is_one_clear_line(call: Call, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    done = call(*words)
    assert (done.status, done.out) == (2, "")
    assert told in done.err
    complaints = [line for line in done.err.splitlines() if line.startswith("benchwipe: ")]
    assert len(complaints) == 1
    assert complaints[0] == done.err.splitlines()[-1]
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("erase", "/dev/null", "--json", "--yes", "--method", "x"),
        ("erase", "/dev/null", "--json"),
        ("status", "--json"),
        ("benchmark", "/nowhere", "--json"),
        ("drives", "--json", "--config", "/nowhere"),
    ],
)
def test_with_json_a_complaint_is_one_document_too(call: Call, words: tuple[str, ...]) -> None:
    done = call(*words)
    assert done.status == 2
    assert done.document == {"error": done.err.splitlines()[-1].removeprefix("benchwipe: ")}


def test_what_is_refused_is_one_document_and_makes_no_state_folder(call: Call, tmp_path: Path) -> None:
    done = call("erase", "/dev/null", tmp_path, "--yes", "--json", "--asset", "A-1")
    assert (done.status, done.outcomes) == (3, ["refused", "refused"])
    assert [row["device"] for row in done.results] == ["/dev/null", str(tmp_path)]
    assert set(done.results[0]) == ROW
    assert not (tmp_path / "state").exists()


def test_two_names_of_one_device_are_one_device(call: Call, tmp_path: Path) -> None:
    link, twin, knot = tmp_path / "link", tmp_path / "twin", tmp_path / "knot"
    link.symlink_to("/dev/null")
    knot.symlink_to(knot)
    assert "is named twice (as /dev/null too)" in call("erase", "/dev/null", link, "--yes").complaint
    assert call("erase", knot, "--yes", "--json").outcomes == ["refused"]
    if os.geteuid() == 0:
        os.mknod(twin, 0o20600, os.stat("/dev/null").st_rdev)
        assert "is named twice" in call("erase", "/dev/null", twin, "--yes").complaint


def test_words_that_are_not_utf8_are_one_line_too() -> None:
    done = subprocess.run(
        [*COMMAND, "erase", b"/dev/\xff\xfe", "--yes"], capture_output=True, cwd=REPOSITORY, check=False
    )
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"benchwipe: the argument '/dev/\\udcff\\udcfe' is not valid UTF-8")


@pytest.mark.parametrize("closed", ["stdout", "stderr", "stdin"])
def test_a_closed_stream_is_no_defect(closed: str) -> None:
    number = {"stdin": 0, "stdout": 1, "stderr": 2}[closed]
    line = f'"$@" erase /dev/null --yes --json {number}>&-; echo "status $?" >&{2 if closed == "stdout" else 1}'
    done = subprocess.run(
        ["bash", "-c", line, "-", *COMMAND], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )
    assert "status 3" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


def test_a_reader_that_went_away_gets_no_traceback() -> None:
    line = 'trap "" PIPE; { "$@" drives; echo "status $?" >&2; } | true'
    done = subprocess.run(
        ["bash", "-c", line, "-", *COMMAND], capture_output=True, text=True, cwd=REPOSITORY, check=False
    )
    assert re.fullmatch(r"status [01]\n", done.stderr), done.stderr


def test_a_document_that_cannot_be_written_is_not_silent() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [*COMMAND, "drives", "--json"], stdout=full, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY, check=False
        )
    assert done.returncode != 0
    assert "No space left on device" in done.stderr
    assert done.stderr.count("\n") == 1


def test_version_and_help_load_neither_engine_nor_cryptography() -> None:
    code = (
        "import sys; from agent.cli import main\ntry: main(['--version'])\nexcept SystemExit: pass\n"
        "assert not {'cryptography', 'blake3', 'agent.erase', 'msgspec'} & set(sys.modules), sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert (done.returncode, done.stdout) == (0, f"benchwipe {version()}\n"), done.stderr


def test_a_certificate_says_the_version_that_the_program_says(call: Call, tmp_path: Path) -> None:
    drive = tmp_path / "phone"
    drive.mkdir()
    yes = [word for check in QUESTIONS for word in ("--yes-to", check)]
    told = ["--imei", "490154203237518", "--asset", "K-1", "--operator", "ida", "--certificate-dir", drive]
    assert call("attest", *told, *yes, "--json").status == 0
    (file,) = drive.glob("*.jws")
    assert payload(file)["station"]["software"] == {"name": "benchwipe", "version": version()}


def test_help_of_every_command_is_there(call: Call) -> None:
    done = call("--help")
    names = re.findall(r"^  ([a-z][a-z-]+)  +\S", done.out, re.MULTILINE)
    assert {"drives", "erase", "verify-drive", "certificate", "label", "key", "check", "run", "status"} <= set(names)
    for name in names:
        text = call(name, "--help")
        assert (text.status, text.out.split()[:3]) == (0, ["Usage:", "benchwipe", name])


def test_a_defect_of_ours_is_one_line_and_never_status_0_or_2(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("nobody thought of this")

    monkeypatch.setattr("agent.commands.work.drives.drive_rows", broken)
    done = call("drives")
    assert done.status == 1
    assert "a defect of benchwipe: KeyError: 'nobody thought of this'" in done.complaint
