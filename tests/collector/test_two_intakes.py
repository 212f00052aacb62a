"""Two intakes write into one database at the same time: a chain never forks by that, and nothing is there twice."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import close_old_connections, connections

from agent.certificates.certificate import Certificate
from collector.intake.book import enrolled
from collector.intake.judge import Delivery, judge
from collector.intake.keeping import keep
from collector.intake.models import Certificate as Row
from collector.intake.models import CertificateBytes
from tests.collector.conftest import chain_of
from tests.collector.house import House, enrolled_by

STATIONS = ("bench-01", "bench-02")


def batches(chains: Sequence[Sequence[Certificate]], size: int) -> list[list[Delivery]]:
    """Both stations' certificates, in turn, as batches of a size."""
    told = [
        Delivery(f"er/1/{c.record.station.id}/cert/{c.id}", c.record.station.id, c.id, c.compact)
        for some in zip(*chains, strict=True)
        for c in some
    ]
    return [told[at : at + size] for at in range(0, len(told), size)]


def take(given: list[list[Delivery]], begin: threading.Barrier, results: Counter[tuple[str, str]]) -> None:
    """An intake's thread, with a connection of its own."""
    begin.wait()
    for batch in given:
        book = enrolled({message.station for message in batch})
        for stored in keep([judge(message, book.of) for message in batch], book):
            results[stored.verdict.delivery.name, stored.result] += 1
    connections.close_all()


def test_one_is_told_stored_and_the_other_duplicate_and_the_chain_stands(each_house: House) -> None:
    keys = {name: Ed25519PrivateKey.generate() for name in STATIONS}
    for name, key in keys.items():
        enrolled_by(name, key)
    chains = [chain_of(key, 30, name) for name, key in keys.items()]
    results: Counter[tuple[str, str]] = Counter()
    begin = threading.Barrier(2)
    # The one goes forward in small steps, the other backward in large ones: they meet at other rows than they began.
    orders = batches(chains, 7), [batch[::-1] for batch in batches(chains, 16)[::-1]]
    threads = [threading.Thread(target=take, args=(order, begin, results)) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    close_old_connections()
    wanted = {c.id for chain in chains for c in chain}
    assert results == Counter({(name, result): 1 for name in wanted for result in ("stored", "duplicate")})
    assert Row.unfiltered.filter(chain="ok").count() == Row.unfiltered.count() == len(wanted)
    assert CertificateBytes.objects.count() == len(wanted)
