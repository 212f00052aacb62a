"""Addresses and secrets of webhooks, encrypted: who reads the database alone learns neither."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from collector.notices.errors import NoDestination


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook's whole address, and what its messages are signed with."""

    url: str
    secret: str


def seal(told: Sealed) -> str:
    """Encrypt it with a key of the collector's own file."""
    return _fernet().encrypt(msgspec.json.encode(told)).decode("ascii")


def unseal(sealed: str) -> Sealed:
    """Decrypt what `seal` made. Raise NoDestination where this collector's secret is another one."""
    try:
        return msgspec.json.decode(_fernet().decrypt(sealed.encode("ascii")), type=Sealed)
    except (InvalidToken, msgspec.MsgspecError):
        problem = "its secret was sealed under another session.secret; remove it, and add it anew"
        raise NoDestination(problem=problem) from None


def _fernet() -> Fernet:
    key = HKDF(SHA256(), 32, salt=None, info=b"benchwipe webhooks").derive(settings.SECRET_KEY.encode())
    return Fernet(urlsafe_b64encode(key))
