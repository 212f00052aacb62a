"""Logs: a record is a line, JSON away from a terminal; nothing in it steers, hides or gives a secret away."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import logs
from tests.collector.conftest import Collector
from tests.collector.house import House
from tests.patience import PROGRAM_S

NASTY = "a\x1b[2J\x1b]0;title\x07\r\nERROR forged\x9b31m\u202egnp.exe\u200b\x00\ud800"
STEERS = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
SECRETS = {
    "GET /welcome/9zX-secret_token": "9zX-secret_token",
    "404 at /tasks/9zX-secret_token/file": "9zX-secret_token",
    "Authorization: Bearer bwc_abc-DEF": "abc-DEF",
    "a token bwc_abcDEF in a text": "abcDEF",
    'connection to "postgresql://bench:hunter22@db/x" failed': "hunter22",
    "password=hunter22 host=db": "hunter22",
    "{'password': 'hunter 22', 'login': 'ida'}": "hunter",
    "client_secret: hunter22": "hunter22",
}


def line(message: str, form: logging.Formatter, error: BaseException | None = None) -> str:
    info = None if error is None else (type(error), error, error.__traceback__)
    return form.format(logging.LogRecord("collector.x", logging.ERROR, __file__, 1, message, None, info))


@pytest.mark.parametrize("form", [logs.Text(logs.FORMAT), logs.Json("web")], ids=["text", "json"])
def test_nothing_steers_a_terminal_or_forges_a_line(form: logging.Formatter) -> None:
    told = line(NASTY, form)
    assert told.isprintable()
    assert "\\u001b" in told
    assert "\\u202e" in told


@pytest.mark.parametrize("form", [logs.Text(logs.FORMAT), logs.Json("web")], ids=["text", "json"])
@pytest.mark.parametrize("message", SECRETS)
def test_a_secret_is_not_written(form: logging.Formatter, message: str) -> None:
    try:
        raise RuntimeError(message)
    except RuntimeError as error:
        told = line(message, form, error)
    assert SECRETS[message] not in told
    assert "RuntimeError" in told


def test_a_json_line_is_a_document_with_its_traceback() -> None:
    try:
        raise RuntimeError("first\nsecond \x1b[31m")
    except RuntimeError as error:
        told = line("it broke", logs.Json("intake"), error)
    assert "\n" not in told
    found = json.loads(told)
    assert (found["level"], found["part"], found["logger"], found["message"]) == (
        "error", "intake", "collector.x", "it broke",
    )  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found["at"])
    assert "RuntimeError: first\nsecond \\u001b[31m" in found["traceback"]


@given(st.text())
def test_whatever_a_message_holds_it_stays_one_line(text: str) -> None:
    for told in (line(text, logs.Text(logs.FORMAT)), json.loads(line(text, logs.Json("web")))["message"]):
        assert not [one for one in told if unicodedata.category(one) in STEERS]


def test_a_line_has_an_end() -> None:
    assert len(line("x" * 1_000_000, logs.Json("web"))) < logs.LONGEST + 500


PROGRAM = (
    "import logging, sys\nfrom collector import logs\nlogs.begin(sys.argv[1], 'web')\n"
    "logging.getLogger('x').warning('it \\x1b[2J is so')\n"
)


FORMS = [("auto", False, True), ("auto", True, False), ("text", False, False), ("json", True, True)]


@pytest.mark.parametrize(("form", "terminal", "is_json"), FORMS)
def test_lines_are_for_people_on_a_terminal_and_for_programs_elsewhere(
    form: str, terminal: bool, is_json: bool
) -> None:
    command = [sys.executable, "-c", PROGRAM, form]
    if not terminal:
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PROGRAM_S).stderr
    else:
        ours, theirs = pty.openpty()
        subprocess.run(command, stderr=theirs, check=True, timeout=PROGRAM_S)
        os.close(theirs)
        told = os.read(ours, 4096).decode()
        os.close(ours)
    assert told.startswith("{") is is_json
    assert "it \\" in told
    assert "\x1b" not in told


def test_a_running_collector_writes_json_and_names_its_parts(collector: Collector) -> None:
    documents = [json.loads(one) for one in collector.log.splitlines() if one.startswith("{")]
    assert {"intake", "web", "worker"} <= {one["part"] for one in documents}
    assert not [one for one in collector.log.splitlines() if not one.startswith("{")]
    name = "x\x1b[31m\u202e.example"
    answer = collector.get("/check", headers={"Host": name.encode()})
    assert answer.status_code == 400
    assert collector.log.isprintable() or all(one.isprintable() for one in collector.log.splitlines())
    assert "\x1b" not in collector.log


def test_a_defect_at_a_secret_address_is_written_without_it(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from collector.parties import links

    def broken(_token: str) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(links, "find", broken)
    assert house.stranger().get("/welcome/9zX-secret_token").status_code == 500
    records = [record for record in caplog.records if record.exc_info]
    assert records
    for record in records:
        assert "9zX-secret_token" not in logs.Json("web").format(record)


def test_pages_show_what_cannot_be_seen(house: House) -> None:
    """What a stranger sent is on no page as it was: the check's answer names the file by its escapes."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    file = SimpleUploadedFile("\u202egnp.exe\u200b.jws", b"x")
    page = house.stranger().post("/check", {"file": file}).text
    assert "\u202e" not in page
    assert "\u200b" not in page
    assert Path(file.name or "").name
