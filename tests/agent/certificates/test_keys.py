"""The signing key: made once, private, and what else is refused."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.certificates import keys
from agent.certificates.jws import public_jwk, thumbprint
from agent.errors import KeyProblem
from tests.patience import PROGRAM_S

PEM = serialization.Encoding.PEM
PKCS8 = serialization.PrivateFormat.PKCS8
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo
NONE = serialization.NoEncryption()


def raw(key: Ed25519PrivateKey) -> bytes:
    """The secret, to compare keys."""
    return key.private_bytes_raw()


def test_the_key_is_made_at_first_use_private_and_the_same_ever_after(tmp_path: Path) -> None:
    first = keys.load_or_make(tmp_path / "state")
    path = tmp_path / "state" / keys.FILE_NAME
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert raw(keys.load_or_make(tmp_path / "state")) == raw(first)
    assert keys.make(tmp_path / "state") is False
    assert raw(keys.load(path)) == raw(first)


def _make(state: Path, found: multiprocessing.Queue[bytes]) -> None:
    found.put(raw(keys.load_or_make(state)))


def test_a_key_of_ours_is_written_and_read_as_cryptography_does(tmp_path: Path) -> None:
    path = tmp_path / keys.FILE_NAME
    pem = keys.new_pem()
    read = serialization.load_pem_private_key(pem, password=None)
    assert isinstance(read, Ed25519PrivateKey)
    assert read.private_bytes(PEM, PKCS8, NONE) == pem
    for form in (pem, pem.replace(b"\n", b"\r\n"), b"a remark\n" + pem):  # the others: as another program writes it
        path.write_bytes(form)
        path.chmod(0o600)
        assert raw(keys.load(path)) == raw(read)


def test_processes_that_make_it_at_once_end_with_the_same_key(tmp_path: Path) -> None:
    found: multiprocessing.Queue[bytes] = multiprocessing.Queue()
    makers = [multiprocessing.Process(target=_make, args=(tmp_path / "state", found)) for _ in range(6)]
    for maker in makers:
        maker.start()
    assert len({found.get(timeout=PROGRAM_S) for _ in makers}) == 1
    for maker in makers:
        maker.join()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o601])
def test_a_key_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    keys.make(tmp_path)
    (tmp_path / keys.FILE_NAME).chmod(mode)
    with pytest.raises(KeyProblem, match="open to others"):
        keys.load_or_make(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        ec.generate_private_key(ec.SECP256R1()).private_bytes(PEM, PKCS8, NONE),
        x25519.X25519PrivateKey.generate().private_bytes(PEM, PKCS8, NONE),
        Ed25519PrivateKey.generate().public_key().public_bytes(PEM, SPKI),
        Ed25519PrivateKey.generate().private_bytes(PEM, PKCS8, serialization.BestAvailableEncryption(b"x")),
    ],
    ids=["empty", "garbage", "broken", "P-256", "X25519", "public", "encrypted"],
)
def test_what_is_no_plain_ed25519_key_is_refused_and_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / keys.FILE_NAME
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(KeyProblem):
        keys.load_or_make(tmp_path)
    assert path.read_bytes() == content


def test_a_folder_or_a_dangling_link_in_the_keys_place_is_a_key_problem(tmp_path: Path) -> None:
    (tmp_path / "one" / keys.FILE_NAME).mkdir(parents=True)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / keys.FILE_NAME).symlink_to(tmp_path / "nowhere")
    for state in ("one", "two"):
        with pytest.raises(KeyProblem):
            keys.load_or_make(tmp_path / state)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("state", ["/proc/nowhere/state", "/dev/null/state"])
def test_a_state_folder_that_cannot_be_made_is_a_key_problem(state: str) -> None:
    with pytest.raises(KeyProblem, match="cannot be written"):
        keys.load_or_make(Path(state))


def test_public_keys_are_read_from_jwk_jwk_set_and_pem(tmp_path: Path) -> None:
    first, second = Ed25519PrivateKey.generate().public_key(), Ed25519PrivateKey.generate().public_key()
    files = {
        "jwk": (keys.jwk_line(first).encode(), [first]),
        "set": (json.dumps({"keys": [public_jwk(first), public_jwk(second)]}).encode(), [first, second]),
        "pem": (b"\n" + first.public_bytes(PEM, SPKI), [first]),
    }
    for name, (content, expected) in files.items():
        (tmp_path / name).write_bytes(content)
        assert set(keys.read_public(tmp_path / name)) == {thumbprint(k) for k in expected}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"7",
        b'{"keys":[]}',
        b'{"keys":[1]}',
        b'{"keys":{}}',
        b"[" * 100_000,
        b"\xff\xfe\x00",
        b'{"kty":"OKP","crv":"Ed25519","x":"AAAA"}',
        b'{"kty":"OKP","crv":"X25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}',
        b'{"kty":"OKP","crv":"Ed25519","x":"\xc3\xa6"}',
        b'{"kty":"OKP","crv":"Ed25519","x":7}',
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(PEM, SPKI),
    ],
)
def test_what_holds_no_ed25519_public_key_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(KeyProblem, match="not an Ed25519 public key"):
        keys.read_public(tmp_path / "key")


def test_a_missing_public_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyProblem, match=r"none\.jwk: the public key cannot be read"):
        keys.read_public(tmp_path / "none.jwk")


def test_the_thumbprint_is_that_of_rfc_8037() -> None:
    """RFC 8037, appendix A.3: key and thumbprint."""
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    from agent.certificates.jws import public_key_from_jwk

    assert thumbprint(public_key_from_jwk(jwk)) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_an_unreadable_folder_is_a_key_problem_for_a_plain_user(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read every folder")
    tmp_path.chmod(0)
    try:
        with pytest.raises(KeyProblem):
            keys.load_or_make(tmp_path / "state")
    finally:
        tmp_path.chmod(0o700)
