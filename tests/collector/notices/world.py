"""A collector that may send to this machine, a station that it knows, and its worker as a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.messages import Alarm
from collector.fleet.live import Heard
from collector.notices import services
from collector.notices.book import Book
from collector.notices.models import DELIVERED, GIVEN_UP, Delivery
from collector.parties.services import Actor
from tests.collector.conftest import wait_for
from tests.collector.house import House, configure, enrolled_by
from tests.patience import SOON_S

ACTOR = Actor("test")
SINCE = "2026-11-30T10:00:00Z"


class World:
    """`more`: further tables of its configuration."""

    def __init__(self, house: House, more: str = "") -> None:
        self.house, self.book = house, Book()
        configuration = configure(house.folder, house.url, f'[notices]\nallow = ["127.0.0.0/8"]\n{more}')
        house.configuration = configuration
        self.config = configuration.file
        enrolled_by("bench-01", Ed25519PrivateKey.generate())

    def webhook(self, name: str, url: str, **more: Any) -> str:  # noqa: ANN401
        """Add a webhook; its secret."""
        return services.add(ACTOR, name, "webhook", url, **more)[1]

    def mail(self, name: str = "ops", address: str = "ops@example.dk", **more: Any) -> None:  # noqa: ANN401
        """Add an address for mail."""
        services.add(ACTOR, name, "mail", address, **more)

    def alarm(self, name: str = "dock", *, stands: bool = True, **more: Any) -> int:  # noqa: ANN401
        """Let the station raise an alarm, or end it; how many were beyond its budget."""
        return self.book.write([heard(name, stands=stands, **more)])

    @contextmanager
    def worker(self, *, quick: bool = False) -> Iterator[subprocess.Popen[bytes]]:
        """Run the worker. `quick`: with deadlines of seconds, and tasks of tests."""
        log = (self.house.folder / "worker.log").open("ab")
        command = [sys.executable, "-m", "collector.cli", "serve", "--only", "worker", "--config", str(self.config)]
        if quick:
            command = [sys.executable, "-m", "tests.collector.notices.quick_worker", str(self.config)]
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(SOON_S)
            log.close()

    @property
    def log(self) -> str:
        return Path(self.house.folder / "worker.log").read_text()


def heard(
    name: str = "dock",
    *,
    stands: bool = True,
    station: str = "bench-01",
    severity: Any = "warning",  # noqa: ANN401
    since: str = SINCE,
    text: str = "The dock does not answer.",
) -> Heard:
    return Heard(station, name, Alarm(severity=severity, code="BW-D04", text=text, since=since), stands)


def over(count: int = 1, state: str = DELIVERED) -> list[Delivery]:
    """Wait until so many messages came to that end."""
    rows = Delivery.objects.filter(state=state).order_by("made_at", "id")
    wait_for(lambda: rows.count() >= count, what=f"{count} messages are {state}: {list(Delivery.objects.values())}")
    return list(rows)


def tried(delivery: Delivery, tries: int) -> Delivery:
    """Wait until it was tried so often, and is not being sent now."""

    def done() -> bool:
        delivery.refresh_from_db()
        return delivery.tries >= tries and delivery.state != "sending"

    wait_for(done, what=f"{tries} tries")
    return delivery


__all__ = ["ACTOR", "DELIVERED", "GIVEN_UP", "SINCE", "World", "heard", "over", "tried"]
