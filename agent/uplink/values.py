"""Frozen values of the uplink: its intervals, its status, whom it asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from agent.jobs.ledger import Ledger
from agent.jobs.outbox_rows import OutboxRow
from agent.messages import Birth, Request


@dataclass(frozen=True)
class Pace:
    """Intervals in seconds. Waits double, from the first to the longest."""

    receipt_s: float = 30.0
    receipt_longest_s: float = 900.0
    reconnect_s: float = 1.0
    reconnect_longest_s: float = 60.0
    connect_s: float = 15.0
    progress_s: float = 5.0
    look_s: float = 10.0  # other programs (benchwipe erase) fill the outbox too, and cannot wake us
    repost_s: float = 300.0  # until a retained topic that the broker refused is tried again
    mend_s: float = 5.0  # until a ledger that could not be used is tried again
    probe_s: float = 3600.0  # until what was too large for the broker is tried again
    overdue_s: float = 3600.0  # without a receipt, until a person is told
    leave_s: float = 60.0  # without a receipt, until another broker of the list is tried
    home_s: float = 900.0  # at another than the first of the list, until that one is tried again


@dataclass(frozen=True)
class UplinkStatus:
    """How the uplink stands. `last_error` is empty while all is well; `last_receipt_at` is RFC 3339.

    `receipts_ignored`: those since the start that no trusted collector signed, or not as they stood.
    `most_bytes`: the largest message that the broker takes, where that is known.
    """

    connected: bool
    host: str
    last_error: str
    outbox_depth: int
    last_receipt_at: str | None
    receipts_ignored: int = 0
    most_bytes: int | None = None


def tell_nobody(_name: str, _code: str, _text: str | None) -> None:
    """Raise no alarm."""


@dataclass(frozen=True)
class Sender:
    """Who the uplink speaks for, and whom it asks. The callables are called in the courier's thread.

    `on_rejected` gets (id, reason); an empty reason: what was rejected has been taken after all. `on_trouble` gets
    (name, code, text) of an alarm; without a text it is over. `collectors`: thumbprint -> key of those whose receipts
    count; without any, all do.
    """

    id: str
    boot_id: str
    base_dir: Path
    open_ledger: Callable[[], Ledger]
    birth: Callable[[int], Birth]
    on_rejected: Callable[[str, str], None]
    on_command: Callable[[Request], None]
    now: Callable[[], str]
    collectors: Mapping[str, Ed25519PublicKey] = field(default_factory=dict)
    on_trouble: Callable[[str, str, str | None], None] = tell_nobody
    on_config: Callable[[bytes], None] | None = None
    """What a controller wishes of the configuration; without it every wish is refused."""


@dataclass(frozen=True)
class Outgoing:
    """One publish. `suffix` is relative to the station's root; `row` is set for what came out of the outbox.

    What is neither retained nor from the outbox is progress: QoS 0, and it expires.
    """

    suffix: str
    payload: bytes
    retain: bool = False
    expiry_s: int | None = None
    row: OutboxRow | None = None

    @property
    def topic_class(self) -> str:
        """cert, statement, event, bay, state, birth, alarm, cmd: what an access list grants or denies as one."""
        return self.suffix.partition("/")[0]

    @property
    def lasting(self) -> bool:
        """Whether it must arrive (QoS 1)."""
        return self.retain or self.row is not None


@dataclass(frozen=True)
class Wake:
    """There may be something to do: rows in the outbox, or only something new to show."""

    outbox: bool = True
