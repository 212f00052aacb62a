"""The worker carries messages out: signed, at least once, for a day; whoever hangs or fails holds nobody else up."""

from __future__ import annotations

import email
import os
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from email.policy import default
from pathlib import Path

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from collector.background import services as background
from collector.background.kinds import KINDS, Kind
from collector.moments import now
from collector.notices import rules, sending, services
from collector.notices.models import DELIVERED, GIVEN_UP, SENDING, WAITING, Delivery, Destination
from collector.notices.posting import Outcome
from tests.collector.conftest import wait_for
from tests.collector.house import House
from tests.collector.notices.receivers import Authority, Receiver, http, smtp
from tests.collector.notices.world import ACTOR, World, over, tried
from tests.patience import SOON_S


@pytest.fixture
def world(house: House) -> World:
    return World(house)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with http() as one:
        yield one


def due_now() -> None:
    """Let the clock be later: what waits is due."""
    Delivery.objects.filter(state=WAITING).update(due_at=now())


def test_a_webhook_is_signed_as_the_reference_library_checks_it(world: World, receiver: Receiver) -> None:
    secret = world.webhook("hook", receiver.url("/take?token=æ".replace("æ", "x")))
    world.alarm(text="Dock “A” svarer ikke: æøå.")
    with world.worker():
        over()
    ((path, headers, body),) = receiver.came
    assert path == "/take?token=x"
    told = Webhook(secret).verify(body, headers)
    assert told["data"]["text"] == "Dock “A” svarer ikke: æøå."
    assert headers["webhook-id"] == Delivery.objects.get().pk
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 300
    for changed in (body + b" ", body.replace(b"bench-01", b"bench-02")):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(changed, headers)
    assert secret not in world.log
    assert "token" not in world.log


def test_what_fails_is_tried_for_a_day_under_one_id_then_given_up_and_sent_again_by_hand(
    world: World, receiver: Receiver
) -> None:
    receiver.status = 500
    secret = world.webhook("hook", receiver.url())
    world.alarm()
    with world.worker():
        (delivery,) = wait_for(lambda: list(Delivery.objects.all()))
        for number in range(1, len(rules.PAUSES_S) + 1):
            tried(delivery, number)
            assert delivery.state == WAITING
            assert delivery.due_at - now() > timedelta(seconds=rules.PAUSES_S[number - 1] - SOON_S)
            due_now()
        over(state=GIVEN_UP)
        assert "is given up: it answered 500" in world.log
        ids = {headers["webhook-id"] for _, headers, _ in receiver.came}
        bodies = {body for *_, body in receiver.came}
        assert (len(receiver.came), len(ids), len(bodies)) == (len(rules.PAUSES_S) + 1, 1, 1)
        receiver.status = 200
        services.replay(ACTOR, delivery.pk)
        over()
    assert Webhook(secret).verify(receiver.came[-1][2], receiver.came[-1][1])
    assert receiver.came[-1][1]["webhook-id"] == delivery.pk
    delivery.refresh_from_db()
    assert (delivery.tries, delivery.replayed) == (1, 1)


def test_destinations_that_hang_drip_and_close_hold_nobody_up(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "test.write", Kind("test.write", lambda _work: None, 60, 3, frozenset()))
    for number in range(6):
        for how in ("hang", "drip", "close"):
            world.webhook(f"{how}{number}", receiver.url(f"/{how}"))
    Destination.objects.update(failing=True)
    world.webhook("good", receiver.url("/good"))
    world.alarm()
    with world.worker(quick=True):
        good = Delivery.objects.filter(destination__name="good", state=DELIVERED)
        wait_for(good.exists, what="the good one got it while the others hang")
        assert Delivery.objects.filter(state=SENDING).exists()
        world.alarm("disk")
        wait_for(lambda: good.count() == 2, what="and the next one, too")
        for how, told in (("hang", "it did not answer within 1 s"), ("drip", "it was not over within 3 s")):
            met = Delivery.objects.filter(destination__name__startswith=how, outcome=told)
            wait_for(met.exists, what=f"whoever {how}s meets a deadline")
        asked = background.ask("test.write", {"text": "x"}, None)
        wait_for(lambda: type(asked).objects.get(pk=asked.pk).state == "done", what="other work is done meanwhile")


@pytest.mark.parametrize("path", ["/redirect", "/close"])
def test_what_is_no_answer_is_a_failure_with_its_reason(world: World, receiver: Receiver, path: str) -> None:
    world.webhook("hook", receiver.url(path))
    world.alarm()
    with world.worker():
        delivery = tried(wait_for(Delivery.objects.first), 1)
    told = {"/redirect": "it answered 302: redirects are not followed", "/close": "RemoteDisconnected"}[path]
    assert told in delivery.outcome
    assert [path for path, *_ in receiver.came] == [path]


def test_whoever_asks_to_wait_is_waited_for_and_whoever_is_gone_is_paused(world: World, receiver: Receiver) -> None:
    world.webhook("busy", receiver.url("/retry"))
    world.alarm()
    with world.worker():
        delivery = tried(wait_for(Delivery.objects.first), 1)
        assert delivery.due_at - now() > timedelta(seconds=900 - SOON_S)
        receiver.status = 410
        world.webhook("gone", receiver.url("/gone"))
        world.alarm("disk")
        over(state=GIVEN_UP)
    gone = Destination.objects.get(name="gone")
    assert gone.paused_at is not None
    assert "it wants no more" in gone.paused_why


def test_a_worker_that_is_killed_after_sending_sends_again_under_the_same_id(world: World, receiver: Receiver) -> None:
    """kill -9 between the commit of the notice and that of the delivery: at least once, and a receiver knows it."""
    world.webhook("hook", receiver.url("/hang"))
    world.alarm()
    with world.worker() as worker:
        wait_for(lambda: receiver.came, what="it is being sent")
        os.killpg(worker.pid, signal.SIGKILL)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.tries) == (SENDING, 1)
    receiver.letting.set()
    Delivery.objects.update(held_until=now() - timedelta(seconds=1))
    with world.worker():
        wait_for(lambda: Delivery.objects.exclude(state=SENDING).exists())
        due_now()
        wait_for(lambda: len(receiver.came) >= 2, what="it is sent again")
    first, second = receiver.came[:2]
    assert first[1]["webhook-id"] == second[1]["webhook-id"] == delivery.pk
    assert first[2] == second[2]


def test_a_worker_that_is_killed_before_it_gathers_loses_nothing(world: World, receiver: Receiver) -> None:
    world.webhook("hook", receiver.url())
    with world.worker() as worker:
        wait_for(lambda: "background work of" in world.log)
        os.killpg(worker.pid, signal.SIGKILL)
    world.alarm()
    with world.worker():
        over()
    assert len(receiver.came) == 1


def test_a_worker_that_is_ended_leaves_no_process_and_no_lost_message(world: World, receiver: Receiver) -> None:
    world.webhook("hook", receiver.url("/hang"))
    world.alarm()
    with world.worker() as worker:
        wait_for(lambda: receiver.came)
        worker.terminate()
        assert worker.wait(SOON_S) == 0
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.tries) == (WAITING, 0)


def test_a_clock_that_was_set_back_holds_no_message_up(world: World, receiver: Receiver) -> None:
    world.webhook("hook", receiver.url())
    world.webhook("held", receiver.url())
    world.alarm()
    from collector.notices import gathering

    gathering.gather()
    Delivery.objects.filter(destination__name="hook").update(due_at=now() + timedelta(days=3))
    Delivery.objects.filter(destination__name="held").update(
        state=SENDING, tries=1, held_until=now() + timedelta(days=3)
    )
    with world.worker():
        over()
        wait_for(lambda: Delivery.objects.get(destination__name="held").state == WAITING)
        due_now()
        over(2)


def test_a_late_try_changes_nothing(world: World, receiver: Receiver) -> None:
    world.webhook("hook", receiver.url())
    delivery = services.test(ACTOR, "hook")
    assert sending.take(delivery)
    assert not sending.take(Delivery.objects.get())
    late = Delivery.objects.select_related("destination").get()
    Delivery.objects.update(held_until=now() - timedelta(seconds=1))
    sending.recover()
    sending.note(late, Outcome(True, "it answered 200"))
    assert Delivery.objects.get().state == WAITING


def test_over_https_the_certificate_is_looked_at(house: House, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with http(authority.context()) as receiver:
        url = receiver.url().replace("http:", "https:")
        world = World(house)
        world.webhook("hook", url)
        world.alarm()
        with world.worker():
            stranger = tried(wait_for(Delivery.objects.first), 1)
        assert "its certificate does not hold" in stranger.outcome
        assert receiver.came == []
        world = World(house, f'ca = "{authority.certificate}"')
        due_now()
        with world.worker():
            over()


MAIL = """
[mail]
host = "127.0.0.1"
port = {port}
username = "benchwipe"
password_file = "mail.password"
sender = "Benchwipe <alarms@example.dk>"
ca = "{ca}"
"""


def test_a_mail_goes_out_by_starttls_with_a_login_and_comes_again_with_its_own_id(house: House, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    (house.folder / "mail.password").write_text("a secret of mails\n")
    (house.folder / "mail.password").chmod(0o600)
    with smtp(authority) as box:
        box.refuses = 1
        world = World(house, MAIL.format(port=box.port, ca=authority.certificate))
        world.mail(language="da")
        world.alarm(text="Dock\r\nBcc: all@example.dk\r\n\r\nsvarer ikke: æøå")
        with world.worker():
            delivery = tried(wait_for(Delivery.objects.first), 1)
            assert delivery.outcome == "the mail server said 451 4.3.0 not now\\u0009please"
            due_now()
            over()
    assert set(box.logins) == {(b"benchwipe", b"a secret of mails")}
    assert box.to == [["ops@example.dk"]]
    mail = email.message_from_bytes(box.came[0], policy=default)
    assert mail["Subject"] == "benchwipe: ny alarm: bench-01, BW-D04"
    assert mail["Message-ID"] == f"<{delivery.pk}@example.dk>"
    assert (mail["To"], mail["Bcc"], mail["Auto-Submitted"]) == ("ops@example.dk", None, "auto-generated")
    body = mail.get_content()
    assert "svarer ikke: æøå" in body
    assert "\nBcc:" not in body
    assert "a secret of mails" not in world.log


def test_a_mail_server_whose_certificate_does_not_hold_is_given_no_password(house: House, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    (house.folder / "mail.password").write_text("x")
    (house.folder / "mail.password").chmod(0o600)
    with smtp(authority) as box:
        more = MAIL.format(port=box.port, ca=authority.certificate)
        world = World(house, more.replace(f'ca = "{authority.certificate}"\n', ""))
        world.mail()
        world.alarm()
        with world.worker():
            delivery = tried(wait_for(Delivery.objects.first), 1)
    assert "CERTIFICATE_VERIFY_FAILED" in delivery.outcome
    assert (box.logins, box.came) == ([], [])
