"""A passkey in a real Chromium, with the browser's own virtual authenticator: kept on our page, and signed in with."""

from __future__ import annotations

from django.core.cache import cache

from tests.collector.browser import Tab, needs_browser, site, tab
from tests.collector.house import PASSWORD, House

__all__ = ["site", "tab"]
pytestmark = needs_browser


def test_a_passkey_is_kept_and_signs_in_in_a_real_browser(house: House, site: str, tab: Tab) -> None:
    cache.clear()
    person = house.person("team_lead")
    person.set_password(PASSWORD)
    person.save()
    tab.do("Page.enable")
    tab.do("WebAuthn.enable")
    key = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    tab.do("WebAuthn.addVirtualAuthenticator", options={**key, "isUserVerified": True})
    tab.open(f"{site}/account/login/")
    tab.run(f"document.querySelector('[name=login]').value = 'team_lead'; "
            f"document.querySelector('[name=password]').value = {PASSWORD!r}; "
            "document.querySelector('form.card').submit()")  # fmt: skip
    tab.at("/today")
    tab.do("Page.navigate", url=f"{site}/account/2fa/passkeys/add/")
    tab.at("/account/reauthenticate/")
    tab.run(f"document.querySelector('[name=password]').value = {PASSWORD!r}; "
            "document.querySelector('[name=password]').form.submit()")  # fmt: skip
    tab.at("/account/2fa/passkeys/add/")
    tab.run("document.querySelector('[name=passwordless]').checked = true; "
            "document.querySelector('#mfa_webauthn_add').click()")  # fmt: skip
    tab.at("/account/2fa/codes/")
    tab.do("Network.clearBrowserCookies")
    tab.open(f"{site}/account/login/")
    tab.run("document.querySelector('#passkey_login').click()")
    tab.at("/today")
    assert tab.run("document.querySelector('header .out a').textContent") == "Team_Lead"
