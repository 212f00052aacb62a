"""Destinations on pages and on the command line: added, tried, paused, replayed, removed; and no secret shown twice."""

from __future__ import annotations

import json
import re
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.test import Client
from standardwebhooks import Webhook

from collector.fleet.sources import SOURCES
from collector.moments import now
from collector.notices import queries, services, signing
from collector.notices.models import DELIVERED, GIVEN_UP, WAITING, Delivery, Destination
from collector.parties.models import AuditEntry
from tests.collector.house import House
from tests.collector.notices.world import ACTOR, World

FORM = {"name": "on-call", "kind": "webhook", "severity": "warning", "stations": "", "language": "en"}
TOKEN = "T0KEN-in-the-path"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/]{43}=")


@pytest.fixture
def world(house: House) -> World:
    return World(house)


def add(client: Client, **more: str) -> Any:  # noqa: ANN401
    return client.post("/notices", {**FORM, "address": f"https://1.1.1.1/{TOKEN}", **more})


def test_a_webhooks_secret_and_path_are_shown_once_and_kept_sealed(world: World) -> None:
    client = world.house.client("administrator")
    made = add(client)
    (secret,) = SECRET.findall(made.text)
    assert made.headers["Cache-Control"] == "no-store"
    row = Destination.objects.get()
    assert (row.place, TOKEN in row.sealed, secret in row.sealed) == ("https://1.1.1.1", False, False)
    services.test(ACTOR, "on-call")
    pages = [client.get(address).text for address in ("/notices", "/notices/messages", "/audit", "/")]
    told = json.dumps([queries.destination_facts(one) for one in queries.destinations()])
    trail = json.dumps(list(AuditEntry.objects.values("action", "subject", "detail")))
    raw = world.house.folder.joinpath("c.db").read_bytes()
    for text in (*pages, told, trail, raw.decode("latin-1")):
        assert TOKEN not in text
        assert secret not in text
    assert "notices.added" in trail


@pytest.mark.parametrize(
    "wrong",
    [
        {"address": "https://127.0.0.1/"} | {"allowed": ""}, {"address": "https://169.254.169.254/latest/meta-data"},
        {"address": "https://10.0.0.1/"}, {"address": "http://1.1.1.1/"}, {"address": "ftp://x/"}, {"name": "a/b"},
        {"name": "a\u202eb"}, {"stations": "bench 01 [x]"}, {"kind": "pigeon"}, {"severity": "all"},
        {"kind": "mail", "address": "a@example.dk, b@example.dk"}, {"kind": "mail", "address": "A <a@example.dk>"},
        {"kind": "mail", "address": "a@example.dk\r\nBcc: b@example.dk"}, {"kind": "mail", "address": "nobody"},
    ],
)  # fmt: skip
def test_what_no_message_may_go_to_is_refused_in_the_form(house: House, wrong: dict[str, str]) -> None:
    answer = add(house.client("administrator"), **wrong)
    assert answer.status_code == 200
    assert "errorlist" in answer.text
    assert not Destination.objects.exists()


def test_a_name_stands_once(world: World) -> None:
    client = world.house.client("administrator")
    add(client)
    assert "there is a destination" in add(client).text
    assert Destination.objects.count() == 1


def test_an_administrator_tries_pauses_replays_and_removes_without_a_script(world: World) -> None:
    client = world.house.client("administrator")
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    assert add(client, kind="mail", address="ops@example.dk").status_code == 302
    row = Destination.objects.get()
    base = f"/notices/{row.pk}"
    assert client.post(f"{base}/test").headers["Location"] == "/notices/messages"
    assert "a test" in client.get("/notices/messages").text
    client.post(f"{base}/pause")
    assert "paused since" in client.get("/notices").text
    assert "is paused" in client.post(f"{base}/test", follow=True).text
    client.post(f"{base}/resume")
    Delivery.objects.update(state=GIVEN_UP, tries=13, tried_at=now(), outcome="the mail server said 451 <b>no</b>")
    page = client.get("/notices/messages?state=given_up").text
    assert "451 &lt;b&gt;no&lt;/b&gt;" in page
    identifier = Delivery.objects.get().pk
    client.post(f"/notices/messages/{identifier}/replay")
    assert (Delivery.objects.get().state, Delivery.objects.get().tries) == (WAITING, 0)
    client.post(f"/notices/messages/{identifier}/replay")
    assert Delivery.objects.get().replayed == 1, "what still waits is not sent anew"
    Delivery.objects.update(state=GIVEN_UP)
    assert "1 message is sent again" in client.post(f"{base}/replay", follow=True).text
    client.post(f"{base}/remove")
    assert not Destination.objects.exists()
    actions = set(AuditEntry.objects.filter(action__startswith="notices.").values_list("action", flat=True))
    done = {"added", "tested", "paused", "resumed", "replayed", "removed"}
    assert actions == {f"notices.{one}" for one in done}


@pytest.mark.parametrize("role", ["team_lead", "technician", "customer_data"])
def test_nobody_else_sees_or_changes_any(world: World, role: str) -> None:
    world.mail()
    row = Destination.objects.get()
    client = world.house.client(role)
    addresses = ["/notices", "/notices/messages", f"/notices/{row.pk}/remove"]
    assert [client.get(one).status_code for one in addresses[:2]] == [403, 403]
    assert client.post(addresses[2]).status_code == 403
    assert add(client).status_code == 403
    assert Destination.objects.count() == 1


def test_many_messages_stand_on_pages_of_fifty(world: World) -> None:
    world.mail()
    to = Destination.objects.get()
    Delivery.objects.bulk_create(
        [Delivery(id=f"msg_{n}", destination=to, body="x", alarms=1, state=DELIVERED) for n in range(1_120)]
    )
    client = world.house.client("administrator")
    assert client.get("/notices/messages").text.count("<code>msg_") == queries.PER_PAGE
    assert client.get("/notices/messages?after=1100").text.count("<code>msg_") == 20
    for odd in ("after=-1", "after=²", "after=99999999999999", "state=x", "to=%00", "to=" + "x" * 3000):
        assert client.get(f"/notices/messages?{odd}").status_code == 200


def test_what_was_given_up_is_said_on_the_page_of_stations(world: World) -> None:
    world.mail()
    services.test(ACTOR, "ops")
    Delivery.objects.update(state=GIVEN_UP)
    SOURCES.notices_given_up = queries.given_up
    try:
        assert "was given up: nobody got it" in world.house.client("administrator").get("/").text
    finally:
        SOURCES.notices_given_up = lambda: 0


def test_the_command_line_does_the_same(world: World) -> None:
    from collector.cli import main

    def run(*words: str, text: str = "", status: int = 0) -> str:
        done = CliRunner().invoke(main, ["notice", *words, "--config", str(world.config)], input=text)
        assert done.exit_code == status, done.output
        assert TOKEN not in done.output
        return done.output

    made = run("add", "hook", "--webhook-file", "-", "--critical", "--station", "kolding-*",
               text=f"https://1.1.1.1/{TOKEN}\n")  # fmt: skip
    assert SECRET.search(made)
    run("add", "ops", "--mail", "ops@example.dk", "--ended", "--language", "en")
    told = json.loads(run("list", "--json"))["destinations"]
    assert [(one["name"], one["severity"], one["stations"], one["ended_too"]) for one in told] == [
        ("hook", "critical", ["kolding-*"], False), ("ops", "warning", [], True),
    ]  # fmt: skip
    assert not SECRET.search(run("list"))
    run("test", "ops")
    run("pause", "ops")
    run("test", "ops", status=2)
    run("resume", "ops")
    Delivery.objects.update(state=GIVEN_UP)
    (message,) = json.loads(run("messages", "--failed", "--json"))["messages"]
    run("replay", message["id"])
    run("replay", message["id"], status=1)
    Delivery.objects.update(state=GIVEN_UP)
    assert "1 message(s)" in run("replay", "--failed", "ops")
    run("replay", status=2)
    run("add", "both", "--mail", "a@example.dk", "--webhook-file", "-", status=2)
    run("add", "bad", "--webhook-file", "-", text="https://10.0.0.1/\n", status=2)
    run("remove", "ops")
    run("remove", "ops", status=2)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('[notices]\nallow = ["10.0.0.1/8"]', "notices.allow[0]"),
        ('[notices]\nallow = ["everything"]', "notices.allow[0]"),
        ('[notices]\nca = "gone.pem"', "notices.ca"),
        ('[mail]\nhost = "x"\nsender = "a@example.dk"\npassword_file = "open"', "mail.password_file"),
    ],
)
def test_a_configuration_that_cannot_be_meant_is_refused(house: House, written: str, said: str) -> None:
    from agent.errors import SettingsError
    from collector.settings import load

    (house.folder / "open").write_text("x")
    (house.folder / "open").chmod(stat.S_IRUSR | stat.S_IROTH)
    (house.folder / "wrong.toml").write_text(written)
    with pytest.raises(SettingsError) as refused:
        load(house.folder / "wrong.toml")
    assert said in str(refused.value.problems)


def test_the_check_in_the_documentation_takes_our_signature_and_no_other() -> None:
    text = (Path(__file__).parents[3] / "docs/notices.md").read_text()
    room: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0], room)
    secret, body, at = signing.new_secret(), b'{"type":"test"}', int(time.time())
    headers = signing.headers(secret, "msg_1", at, body)
    assert room["check"](secret, headers, body)
    assert not room["check"](secret, headers, body + b" ")
    assert not room["check"](signing.new_secret(), headers, body)
    assert not room["check"](secret, signing.headers(secret, "msg_1", at - 301, body), body)
    assert not room["check"](secret, {**headers, "webhook-id": "msg_2"}, body)
    assert Webhook(secret).verify(body, headers)
