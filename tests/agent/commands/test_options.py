"""One vocabulary: each command takes -h and --json, a language is people's, and an error names its file."""

from __future__ import annotations

import json
import os
import shlex
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates.certificate import sign
from agent.certificates.keys import jwk_line
from agent.cli import cli
from agent.commands.parameters import PathParameter
from tests.agent.commands.conftest import Call, finish, held_back, ledger, start, wait_until
from tests.agent.samples import record
from tests.drivers.drives.conftest import MIB, Loops


def commands(group: click.Group = cli, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, by its words."""
    for name in group.list_commands(click.Context(group)):
        found = group.get_command(click.Context(group), name)
        if isinstance(found, click.Group):
            yield from commands(found, (*words, name))
        elif found is not None:
            yield (*words, name), found


EVERY = dict(commands())


def options(command: click.Command) -> set[str]:
    """All that it takes and shows."""
    return {name for known in command.params if isinstance(known, click.Option) for name in known.opts}


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_every_command_and_group_takes_h(call: Call, words: tuple[str, ...]) -> None:
    for part in (words, words[:-1]):
        done = call(*part, "-h")
        assert (done.status, done.err) == (0, "")
        assert done.out.startswith(f"Usage: {' '.join(('benchwipe', *part))}")


def test_every_command_takes_json() -> None:
    assert len(EVERY) > 25
    without = {words for words, command in EVERY.items() if "--json" not in options(command)}
    assert not without


@pytest.mark.parametrize("words", [words for words, made in EVERY.items() if "--json" in options(made)], ids=" ".join)
def test_what_is_wrong_is_one_line_and_with_json_one_document(call: Call, words: tuple[str, ...]) -> None:
    done = call(*words, "--json", "--no-such-option")
    assert done.status == 2
    assert "--no-such-option" in done.complaint
    assert list(done.document) == ["error"]


def test_language_is_peoples_wherever_it_is_and_a_printers_has_its_own_name() -> None:
    speaking = {words[-1] for words, command in EVERY.items() if "--language" in options(command)}
    assert {"label", "pdf", "command-sheet", "status", "attest", "learn"} <= speaking
    for command in EVERY.values():
        for known in command.params:
            if "--language" in known.opts:
                assert known.type.name == "language"
    assert {words for words, made in EVERY.items() if "--printer-language" in options(made)} == {("label",)}


@pytest.fixture
def paper(tmp_path: Path) -> Path:
    """A genuine certificate, with its station's key beside it."""
    key = Ed25519PrivateKey.generate()
    (tmp_path / "station.jwk").write_text(jwk_line(key.public_key()))
    path = tmp_path / "one.jws"
    path.write_bytes(sign(record(), key).compact)
    return path


def test_the_old_words_are_understood_or_refused_with_the_new_one(call: Call, paper: Path, tmp_path: Path) -> None:
    out = tmp_path / "label"
    refused = call("label", paper, "--language", "tspl", "--out", out)
    assert (refused.status, out.exists()) == (2, False)
    assert "--printer-language" in refused.complaint
    labels: dict[str, set[bytes]] = {"da": set(), "en": set()}
    for language, found in labels.items():
        for name in ("--language", "--text"):
            done = call("label", paper, "--printer-language", "tspl", name, language, "--out", out)
            assert done.status == 0
            found.add(out.read_bytes())
            assert ("--text is called --language" in done.err) == (name == "--text")
    assert [len(found) for found in labels.values()] == [1, 1]
    assert labels["da"] != labels["en"]


def test_label_and_key_and_page_tell_what_they_did_as_json(call: Call, paper: Path, tmp_path: Path) -> None:
    out = tmp_path / "label"
    told = call("label", paper, "--out", out, "--json").document
    assert told == {"out": str(out), "preview": None, "printer_language": "zpl", "number": "bench-01-000001"}
    made, again = call("key", "init", "--json").document, call("key", "init", "--json").document
    assert (made["made"], again["made"], made["key"]) == (True, False, again["key"])
    assert made["key"] == call("key", "show", "--json").document == json.loads(call("key", "show").out)


@pytest.mark.parametrize(
    "words", [("certificate", "show"), ("certificate", "pdf", "--out", "x.pdf"), ("label", "--out", "x")], ids=" ".join
)
def test_a_file_that_is_no_certificate_is_named(call: Call, tmp_path: Path, words: tuple[str, ...]) -> None:
    bad = tmp_path / "paper.jws"
    bad.write_text("no certificate")
    done = call(*words, bad)
    assert done.status == 1
    assert f"{bad}: not a valid certificate" in done.complaint


# certificate verify


def test_one_file_is_checked_as_ever_and_named_where_it_is_wrong(call: Call, paper: Path, tmp_path: Path) -> None:
    key = tmp_path / "station.jwk"
    assert call("certificate", "verify", paper, "--key", key).out.startswith("genuine: bench-01-000001 ")
    assert call("certificate", "verify", paper, "--key", key, "--json").document["genuine"] is True
    paper.write_bytes(paper.read_bytes()[:-4] + b"AAAA")
    done = call("certificate", "verify", paper, "--key", key)
    assert done.status == 1
    assert str(paper) in done.complaint


def test_files_and_folders_are_each_a_line_and_the_worst_decides(call: Call, paper: Path, tmp_path: Path) -> None:
    key, folder = tmp_path / "station.jwk", tmp_path / "archive"
    (folder / "2026").mkdir(parents=True)
    for name in ("b.jws", "a.jws", "2026/c.jws"):
        (folder / name).write_bytes(paper.read_bytes())
    (folder / "notes.txt").write_text("no certificate, and not asked for")
    well = call("certificate", "verify", folder, paper, "--key", key)
    assert (well.status, [line.partition(": ")[0] for line in well.out.splitlines()]) == (
        0,
        [str(folder / "a.jws"), str(folder / "b.jws"), str(folder / "2026/c.jws"), str(paper)],
    )
    assert "4 genuine, 0 not genuine, 0 cannot be read" in well.err
    absent = call("certificate", "verify", folder, tmp_path / "gone.jws", "--key", key)
    assert absent.status == 2
    assert f"{tmp_path / 'gone.jws'}: cannot be read: No such file" in absent.out
    (folder / "a.jws").write_text("x.y.z")
    bad = call("certificate", "verify", folder, tmp_path / "gone.jws", "--key", key, "--json")
    assert bad.status == 1
    assert [row["genuine"] for row in bad.document["certificates"]] == [False, True, True, None]
    assert bad.document["certificates"][0]["file"] == str(folder / "a.jws")
    assert bad.document["certificates"][0]["reason"]


def test_a_folder_with_a_pipe_and_strange_names_in_it_is_gone_through_to_its_end(
    call: Call, paper: Path, tmp_path: Path
) -> None:
    key, folder = tmp_path / "station.jwk", tmp_path / "archive"
    folder.mkdir()
    os.mkfifo(folder / "b.jws")
    (folder / "circle").symlink_to(folder)
    (folder / "d.jws").symlink_to(folder / "d.jws")
    for name in (b"a b.jws", b"c\x1b[2J.jws", b"\xff.jws"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(paper.read_bytes())
    done = call("certificate", "verify", folder, "--key", key, "--json")
    told = {
        Path(found["file"]).name: (found["genuine"], found.get("reason")) for found in done.document["certificates"]
    }
    assert done.status == 2
    assert told == {
        "a b.jws": (True, None),
        "b.jws": (None, "it is a pipe"),
        "c\x1b[2J.jws": (True, None),
        "d.jws": (None, "Too many levels of symbolic links"),
        "\\xff.jws": (True, None),
    }
    lines = call("certificate", "verify", folder, "--key", key).out
    assert lines.count("\n") == len(told)
    assert "\x1b" not in lines


@pytest.mark.parametrize("place", ["/dev/shm", "."])
def test_a_pipe_that_nobody_writes_to_is_refused_wherever_it_lies(call: Call, tmp_path: Path, place: str) -> None:
    """A shell's own pipes, /dev/stdin and /dev/fd, have somebody at the other end; not all under /dev are a shell's."""
    if not os.access(place, os.W_OK):
        pytest.skip(f"{place} is not there to write in")
    with tempfile.TemporaryDirectory(dir=place if place != "." else tmp_path) as folder:
        pipe = Path(folder) / "pipe"
        os.mkfifo(pipe, 0o600)
        with pytest.raises(click.BadParameter, match="is a pipe or a socket"):
            PathParameter().convert(pipe, None, None)
        assert call("certificate", "show", pipe).status == 2


def test_a_folder_without_certificates_is_not_taken_for_genuine(call: Call, paper: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    done = call("certificate", "verify", empty, "--key", tmp_path / "station.jwk")
    assert (done.status, done.out) == (2, f"{empty}: cannot be read: no *.jws in this folder\n")


def test_thousands_of_files_are_answered_one_by_one(call: Call, paper: Path, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    for number in range(3000):
        (folder / f"{number:05}.jws").hardlink_to(paper)
    (folder / "01500.jws").unlink()
    (folder / "01500.jws").write_text("x.y.z")
    done = call("certificate", "verify", folder, "--key", tmp_path / "station.jwk")
    lines = done.out.splitlines()
    assert (done.status, len(lines), lines[1500].partition(": ")[2][:11]) == (1, 3000, "NOT genuine")
    process = start("certificate", "verify", folder, "--key", tmp_path / "station.jwk")
    assert process.stdout is not None
    assert "genuine" in process.stdout.readline()
    process.stdout.close()  # whoever reads only the first line waits for no other
    assert process.wait() != 0
    process.stderr.close()  # type: ignore[union-attr]


# erase


def test_ctrl_c_names_the_command_that_goes_on(call: Call, loops: Loops, steps: Path, tmp_path: Path) -> None:
    device, state = loops.attach(loops.image(16 * MIB)), tmp_path / "state"
    words = ("--state-dir", state, "--config", steps)
    process = start("erase", device, "--yes", "--method", "steps", *words, command=held_back(tmp_path / "gate"))
    wait_until(lambda: ledger(state, "SELECT 1 FROM checkpoint"))
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert done.status == 130
    (line,) = (line for line in done.err.splitlines() if "to go on where it stopped: " in line)
    named = shlex.split(line.partition(": ")[2])
    assert named[0] == "benchwipe"
    assert call(*named[1:], "--yes", "--config", steps).status == 0
