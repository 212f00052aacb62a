"""The search follows the intake: no receipt waits for it, and nothing that is stored stays out of it."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection
from django.db.utils import OperationalError

from agent.certificates.certificate import Certificate
from collector.certificates import listening, search_follow, search_index
from collector.certificates.models import Found
from collector.certificates.queries import Search, certificates
from collector.certificates.search_follow import CHUNK, Follower
from collector.cli import main
from collector.intake import taking
from collector.intake.judge import Delivery, judge
from collector.intake.keeping import keep
from collector.intake.models import Certificate as Row
from collector.intake.signing import Signer
from collector.intake.taking import FAR_BEHIND, Intake
from tests.collector.certificates.test_search import KEY, PUBLIC, one
from tests.collector.conftest import wait_for
from tests.collector.house import House, enrolled_by
from tests.collector.test_budget import Message


def store(*some: Certificate) -> None:
    book = enrolled_by("bench-01", KEY)
    kept = keep([judge(Delivery("t", "bench-01", c.id, c.compact), lambda _: PUBLIC) for c in some], book)
    assert {one.result for one in kept} == {"stored"}


def found(house: House, q: str) -> list[int]:
    sight = house.person("team_lead").sight()
    return sorted(row.sequence for row in certificates(sight, Search(q=q)).rows)


def through(follower: Follower) -> int:
    """Let it go through all; in how many steps."""
    steps = 1
    while follower.step():
        steps += 1
        assert steps < 100
    return steps


def forget(*sequences: int) -> None:
    """Take certificates out of the search, as a backup of a table alone would."""
    rows = Found.objects.filter(certificate__sequence__in=sequences)
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for row in rows:
                told = search_index._trigrams(row.customer_id, row.operator, row.lot, row.text)
                cursor.execute(search_index.DELETE_TRIGRAMS, [row.pk, told])
    rows.delete()


def test_what_was_stored_is_found_after_a_step_and_its_bytes_are_not_read_again(
    each_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = Follower()
    monkeypatch.setattr(listening, "FOLLOWER", follower)
    store(one(1, "QRS-1"), one(2, "QRS-2"))
    assert found(each_house, "qrs") == []
    assert search_follow.is_behind()
    monkeypatch.setattr(Follower, "_bytes", lambda *_: pytest.fail("the bytes were read again"))
    through(follower)
    assert (found(each_house, "qrs"), search_follow.is_behind()) == ([1, 2], False)
    store(one(3, "QRS-3"))
    assert through(follower) == 1
    assert found(each_house, "rs-3") == [3]


def test_holes_and_moved_customers_of_a_foreign_database_are_mended_at_the_start(each_house: House) -> None:
    store(*(one(n, f"QRS-{n:03d}") for n in range(1, 2 * CHUNK + 6)))
    search_follow.catch_up()
    forget(1, 7, 300, 405)
    vejle = each_house.organisation("Vejle", "customer")
    Row.unfiltered.filter(sequence__in=(8, 401)).update(customer=vejle)
    assert found(each_house, "qrs-007") == []
    assert len(search_follow.problems()) == 1
    through(Follower())
    assert search_follow.problems() == []
    assert [found(each_house, f"qrs-{n:03d}") for n in (1, 7, 300, 405)] == [[1], [7], [300], [405]]
    told = sorted(Found.objects.filter(customer=vejle).values_list("certificate__sequence", flat=True))
    assert told == [8, 401]
    own = each_house.person("customer_data", vejle, "v").sight()
    assert sorted(row.sequence for row in certificates(own, Search(q="rs-")).rows) == [8, 401]


def test_an_arrival_that_is_committed_late_is_found_on_postgresql(each_house: House) -> None:
    """There a lower number may be seen after a higher one; SQLite has one writer."""
    follower = Follower()
    store(one(1, "QRS-1"), one(2, "QRS-2"))
    through(follower)
    forget(1)
    store(one(3, "QRS-3"))
    through(follower)
    assert found(each_house, "qrs") == ([2, 3] if connection.vendor == "sqlite" else [1, 2, 3])


def test_progress_is_said_while_a_large_database_is_gone_through(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store(*(one(n) for n in range(1, 12)))
    monkeypatch.setattr(search_follow, "CHUNK", 4)
    monkeypatch.setattr(search_follow, "SAID_EACH", 4)
    with caplog.at_level(logging.INFO, logger="collector"):
        search_follow.catch_up()
    told = [line.getMessage() for line in caplog.records]
    assert told == ["search: 4 certificates were added", "search: 8 certificates were added",
                    "search: it is complete; 11 certificates were added"]  # fmt: skip


@pytest.fixture
def running(house: House) -> Iterator[tuple[Intake, list[str]]]:
    """An intake that runs, the receipts that it sent, and a follower of its own."""
    receipts: list[str] = []
    enrolled_by("bench-01", KEY)

    def publish(topic: str, _payload: bytes) -> bool:
        receipts.append(topic.rpartition("/")[2])
        return True

    intake = Intake(publish, Signer(Ed25519PrivateKey.generate()), prepare=lambda: None)
    intake.start()
    yield intake, receipts
    intake.stop(10)


def message(certificate: Certificate) -> Any:  # noqa: ANN401 - as the link hands it over
    return Message(f"er/1/bench-01/cert/{certificate.id}", certificate.compact)


@pytest.mark.parametrize("defect", [OperationalError("disk I/O error"), ValueError("a defect")])
def test_no_receipt_waits_for_a_search_that_cannot_be_written(
    house: House,
    running: tuple[Intake, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    defect: Exception,
) -> None:
    intake, receipts = running
    intake._spare_delay = 0.05
    whole = Follower.step

    def broken(_: Follower) -> int:
        raise defect

    monkeypatch.setattr(taking, "SPARE_RETRY_S", (0.05, 0.1))
    monkeypatch.setattr(Follower, "step", broken)
    monkeypatch.setattr(listening, "FOLLOWER", Follower())
    first, second = one(1, "QRS-1"), one(2, "QRS-2")
    for certificate in (first, second):
        intake.put(message(certificate))
    wait_for(lambda: {first.id, second.id} <= set(receipts), 20, "both receipts")
    assert found(house, "qrs") == []
    monkeypatch.setattr(Follower, "step", whole)
    wait_for(lambda: found(house, "qrs") == [1, 2], 20, "the search has both")


def test_a_flood_leaves_the_search_a_bounded_way_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """While certificates wait nothing is written for it, until it is far behind; then a little each time."""
    asked: list[object] = []

    def send(sender: object) -> list[tuple[object, int]]:
        asked.append(sender)
        return [(None, 5)]

    monkeypatch.setattr(taking.moment_to_spare, "send", send)
    intake = Intake(lambda *_: True, Signer(KEY), prepare=lambda: None)
    spare: Callable[[], None] = intake._spare_a_moment
    intake._waiting.put_nowait(message(one(1)))
    for behind, times in ((1, 0), (FAR_BEHIND - 1, 0), (FAR_BEHIND, 1)):
        intake._behind = behind
        spare()
        assert len(asked) == times
    intake._waiting.get_nowait()
    spare()
    assert (len(asked), intake._behind) == (2, 5)


def test_the_list_says_what_no_search_finds_yet(house: House) -> None:
    client = house.client("team_lead")
    store(one(1, "QRS-1"))
    body = client.get("/certificates", {"q": "qrs"}).content.decode()
    assert "The newest certificates are not in the search yet" in body
    search_follow.catch_up()
    assert "not in the search yet" not in client.get("/certificates", {"q": "qrs"}).content.decode()


def test_an_export_holds_what_was_stored_before_it(house: House) -> None:
    client = house.client("team_lead")
    store(one(1, "QRS-1"), one(2, "QRS-2"))
    body = client.get("/certificates/export/jsonl", {"q": "qrs"}).getvalue().decode()
    assert len(body.splitlines()) == 2
    assert hashlib.sha256(one(1, "QRS-1").compact).hexdigest() in body


def test_an_intake_that_starts_completes_what_it_finds_before_anything_comes_in(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(*(one(n, f"QRS-{n}") for n in range(1, 4)))
    assert found(house, "qrs") == []
    monkeypatch.setattr(listening, "FOLLOWER", Follower())
    intake = Intake(lambda *_: True, Signer(KEY), prepare=lambda: None)
    intake.start()
    try:
        wait_for(lambda: found(house, "qrs") == [1, 2, 3], 20, "the search has all")
    finally:
        intake.stop(10)


def test_check_says_what_is_missing_and_migrate_adds_it(house: House) -> None:
    store(one(1, "QRS-1"), one(2, "QRS-2"))
    config = ["--config", str(house.folder / "c.toml")]
    told = CliRunner().invoke(main, ["check", *config])
    assert (told.exit_code, "2 certificates are not in the search yet" in told.output) == (1, True)
    done = CliRunner().invoke(main, ["migrate", *config])
    assert done.exit_code == 0, done.output
    assert found(house, "qrs") == [1, 2]
    assert "not in the search" not in CliRunner().invoke(main, ["check", *config]).output
