"""The uplink against a real mosquitto and a collector that knows the contract alone."""

from __future__ import annotations

from tests.agent.mosquitto import wait_until
from tests.agent.uplink_bench import Bench


def test_500_certificates_arrive_exactly_once_and_the_outbox_ends_empty(bench: Bench) -> None:
    collector = bench.collector()
    issued = bench.issue(500)
    uplink = bench.uplink()
    bench.wait_empty(within=40)
    assert collector.certificates == {c.id: c.compact for c in issued}
    assert set(collector.arrivals.values()) == {1}
    wait_until(lambda: uplink.status.outbox_depth == 0, "the status says so")
    assert uplink.status.last_receipt_at is not None
