"""The MQTT client library, loaded without what it has no use for here.

paho imports urllib.request for one purpose: a proxy named in the environment, which it can use only where PySocks is
installed. urllib.request brings http.client, email, tempfile and what they need: 2 MB of an idle daemon
(`python -m benchmarks.idle_footprint`).
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType

UNUSED = "urllib.request"


@contextlib.contextmanager
def left_out(name: str) -> Iterator[None]:
    """Let imports of a module find an empty one, unless it is loaded already. Afterwards it is found as ever."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = ModuleType(name)
    try:
        yield
    finally:
        del sys.modules[name]


with contextlib.nullcontext() if importlib.util.find_spec("socks") else left_out(UNUSED):
    import paho.mqtt.client as client

__all__ = ["client"]
