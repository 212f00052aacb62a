"""From a station's alarm at a real broker to a receiver, through every process of the collector."""

from __future__ import annotations

from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook

from collector.notices import services
from tests.collector.conftest import Broker, Collector, StationClient, wait_for
from tests.collector.notices.receivers import http
from tests.collector.notices.world import ACTOR, heard


def test_an_alarm_at_the_broker_reaches_whoever_is_to_know(
    broker: Broker, tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    with http() as receiver:
        collector = Collector(tmp_path, broker.port, more='[notices]\nallow = ["127.0.0.0/8"]\n')
        collector.enrol("bench-01", key)
        with collector.database_open():
            secret = services.add(ACTOR, "hook", "webhook", receiver.url("/secret-path"), ended_too=True)[1]
        station = StationClient(broker.port)
        try:
            collector.start()
            station.publish("alarm/dock", msgspec.json.encode(heard().alarm), retain=True)
            wait_for(lambda: receiver.came, what="the alarm came")
            station.publish("alarm/dock", b"", retain=True)
            wait_for(lambda: len(receiver.came) == 2, what="its end came")
        finally:
            station.close()
            collector.kill()
    told = [Webhook(secret).verify(body, headers)["type"] for _, headers, body in receiver.came]
    assert told == ["alarm.raised", "alarm.ended"]
    assert "secret-path" not in collector.log
    assert secret not in collector.log
