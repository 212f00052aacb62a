"""What django-allauth asks of us: nobody makes an account for themselves."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """People are invited, or made by an administrator."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def clean_username(self, username: str, shallow: bool = False) -> Any:  # noqa: ANN401
        """Write logins in small letters, as they are kept."""
        return super().clean_username(username.lower(), shallow)
