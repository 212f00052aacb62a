"""A drive against its certificate, a certificate against its key, and what is made of certificates."""

from __future__ import annotations

import base64
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates.certificate import sign
from agent.certificates.keys import jwk_line
from agent.certificates.record import Record
from tests.agent.commands.conftest import Call, payload
from tests.agent.samples import record
from tests.drivers.drives.conftest import MIB, Loops


class Erased:
    """One erased drive, its certificate and its station's key."""

    def __init__(self, call: Call, loops: Loops, folder: Path, *words: str) -> None:
        self.device = loops.attach(loops.image(4 * MIB))
        row = call("erase", self.device, "--yes", "--json", *words).results[0]
        assert row["outcome"] == "erased", row
        self.path = Path(row["certificate_file"])
        self.key = folder / "station.jwk"
        self.key.write_text(call("key", "show").out)

    def flip(self, at: int) -> None:
        """One bit of the medium."""
        with open(self.device, "r+b", buffering=0) as file:
            file.seek(at)
            byte = file.read(1)
            file.seek(at)
            file.write(bytes([byte[0] ^ 4]))


def retold(path: Path, folder: Path, **changes: Any) -> Path:  # noqa: ANN401 - JSON
    """The same certificate, with other claims and its old signature."""
    header, _, signature = path.read_text().split(".")
    told = json.dumps({**payload(path), **changes}).encode()
    made = folder / "retold.jws"
    made.write_text(".".join((header, base64.urlsafe_b64encode(told).rstrip(b"=").decode(), signature)))
    return made


def stranger(folder: Path, found: Record | None = None) -> tuple[Path, Path]:
    """A certificate that another station signed, and that station's key."""
    key = Ed25519PrivateKey.generate()
    path, public = folder / "stranger.jws", folder / "stranger.jwk"
    path.write_bytes(sign(found or record(), key).compact)
    public.write_text(jwk_line(key.public_key()))
    return path, public


@pytest.mark.parametrize("words", [(), ("--method", "random"), ("--verify", "sample"), ("--verify", "none")])
def test_the_right_drive_passes_and_one_changed_bit_fails(
    call: Call, loops: Loops, tmp_path: Path, words: tuple[str, ...]
) -> None:
    erased = Erased(call, loops, tmp_path, *words)
    done = call("verify-drive", erased.device, erased.path, "--json")
    assert (done.status, done.document["result"]) == (0, "passed"), done.err
    assert done.document["signature"] == "checked against this station's key"
    assert done.document["certificate_id"] == erased.path.stem
    assert done.document["verification"]["kind"] in ("full", "sample")
    erased.flip(0)
    done = call("verify-drive", erased.device, erased.path, "--json")
    assert (done.status, done.document["result"]) == (1, "failed")
    if words != ("--method", "random"):
        assert done.document["verification"]["mismatches"][0] == {"offset": 0, "bytes": 512}
    erased.flip(0)
    assert call("verify-drive", erased.device, erased.path, "--key", erased.key).status == 0


def test_a_sampled_random_pass_leaves_nothing_to_hold_the_drive_against(
    call: Call, loops: Loops, tmp_path: Path
) -> None:
    erased = Erased(call, loops, tmp_path, "--method", "random", "--verify", "sample")
    done = call("verify-drive", erased.device, erased.path, "--json")
    assert (done.status, done.document["result"]) == (1, "not-run")


def test_another_drive_fails_and_one_that_cannot_be_read_is_status_3(call: Call, loops: Loops, tmp_path: Path) -> None:
    erased = Erased(call, loops, tmp_path)
    other = loops.attach(loops.image(4 * MIB))
    Path(other).write_bytes(bytes(4 * MIB))
    done = call("verify-drive", other, erased.path, "--json")
    assert (done.status, done.document["result"]) == (1, "failed")
    assert "this is not the drive of that certificate" in done.err
    for nothing in ("/dev/null", "/nowhere", tmp_path):
        done = call("verify-drive", nothing, erased.path, "--json")
        assert (done.status, done.document["result"]) == (3, "refused")


def test_a_tampered_certificate_or_another_key_fails_before_the_drive_is_read(
    call: Call, loops: Loops, tmp_path: Path
) -> None:
    erased = Erased(call, loops, tmp_path)
    foreign, public = stranger(tmp_path)
    bad = retold(erased.path, tmp_path, finished_at="2020-01-01T00:00:00Z")
    for words in ((bad,), (bad, "--key", erased.key), (erased.path, "--key", public)):
        done = call("verify-drive", erased.device, *words, "--json")
        assert (done.status, done.document["signature"]) == (1, "not genuine")
        assert "the drive was not read" in done.err
    done = call("verify-drive", erased.device, foreign, "--json")
    assert done.status == 1
    assert "not the drive" in done.err
    assert "NOT checked" in done.document["signature"]
    assert call("certificate", "verify", erased.path, "--key", erased.key).status == 0
    done = call("certificate", "verify", erased.path, "--key", erased.key, "--json")
    assert (done.document["genuine"], done.document["outcome"]) == (True, "erased")
    for file, key in ((bad, erased.key), (erased.path, public), (foreign, erased.key)):
        done = call("certificate", "verify", file, "--key", key)
        assert done.status == 1
        assert "not a valid certificate" in done.complaint


def test_a_drive_that_failed_does_not_hold_its_certificate(call: Call, loops: Loops, tmp_path: Path) -> None:
    """Though it reads as the certificate says: only "erased" is a success."""
    erased = Erased(call, loops, tmp_path)
    shown = json.loads(call("certificate", "show", erased.path, "--json").out)
    assert shown == payload(erased.path)
    import msgspec

    failed = msgspec.convert(
        {**shown, "outcome": "aborted", "sanitization": {**shown["sanitization"], "level": "none"}}, Record
    )
    path, key = stranger(tmp_path, failed)
    done = call("verify-drive", erased.device, path, "--key", key, "--json")
    assert (done.status, done.document["result"]) == (1, "failed")
    assert "the certificate itself says 'aborted'" in done.err


GARBAGE = {
    "empty": b"",
    "dots": b"..",
    "text": b"this is no certificate\n",
    "zeros": bytes(1000),
    "brackets": b"[" * 60000,
    "huge": b"a" * (1 << 20),
    "not utf-8": b"\xff\xfe.\xff.\xff",
    "json": b'{"outcome": "erased"}',
}


@pytest.mark.parametrize("content", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_no_certificate_in_one_line(call: Call, tmp_path: Path, content: bytes) -> None:
    file, key = tmp_path / "x.jws", tmp_path / "key"
    file.write_bytes(content)
    key.write_text(jwk_line(Ed25519PrivateKey.generate().public_key()))
    for words in (
        ("certificate", "show", file),
        ("certificate", "show", file, "--json"),
        ("certificate", "verify", file, "--key", key),
        ("label", file, "--out", tmp_path / "label"),
    ):
        done = call(*words)
        assert done.status == 1
        assert "not a valid certificate" in done.complaint
    assert call("verify-drive", "/dev/null", file).status == 1
    assert not (tmp_path / "label").exists()
    assert call("certificate", "verify", stranger(tmp_path)[0], "--key", file).status == 2


def test_a_file_without_an_end_is_read_no_further_than_a_certificate_may_be_long(call: Call) -> None:
    assert call("certificate", "show", "/dev/zero").status == 1
    assert call("verify-drive", "/dev/null", "/dev/zero").status == 1
    assert call("verify-drive", "/dev/null", "/dev/zero", "--key", "/dev/zero").status == 2


def test_what_a_drive_calls_itself_steers_no_terminal(call: Call, tmp_path: Path) -> None:
    import msgspec

    found = record()
    drive = msgspec.structs.replace(found.drive, serial="S\x1b[2J\x07\n", model="\u202emodel")
    path, key = stranger(tmp_path, msgspec.structs.replace(found, drive=drive, number="n\x1b[1m-000001"))
    for words in (("show", path), ("verify", path, "--key", key)):
        done = call("certificate", *words)
        assert done.status == 0
        assert all(c.isprintable() or c == "\n" for c in done.out)


def test_fields_of_a_later_version_are_shown(call: Call, tmp_path: Path) -> None:
    path = retold(stranger(tmp_path)[0], tmp_path, later={"odd": "\u00e6", "deep": [[1]]})
    done = call("certificate", "show", path, "--json")
    assert (done.status, done.document["later"]["deep"]) == (0, [[1]])


def test_a_label_goes_to_a_file_and_to_a_picture_or_to_neither(call: Call, tmp_path: Path) -> None:
    path = stranger(tmp_path)[0]
    out, preview = tmp_path / "label.zpl", tmp_path / "label.png"
    assert call("label", path, "--printer-language", "zpl", "--out", out, "--preview", preview).status == 0
    assert out.read_bytes().startswith(b"^XA")
    assert preview.read_bytes().startswith(b"\x89PNG")
    unknown = call("label", path, "--printer-language", "klingon", "--out", tmp_path / "other")
    assert unknown.status == 2
    assert "no label language is called 'klingon'; known: " in unknown.complaint
    small = call("label", path, "--size", "25x15", "--out", tmp_path / "other", "--preview", tmp_path / "other.png")
    assert small.status in (0, 2)
    assert (tmp_path / "other").exists() == (tmp_path / "other.png").exists() == (small.status == 0)
    lost = call("label", path, "--out", tmp_path / "no" / "folder")
    assert lost.status == 2
    assert "No such file or directory" in lost.complaint


def test_a_label_never_takes_the_place_of_a_certificate_or_a_device(call: Call, tmp_path: Path) -> None:
    path = stranger(tmp_path)[0]
    compact = path.read_bytes()
    for place in (path, tmp_path / "copy.jws", Path("/dev/null")):
        for option in ("--out", "--preview"):
            refused = call("label", path, option, place)
            assert refused.status == 2
            assert "BW-A15" in refused.complaint
    assert path.read_bytes() == compact
    assert Path("/dev/null").is_char_device()


def test_a_benchmark_measures_a_file_without_changing_it_and_a_device_without_writing(
    call: Call, loops: Loops, tmp_path: Path
) -> None:
    image = loops.image(MIB)
    before, device = image.read_bytes(), loops.attach(image)
    file = tmp_path / "file"
    file.write_bytes(os.urandom(MIB + 77))
    told = file.read_bytes()
    names = set(os.listdir(tmp_path))
    found = call("benchmark", file, "--seconds", "0.1", "--json").document
    assert all(found[name] > 0 for name in ("read", "write", "hash"))
    assert all(v > 0 for v in found["generate"].values())
    assert found["limit"]
    assert (file.read_bytes(), set(os.listdir(tmp_path))) == (told, names)
    found = call("benchmark", device, "--seconds", "0.1", "--json").document
    assert found["write"] is None
    assert found["read"] > 0
    assert Path(device).read_bytes() == before
    assert call("benchmark", device, "--write").status == 2
    assert Path(device).read_bytes() == before
    assert call("benchmark", device, "--write", "--yes", "--seconds", "0.1", "--json").document["write"] > 0
    (tmp_path / "empty").write_bytes(b"")
    assert "is empty" in call("benchmark", tmp_path / "empty").complaint


def test_a_benchmark_measures_the_whole_blocks_of_a_file_that_lies_in_memory(call: Call, tmp_path: Path) -> None:
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        Path(file.name).write_bytes(bytes(64 * 512 + 3))
        assert call("benchmark", file.name, "--seconds", "0.1", "--json").document["bytes_tried"] == 64 * 512
    (tmp_path / "tiny").write_bytes(b"hi")
    assert "smaller than a block" in call("benchmark", tmp_path / "tiny").complaint
