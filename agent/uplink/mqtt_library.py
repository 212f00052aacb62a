"""The MQTT client library, loaded without what it has no use for here.

paho imports urllib.request for one purpose: a proxy named in the environment, which it can use only where PySocks is
installed. urllib.request brings http.client, email, tempfile and what they need: 2 MB of an idle daemon
(`python -m benchmarks.idle_footprint`).

It imports ssl for TLS, and with ssl comes OpenSSL: 1.2 MB, and 3.7 MB more where nothing else has loaded that. Without
TLS paho only names two of its errors, in `except`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

UNUSED = "urllib.request"
NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which Python has no name for


class Nothing(ModuleType):
    """A module without what it is loaded for; errors that nobody raises have their names here."""

    class SSLWantReadError(OSError):
        """As ssl has it."""

    class SSLWantWriteError(OSError):
        """As ssl has it."""


@contextlib.contextmanager
def left_out(name: str) -> Iterator[None]:
    """Let imports of a module find an empty one, unless it is loaded already. Afterwards it is found as ever."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = Nothing(name)
    try:
        yield
    finally:
        del sys.modules[name]


with left_out("ssl"), contextlib.nullcontext() if importlib.util.find_spec("socks") else left_out(UNUSED):
    import paho.mqtt.client as client


def tls_context(*, dated: bool = True) -> ssl.SSLContext:
    """Make an empty TLS context for a client, and let paho have TLS from now on.

    `dated`: whether certificates are judged by their dates, which takes a clock that was set.
    """
    import ssl

    vars(client)["ssl"] = ssl
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if not dated:
        context.verify_flags |= NO_CHECK_TIME
    return context


__all__ = ["client", "tls_context"]
