"""The public check's script in a real browser, under a strict policy: chosen and dropped files, in the page's words."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from html import escape, unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from collector.certificates.check_words import attributes
from tests.collector.certificates.samples import HEADER, KID, OTHER, PAYLOAD, attested, erased, forge
from tests.collector.certificates.test_browser_check import JWK, STATIC
from tests.patience import PROGRAM_S

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
WORDS = " ".join(f'{name}="{escape(word)}"' for name, word in attributes("da").items())
POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'"
PAGE = """<!doctype html><title>Kontrol</title>
<section data-check="/check/keys/{kid}" @WORDS@>
  <form method="post" enctype="multipart/form-data"><input type="file" name="file"></form>
  <div data-result hidden><span data-shape></span><strong data-word></strong><p data-problem></p>
  <i data-fact="number"></i><i data-fact="claim"></i><i data-fact="serial"></i><i data-fact="station"></i>
  <i data-fact="date"></i><i data-fact="kid"></i><i data-fact="enrolled"></i><i data-fact="id"></i></div>
  <p data-cannot hidden></p>
</section>
<pre id="told"></pre>
<script type="module" src="/static/check.js"></script>
<script type="module" src="/drive.js"></script>
"""
DRIVE = """
const told = [];
document.addEventListener("securitypolicyviolation", (event) => told.push({ violation: event.violatedDirective }));
const root = document.querySelector("[data-check]");
const result = root.querySelector("[data-result]");
const input = root.querySelector("input");
// The browser's clock is virtual: only what it asks of the server lets real time pass for the work of other threads.
const pass = async (times, so) => { for (let n = 0; n < times && so(); n += 1) await (await fetch("/files")).text(); };
await pass(100, () => true);
for (const [name, how] of await (await fetch("/files")).json()) {
  const file = new File([await (await fetch(`/files/${name}`)).arrayBuffer()], name);
  const carried = new DataTransfer();
  carried.items.add(file);
  result.hidden = true;
  if (how === "chosen") {
    input.files = carried.files;
    input.dispatchEvent(new Event("change"));
  } else {
    root.dispatchEvent(new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true }));
  }
  await pass(3000, () => result.hidden);
  const places = [...result.querySelectorAll("[data-fact]")];
  const facts = Object.fromEntries(places.map((place) => [place.dataset.fact, place.textContent]));
  const said = ["shape", "word", "problem"].map((part) => result.querySelector(`[data-${part}]`).textContent);
  told.push({ name, verdict: result.dataset.verdict, said, facts, hidden: result.hidden });
}
document.querySelector("#told").textContent = JSON.stringify(told);
"""
GENUINE, PHONE = erased(), attested()
CHANGED = bytearray(GENUINE.compact)
CHANGED[-10] ^= 1
FILES: dict[str, tuple[bytes, str]] = {
    "genuine": (GENUINE.compact + b"\n", "chosen"),
    "phone": (PHONE.compact, "dropped"),
    "changed": (bytes(CHANGED), "dropped"),
    "stranger": (forge({**HEADER, "kid": "x" * 43}, PAYLOAD, OTHER), "chosen"),
    "picture": (b"\x89PNG\r\n" * 100, "dropped"),
    "film": (b"\x00" * (3 << 20), "chosen"),
}

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine")


class Site(BaseHTTPRequestHandler):
    """The page, its scripts, the keys by name, and the files to try; it takes down what it was asked for."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        kind, data = self._find()
        self.send_response(200 if data is not None else 404)
        self.send_header("content-type", kind)
        self.send_header("content-security-policy", POLICY)
        self.end_headers()
        self.wfile.write(data or b"")

    def _find(self) -> tuple[str, bytes | None]:
        path = self.path
        if path == "/check":
            return "text/html; charset=utf-8", PAGE.replace("@WORDS@", WORDS).encode()
        if path == "/drive.js":
            return "text/javascript", DRIVE.encode()
        if path.startswith("/static/"):
            return "text/javascript", (STATIC / path.removeprefix("/static/")).read_bytes()
        if path == f"/check/keys/{KID}":
            return "application/json", json.dumps(JWK).encode()
        if path == "/files":
            return "application/json", json.dumps([[name, how] for name, (_, how) in FILES.items()]).encode()
        if path.startswith("/files/"):
            return "application/octet-stream", FILES[path.removeprefix("/files/")][0]
        return "text/plain", None

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site() -> Iterator[ThreadingHTTPServer]:
    Site.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_each_file_gets_its_word_its_shape_and_its_facts_and_nothing_of_it_is_sent(
    site: ThreadingHTTPServer, tmp_path: Path
) -> None:
    assert BROWSER is not None
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}",
        "--virtual-time-budget=60000",
    ]
    address = f"http://localhost:{site.server_address[1]}/check"
    done = subprocess.run(
        [BROWSER, *options, "--dump-dom", address], capture_output=True, text=True, timeout=PROGRAM_S, check=True
    )
    found = re.search(r'<pre id="told">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found is not None
    answers = json.loads(unescape(found[1]))
    assert [answer for answer in answers if "violation" in answer] == []
    told = {answer["name"]: answer for answer in answers}
    assert told.keys() == FILES.keys()
    assert not any(answer["hidden"] for answer in told.values())
    assert told["genuine"]["said"] == ["●", "Holder", ""]
    assert told["genuine"]["facts"] == {
        "number": "bench-01-000001",
        "claim": "Slettet",
        "serial": "S00000001",
        "station": "bench-01",
        "date": "2026-11-22T20:00:00Z",
        "kid": KID,
        "enrolled": "2026-11-01T00:00:00Z",
        "id": GENUINE.id,
    }
    assert told["phone"]["facts"]["claim"] == "Attesteret, ikke målt"
    assert told["changed"]["said"] == ["≠", "Holder ikke", "Underskriften passer ikke til indholdet."]
    assert told["stranger"]["said"][:2] == ["?", "Ukendt nøgle"]
    assert [told[name]["verdict"] for name in ("picture", "film")] == ["no_certificate"] * 2
    for name in ("changed", "stranger", "picture", "film"):
        assert told[name]["facts"]["claim"] == told[name]["facts"]["serial"] == ""
    sent = [
        path
        for path in Site.asked
        if not path.startswith(("/files", "/static/", "/drive.js", "/favicon", "/check/keys/"))
    ]
    assert sent == ["/check"]
    assert {path for path in Site.asked if path.startswith("/check/keys/")} == {
        f"/check/keys/{KID}",
        f"/check/keys/{'x' * 43}",
    }
