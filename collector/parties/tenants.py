"""Tenants at which people sign in, as the configuration names them. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Provider:
    """A tenant that people sign in at, as the configuration names it."""

    id: str
    name: str
    authority: str
    tenant: str
    client_id: str
    client_secret: str

    @property
    def discovery(self) -> str:
        """Where it describes itself."""
        return f"{self.authority}/{self.tenant}/v2.0/.well-known/openid-configuration"
