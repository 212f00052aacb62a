"""What of django-allauth is reached: signing in and out, one's password, second factor and passkeys. Each by name.

Nobody signs up, and nobody proves an address: people are invited; for who is locked out an administrator makes a link.
"""

from __future__ import annotations

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as keys
from django.urls import path

from collector.parties import oidc_views

urlpatterns = [
    path("login/", account.login, name="account_login"),
    path("logout/", account.logout, name="account_logout"),
    path("inactive/", account.account_inactive, name="account_inactive"),
    path("reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("password/change/", account.password_change, name="account_change_password"),
    path("password/set/", account.password_set, name="account_set_password"),
    path("oidc/<str:provider>/begin", oidc_views.begin),
    path("oidc/<str:provider>/again", oidc_views.again),
    path("oidc/<str:provider>/callback", oidc_views.callback),
    path("2fa/", mfa.index, name="mfa_index"),
    path("2fa/authenticate/", mfa.authenticate, name="mfa_authenticate"),
    path("2fa/reauthenticate/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("2fa/totp/activate/", totp.activate_totp, name="mfa_activate_totp"),
    path("2fa/totp/deactivate/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("2fa/codes/", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("2fa/codes/generate/", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("2fa/codes/download/", codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("2fa/passkeys/", keys.list_webauthn, name="mfa_list_webauthn"),
    path("2fa/passkeys/add/", keys.add_webauthn, name="mfa_add_webauthn"),
    path("2fa/passkeys/login/", keys.login_webauthn, name="mfa_login_webauthn"),
    path("2fa/passkeys/reauthenticate/", keys.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("2fa/passkeys/keys/<int:pk>/remove/", keys.remove_webauthn, name="mfa_remove_webauthn"),
    path("2fa/passkeys/keys/<int:pk>/edit/", keys.edit_webauthn, name="mfa_edit_webauthn"),
]
