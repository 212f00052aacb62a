"""What django-allauth asks of us: nobody makes an account for themselves."""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from collector.parties import oidc
from collector.parties.doors import first_page
from collector.parties.models import Person


class AccountAdapter(DefaultAccountAdapter):
    """People are invited, or made by an administrator."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Lead to the first page that is open to this person."""
        return first_page(request.user.sight()) if isinstance(request.user, Person) else "/"

    def get_client_ip(self, request: HttpRequest) -> str:
        """Take the address that the server saw, or believed its proxy about; no header of the client's."""
        return str(request.META.get("REMOTE_ADDR") or "0.0.0.0")  # a Unix socket has none

    def clean_username(self, username: str, shallow: bool = False) -> Any:  # noqa: ANN401
        """Write logins in small letters, as they are kept."""
        return super().clean_username(username.lower(), shallow)

    def is_reauthentication_required(self, *, app: str, **more: Any) -> bool:  # noqa: ANN401
        """Ask nobody again who has just shown at their provider that it is they: allauth knows passwords and codes."""
        request: HttpRequest | None = self.request
        if request is not None and shown_again(request):
            return False
        return bool(super().is_reauthentication_required(app=app, **more))

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        """Offer the provider, too: somebody who was invited through it may have no password at all."""
        found: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        provider = oidc.provider_of(user) if isinstance(user, Person) else None
        if provider is not None:
            words = _("Sign in at %(name)s again") % {"name": provider.name}
            found.append({"id": oidc.METHOD, "description": words, "url": f"/account/oidc/{provider.id}/again"})
        return found


def shown_again(request: HttpRequest) -> bool:
    """Say whether this person showed at their provider, some minutes ago at most, that it is they."""
    since = time.time() - app_settings.REAUTHENTICATION_TIMEOUT
    records = get_authentication_records(request, request.user if isinstance(request.user, Person) else None)
    return any(
        one.get("method") == oidc.METHOD and one.get("reauthenticated") and one.get("at", 0) > since for one in records
    )


class AddPasskey(AddWebAuthnForm):
    """The form of a new passkey, with words that have their Danish."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name")


class SecondFactor(DefaultMFAAdapter):
    """Secrets of second factors lie encrypted: who reads the database alone makes no codes."""

    def encrypt(self, text: str) -> str:
        """Encrypt with a key of the collector's own file."""
        return _fernet().encrypt(text.encode()).decode("ascii")

    def decrypt(self, encrypted_text: str) -> str:
        """Decrypt what `encrypt` made."""
        return _fernet().decrypt(encrypted_text.encode("ascii")).decode()


def _fernet() -> Fernet:
    secret = HKDF(SHA256(), 32, salt=None, info=b"benchwipe second factors").derive(settings.SECRET_KEY.encode())
    return Fernet(urlsafe_b64encode(secret))
