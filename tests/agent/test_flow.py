"""What scans mean, as a table: context and code -> context and what follows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.flow import Action, Assign, Cancel, Context, Say, scan
from agent.settings import Lot, Operator
from tests.agent.engine_rig import settings

BENCH = settings()
IDA = Operator(badge="BADGE-7", id="ida", name="Ida")
LOT_1 = Lot(code="LOT-1", customer="Kolding")
NOTHING = Context()
TAG = Context(asset="KK-0001")
STOPPING = Context(cancelling=True)

TABLE: list[tuple[Context, str, Context, Action]] = [
    (NOTHING, "BADGE-7", Context(operator=IDA), Say("hello", (("name", "Ida"),))),
    (TAG, "BADGE-7", replace(TAG, operator=IDA), Say("hello", (("name", "Ida"),))),
    (NOTHING, "BADGE-8", NOTHING, Say("unknown_badge")),
    (NOTHING, "LOT-1", Context(lot=LOT_1), Say("lot_set", (("lot", "LOT-1"), ("customer", "Kolding")))),
    (NOTHING, "LOT-9", NOTHING, Say("unknown_lot", (("lot", "LOT-9"),))),
    (NOTHING, "KK-0001", TAG, Say("scan_bay", (("asset", "KK-0001"),))),
    (TAG, "KK-0002", Context(asset="KK-0002"), Say("scan_bay", (("asset", "KK-0002"),))),
    (STOPPING, "KK-0001", TAG, Say("scan_bay", (("asset", "KK-0001"),))),
    (NOTHING, "BAY-A1", NOTHING, Say("scan_asset_first")),
    (TAG, "BAY-A1", NOTHING, Assign("A1", "KK-0001")),
    (TAG, "BAY-Z9", TAG, Say("unknown_bay", (("bay", "Z9"),))),
    (NOTHING, "CANCEL", STOPPING, Say("scan_bay_to_cancel")),
    (TAG, "CANCEL", STOPPING, Say("scan_bay_to_cancel")),
    (STOPPING, "CANCEL", STOPPING, Say("scan_bay_to_cancel")),
    (STOPPING, "BAY-A2", NOTHING, Cancel("A2")),
    (STOPPING, "BAY-Z9", STOPPING, Say("unknown_bay", (("bay", "Z9"),))),
    (TAG, "nonsense", TAG, Say("unknown_code", (("code", "nonsense"),))),
    (TAG, "", TAG, Say("unknown_code", (("code", ""),))),
    (TAG, "KK-0001 BAY-A1", TAG, Say("unknown_code", (("code", "KK-0001 BAY-A1"),))),
    (NOTHING, "x" * 99, NOTHING, Say("unknown_code", (("code", "x" * 40),))),
]


@pytest.mark.parametrize(("before", "code", "after", "action"), TABLE)
def test_a_scan_means(before: Context, code: str, after: Context, action: Action) -> None:
    assert scan(before, code, BENCH) == (after, action)


@pytest.mark.parametrize(
    ("lot", "policy"),
    [(None, "nist-clear"), ("LOT-1", "thorough"), ("LOT-2", "quick")],
)
def test_the_lot_decides_the_policy_else_its_customer_else_the_station(lot: str | None, policy: str) -> None:
    context = scan(NOTHING, lot, BENCH)[0] if lot else NOTHING
    assert context.policy(BENCH) == policy


def test_badge_and_lot_stand_on_every_job_that_follows() -> None:
    context = scan(scan(NOTHING, "BADGE-7", BENCH)[0], "LOT-2", BENCH)[0]
    operator, customer = context.on_job()
    assert operator is not None
    assert customer is not None
    assert (operator.id, operator.name) == ("ida", "Ida")
    assert (customer.name, customer.lot, customer.reference) == ("Kolding", "LOT-2", "4711")
    assert NOTHING.on_job() == (None, None)
