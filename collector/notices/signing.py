"""The signature of webhooks, by Standard Webhooks 1.0.0: HMAC-SHA256 over id, moment and body. Pure."""

from __future__ import annotations

import base64
import hmac
import secrets

PREFIX = "whsec_"
SECRET_BYTES = 32
"""The specification allows 24 to 64."""


def new_secret() -> str:
    """Make a secret, as it is shown to whoever adds a webhook."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def headers(secret: str, identifier: str, moment: int, body: bytes) -> dict[str, str]:
    """Write the three headers of one try. `moment`: Unix seconds of this very try."""
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    made = hmac.digest(key, f"{identifier}.{moment}.".encode("ascii") + body, "sha256")
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(moment),
        "webhook-signature": "v1," + base64.b64encode(made).decode("ascii"),
    }
