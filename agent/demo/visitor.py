"""Somebody at the collector's pages, as a browser: signs in by a one-time link, then reads documents."""

from __future__ import annotations

import http.cookiejar
import json
import re
import urllib.parse
import urllib.request
from typing import Any

PATIENCE_S = 10.0
FORM = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class Visitor:
    """Keeps the session's cookie."""

    def __init__(self) -> None:
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._browser = urllib.request.build_opener(jar)

    def sign_in(self, link: str) -> None:
        """Open the link, and press its button. OSError where it does not sign in."""
        page = self._browser.open(link, timeout=PATIENCE_S).read().decode("utf-8")
        found = FORM.search(page)
        if found is None:
            raise OSError(f"{link} shows no form")
        form = urllib.parse.urlencode({"csrfmiddlewaretoken": found[1]}).encode()
        self._browser.open(link, form, timeout=PATIENCE_S).close()

    def document(self, address: str) -> Any:  # noqa: ANN401 - JSON
        """Read a JSON document."""
        with self._browser.open(address, timeout=PATIENCE_S) as answer:
            return json.load(answer)
