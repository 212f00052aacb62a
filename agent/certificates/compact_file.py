"""Read the file of a certificate, or of any JWS in compact serialisation."""

from __future__ import annotations

from pathlib import Path

from agent.certificates.jws import MAX_BYTES


def read_compact(path: Path) -> bytes:
    """Return a certificate's bytes without an editor's last newline; of a large file so much that it is refused."""
    with path.open("rb") as opened:
        return opened.read(MAX_BYTES + 2).removesuffix(b"\n")
