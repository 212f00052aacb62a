"""What the collector's own parts could do alone: the broker without an intake, the database without a broker.

The broker: the same certificates to a subscriber that only counts them. The database: the same rows, made before, in
batches of 200 with a COMMIT each. The rate to a signed receipt is held against the lower of the two.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from multiprocessing.synchronize import Event
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.certificates.certificate import Certificate
from benchmarks.collector_receipts import without_nagle

BATCH = 200
WINDOW = 128
LONGEST_S = 120.0


def broker_rate(port: int, certificates: Sequence[Certificate]) -> float:
    """Certificates a second from a publisher to a subscriber, QoS 1, as many under way as the stations have."""
    ready, done = multiprocessing.Event(), multiprocessing.Event()
    counter = multiprocessing.Process(target=_count, args=(port, len(certificates), ready, done), daemon=True)
    counter.start()
    client = _client("ceiling-out")
    client.max_inflight_messages_set(WINDOW)
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", port)
    client.loop_start()
    if not ready.wait(LONGEST_S):
        raise TimeoutError("nobody counts")
    began = time.perf_counter()
    for one in certificates:
        client.publish(f"ceiling/{one.id}", one.compact, qos=1)
    arrived = done.wait(LONGEST_S)
    seconds = time.perf_counter() - began
    client.disconnect()
    client.loop_stop()
    counter.kill()
    if not arrived:
        raise TimeoutError("not all came through the broker")
    return len(certificates) / seconds


def _count(port: int, wanted: int, ready: Event, done: Event) -> None:
    """A process of its own, as the intake is."""
    left, client = [wanted], _client("ceiling-in")

    def on_message(*_: Any) -> None:  # noqa: ANN401 - paho's
        left[0] -= 1
        if not left[0]:
            done.set()

    client.on_message = on_message
    client.on_connect = lambda c, *_: c.subscribe("ceiling/+", 1)
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", port)
    client.loop_forever()


def _client(name: str) -> Client:
    made = Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTProtocolVersion.MQTTv5)
    made.on_socket_open = without_nagle
    return made


def database_rate(certificates: Sequence[Certificate]) -> float:
    """Rows a second by the statements that the intake has, with bytes and COMMIT. The rows are new ones."""
    from django.db import connection, transaction

    from collector import moments
    from collector.intake import keeping, rows
    from collector.intake.models import StationKey

    signer = StationKey.objects.values_list("id", "station_id").first()
    assert signer is not None
    at = connection.ops.adapt_datetimefield_value(moments.now())
    made = []
    for one in certificates:
        row = {**rows.certificate_row(one, "ok"), "signed_by_id": signer[0], "customer_id": None, "received_at": at}
        made.append(([row[name] for name in keeping.COLUMNS], (one.id, one.compact)))
    began = time.perf_counter()
    for at_row in range(0, len(made), BATCH):
        batch = made[at_row : at_row + BATCH]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(keeping.INSERT, [facts for facts, _ in batch])
            cursor.executemany(keeping.INSERT_BYTES, [signed for _, signed in batch])
    return len(made) / (time.perf_counter() - began)
