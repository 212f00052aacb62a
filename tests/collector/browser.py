"""A real Chromium that opens the collector's pages, spoken to by the DevTools protocol."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from django.core.wsgi import get_wsgi_application
from django.db import connections
from websockets.sync.client import connect

from tests.collector.conftest import wait_for
from tests.collector.house import House
from tests.patience import PROGRAM_S

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine")


class Quiet(WSGIRequestHandler):
    """A handler that says nothing."""

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


class Server(ThreadingMixIn, WSGIServer):
    """A thread for each request, as a browser keeps connections open."""

    daemon_threads = True

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Let the database go with the request's thread."""
        try:
            super().finish_request(request, client_address)
        finally:
            connections.close_all()


class Tab:
    """One tab of the browser, spoken to by the DevTools protocol."""

    def __init__(self, url: str) -> None:
        self.wire = connect(url, max_size=None)
        self.number = 0

    def do(self, method: str, **told: Any) -> dict[str, Any]:  # noqa: ANN401
        self.number += 1
        self.wire.send(json.dumps({"id": self.number, "method": method, "params": told}))
        while True:
            answer = json.loads(self.wire.recv(timeout=PROGRAM_S))
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                found: dict[str, Any] = answer["result"]
                return found

    def run(self, script: str) -> Any:  # noqa: ANN401
        found = self.do("Runtime.evaluate", expression=script, userGesture=True, returnByValue=True)
        return found["result"].get("value")

    def open(self, address: str) -> None:
        self.do("Page.navigate", url=address)
        self.at(re.sub(r"\?.*", "", re.sub(r"^https?://[^/]+", "", address)))

    def at(self, path: str) -> None:
        ready = f"location.pathname === {path!r} && document.readyState === 'complete'"
        wait_for(
            lambda: self.run(ready), PROGRAM_S, f"the browser is at {path}, not at {self.run('location.pathname')}"
        )


@pytest.fixture
def site(house: House) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, get_wsgi_application(), server_class=Server, handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    assert BROWSER is not None
    words = [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
    words += [f"--user-data-dir={tmp_path}/profile", "--no-first-run", "about:blank"]
    browser = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    told = tmp_path / "profile" / "DevToolsActivePort"
    try:
        wait_for(lambda: told.exists() and told.read_text().count("\n"), PROGRAM_S, "chromium listens")
        with urllib.request.urlopen(f"http://127.0.0.1:{told.read_text().splitlines()[0]}/json", timeout=10) as answer:
            pages = [one for one in json.load(answer) if one["type"] == "page"]
        yield Tab(pages[0]["webSocketDebuggerUrl"])
    finally:
        browser.kill()
        browser.wait()
