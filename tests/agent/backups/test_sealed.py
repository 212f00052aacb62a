"""The sealed file: what went in comes out, and nothing else ever does."""

from __future__ import annotations

import io
import json
import os

import pytest

from agent.backups import sealed
from agent.backups.sealed import CHUNK, MAGIC, BackupProblem, SealedReader, SealedWriter


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cheaper key: what it costs is measured by nobody here."""
    monkeypatch.setattr(sealed, "LOG2_N", 14)


def seal(plain: bytes, passphrase: str = "correct horse", step: int = 10_000) -> bytes:
    out = io.BytesIO()
    writer = SealedWriter(out, passphrase)
    for start in range(0, len(plain), step):
        writer.write(plain[start : start + step])
    writer.finish()
    return out.getvalue()


def unseal(data: bytes, passphrase: str = "correct horse") -> bytes:
    return SealedReader(io.BytesIO(data), passphrase, name="it").read()


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 77])
def test_what_went_in_comes_out(size: int) -> None:
    plain = os.urandom(size)
    assert unseal(seal(plain)) == plain
    assert unseal(seal(plain, step=CHUNK)) == plain
    reader, parts = SealedReader(io.BytesIO(seal(plain)), "correct horse", name="it"), []
    while part := reader.read(30_001):
        parts.append(part)
    assert b"".join(parts) == plain


def test_nothing_of_the_plain_text_stands_in_it_and_no_two_are_alike() -> None:
    plain = b"a secret that is long enough to be found" * 100
    first, second = seal(plain), seal(plain)
    assert plain[:20] not in first
    assert first[len(MAGIC) + 150 :] != second[len(MAGIC) + 150 :]


def test_a_cut_anywhere_is_noticed_at_the_latest_at_the_end() -> None:
    data = seal(os.urandom(3 * CHUNK))
    head = data.index(b"\n", len(MAGIC)) + 1
    ends = [head + n * (CHUNK + 16) for n in range(3)]
    for length in {0, 5, len(MAGIC), head - 1, *ends, *(end + 1 for end in ends), len(data) - 1}:
        with pytest.raises(BackupProblem):
            unseal(data[:length])


def test_chunks_that_change_places_or_are_left_out_are_noticed() -> None:
    data = seal(os.urandom(4 * CHUNK))
    head, step = data.index(b"\n", len(MAGIC)) + 1, CHUNK + 16
    chunks = [data[start : start + step] for start in range(head, len(data), step)]
    for order in ([1, 0, 2, 3], [0, 2, 3], [0, 1, 1, 2, 3], [0, 1, 2, 3, 3]):
        with pytest.raises(BackupProblem):
            unseal(data[:head] + b"".join(chunks[n] for n in order))


@pytest.mark.parametrize("where", [0, len(MAGIC) + 3, len(MAGIC) + 60, 200, CHUNK + 300, -1])
def test_one_changed_bit_is_noticed(where: int) -> None:
    data = bytearray(seal(os.urandom(2 * CHUNK)))
    data[where] ^= 1
    with pytest.raises(BackupProblem):
        unseal(bytes(data))


def test_another_passphrase_opens_nothing() -> None:
    with pytest.raises(BackupProblem, match="passphrase is another one, or the file is damaged"):
        unseal(seal(b"x"), "Correct horse")


def test_a_letter_opens_it_however_a_keyboard_composes_it() -> None:
    assert unseal(seal(b"x", "blåbær"), "bla\u030abær") == b"x"


@pytest.mark.parametrize(
    "changed",
    [
        {"log2_n": 30},
        {"log2_n": 2},
        {"log2_n": "16"},
        {"log2_n": True},
        {"r": 1 << 20},
        {"p": 1 << 20},
        {"chunk": 1 << 40},
        {"salt": "00"},
        {"salt": 7},
        {"kdf": "none"},
    ],
)
def test_a_header_cannot_ask_for_the_machines_memory(changed: dict[str, object]) -> None:
    data = seal(b"x")
    end = data.index(b"\n", len(MAGIC))
    header = {**json.loads(data[len(MAGIC) : end]), **changed}
    with pytest.raises(BackupProblem, match="header is damaged, or of a version"):
        unseal(MAGIC + json.dumps(header).encode() + data[end:])


def test_it_is_built_as_its_description_says() -> None:
    """Read with nothing of ours: whoever has the passphrase needs no benchwipe."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    plain = os.urandom(CHUNK + 5)
    data = seal(plain)
    end = data.index(b"\n", len(MAGIC)) + 1
    about = json.loads(data[len(MAGIC) : end])
    key = Scrypt(salt=bytes.fromhex(about["salt"]), length=32, n=2 ** about["log2_n"], r=8, p=1).derive(
        b"correct horse"
    )
    cipher, cut = ChaCha20Poly1305(key), end + about["chunk"] + 16
    first = cipher.decrypt(bytes(11) + b"\x00", data[end:cut], data[:end])
    last = cipher.decrypt(bytes(10) + b"\x01\x01", data[cut:], data[:end])
    assert first + last == plain
