"""The way to the collector: outbox -> MQTT -> receipt, and what the station shows of itself (docs/mqtt.md).

Threads: one of its own, the courier (courier.py), which owns all state; paho's network thread and a short-lived
one for each connect only put frozen events into the courier's queue (connection.py). Nothing here ever blocks
its caller, except `stop`, by the time it is given.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.jobs.ledger import Ledger
from agent.messages import (
    COMMAND_STATUS_EXPIRY_S,
    Alarm,
    BayProgressMessage,
    BayStateMessage,
    Birth,
    CommandStatus,
    ReportedConfig,
    Request,
)
from agent.settings import Mqtt
from agent.uplink.connection import read_secrets
from agent.uplink.courier import Courier
from agent.uplink.values import Pace, Sender, UplinkStatus, Wake, tell_nobody
from drivers.lasting import lasting

__all__ = ["Pace", "Uplink", "UplinkStatus", "read_secrets"]

log = logging.getLogger("benchwipe.uplink")

USUAL_PACE = Pace()


class Uplink:
    """Delivers the outbox and publishes the station's state. Any thread may call any method."""

    def __init__(
        self,
        mqtt: Mqtt,
        *,
        station_id: str,
        base_dir: Path,
        open_ledger: Callable[[], Ledger],
        birth: Callable[[int], Birth],
        boot_id: str,
        on_rejected: Callable[[str, str], None],
        on_command: Callable[[Request], None],
        on_config: Callable[[bytes], None] | None = None,
        now: Callable[[], str],
        collectors: Mapping[str, Ed25519PublicKey] = MappingProxyType({}),
        pace: Pace = USUAL_PACE,
        on_trouble: Callable[[str, str, str | None], None] = tell_nobody,
    ) -> None:
        """What is called runs in the courier's thread.

        `birth` of the outbox depth; `now` is RFC 3339; `on_rejected`, `on_trouble`, `collectors` as of values.Sender.
        """
        self._mqtt, self._base_dir = mqtt, base_dir
        station = Sender(
            station_id,
            boot_id,
            base_dir,
            open_ledger,
            birth,
            on_rejected,
            on_command,
            now,
            collectors,
            on_trouble,
            on_config,
        )
        self._courier = Courier(mqtt, station, pace)
        self._thread = lasting("uplink-courier", self._courier.run, over=self._courier.stopping)

    def start(self) -> None:
        """Begin to deliver. KeyProblem if the password or the TLS files cannot be used; nothing was started then."""
        read_secrets(self._mqtt, self._base_dir)
        self._thread.start()

    def stop(self, within: float) -> None:
        """Publish "offline", disconnect and end. Returns within so many seconds, whatever the broker does.

        A broker that does not answer in time publishes the last will instead, which says the same.
        """
        if not self._thread.is_alive():
            return
        end = time.monotonic() + within
        self._courier.stop(end - within / 10)
        self._thread.join(max(0.0, end - time.monotonic()))
        if self._thread.is_alive():
            log.warning(
                "the courier did not end within %g s and is left behind; the outbox keeps what it holds", within
            )

    def wake(self) -> None:
        """Wake the courier: the outbox has a new row."""
        self._courier.events.put(Wake())

    def bay_state(self, message: BayStateMessage) -> None:
        """Show a bay's state; the latest one counts."""
        self._show(f"bay/{message.bay}/state", msgspec.json.encode(message))

    def progress(self, message: BayProgressMessage) -> None:
        """Show a bay's progress: at most one message in five seconds goes out, the latest one."""
        suffix = f"bay/{message.bay}/progress"
        self._courier.board.progress(suffix, msgspec.json.encode(message), time.monotonic())
        self._courier.events.put(Wake(outbox=False))

    def alarm(self, alarm_id: str, alarm: Alarm | None) -> None:
        """Raise an alarm, or clear it with None. Characters that a topic does not take become "-"."""
        suffix = "alarm/" + re.sub(r"[^A-Za-z0-9._-]", "-", alarm_id)
        self._show(suffix, msgspec.json.encode(alarm) if alarm is not None else b"")

    def config_report(self, report: ReportedConfig) -> None:
        """Say what became of a directory; retained."""
        self._show("reported/config", msgspec.json.encode(report))

    def command_status(self, kind: str, command: str, status: CommandStatus) -> None:
        """Answer a controller; retained for a day."""
        suffix = f"cmd/{kind}/{command}/status"
        self._courier.board.show(suffix, msgspec.json.encode(status), expiry_s=COMMAND_STATUS_EXPIRY_S)
        self._courier.events.put(Wake(outbox=False))

    @property
    def status(self) -> UplinkStatus:
        """How the uplink stands now."""
        return self._courier.status

    def _show(self, suffix: str, payload: bytes) -> None:
        self._courier.board.show(suffix, payload)
        self._courier.events.put(Wake(outbox=False))
