"""One round of the SIGKILLs of a collector and all about it; `make prove-collector-kills` goes hundreds."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.collector.conftest import MOSQUITTO
from tests.faults.collector_kills import Tally, account, go_round
from tests.faults.field import VICTIMS, Field

pytestmark = pytest.mark.skipif(
    MOSQUITTO is None or not list(Path("/usr/lib/postgresql").glob("*/bin")),
    reason="needs mosquitto and PostgreSQL: apt-get install mosquitto postgresql",
)


@pytest.fixture
def field() -> Iterator[Field]:
    with Field() as one:
        one.flows()
        yield one


def test_of_what_is_killed_nothing_is_lost_and_nothing_twice_and_the_account_would_see_it(field: Field) -> None:
    tally = Tally()
    go_round(field, VICTIMS[-1], tally, random.Random(3))
    account(field, tally)
    assert tally.clean, tally
    assert tally.made > 0
    with psycopg.connect(field.server.url) as connection:
        connection.execute("SET session_replication_role = replica")  # past the triggers that keep evidence
        connection.execute("DELETE FROM intake_certificatebytes WHERE id = (SELECT min(id) FROM intake_certificate)")
        connection.execute("UPDATE intake_certificate SET sequence = 1, number = 'bench-01-000001'")
    assert len(field.station.answered() - field.stored()) == 1
    assert field.twice() == 2
