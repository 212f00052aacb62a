"""A machine without a battery clock starts in the past: the authority counts at once, dates when the clock is set."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from agent.certificates.record import Clock
from agent.settings import Tls
from agent.uplink import courier
from agent.uplink.uplink import Uplink
from collector.fleet import ca
from tests.agent.mosquitto import Mosquitto, wait_until
from tests.agent.uplink.uplink_bench import Bench


class Watch:
    """The kernel's word on its clock, which no test can change."""

    synchronised = False

    def __call__(self) -> Clock:
        return Clock(source="x", synchronised=self.synchronised, boot_id="b", monotonic_ms=1)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()
    monkeypatch.setattr(courier, "clock", watch)
    monkeypatch.setattr(courier, "ASK_CLOCK_S", 0.1)
    return watch


def authority(folder: Path, *, begins: float, ends: float) -> None:
    """An authority, and a broker's certificate that is valid from and to so many days from now."""
    key, certificate = ca.load_or_make(folder)
    own = ca.new_key()
    now = datetime.now(UTC)
    order = ca.Order(
        profile="server", names=["127.0.0.1"], csr=ca.request_for(own, "x"), serial=f"{x509.random_serial_number():x}",
        begins=now + timedelta(days=begins), ends=now + timedelta(days=ends),
    )  # fmt: skip
    (folder / "broker.crt").write_bytes(ca.make(order, key, certificate))
    (folder / "broker.key").write_bytes(ca.pem_of(own))
    (folder / "broker.key").chmod(0o644)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker with TLS; its certificate is made by the test, before it starts."""
    files = f"cafile {tmp_path}/ca.crt\ncertfile {tmp_path}/broker.crt\nkeyfile {tmp_path}/broker.key\n"
    made = Mosquitto(tmp_path / "broker", extra=files)
    yield made
    made.kill()


def of(bench: Bench, folder: Path) -> Uplink:
    return bench.uplink(tls=Tls(ca=str(folder / "ca.crt")))


def never_connects(uplink: Uplink, why: str) -> None:
    """It says why, and a while later it still is not in."""
    wait_until(lambda: why in uplink.status.last_error, f"it says {why!r}")
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        assert not uplink.status.connected
        time.sleep(0.02)


def test_a_certificate_of_tomorrow_is_believed_until_the_clock_is_set(
    tmp_path: Path, broker: Mosquitto, bench: Bench, clock: Watch
) -> None:
    authority(tmp_path, begins=1, ends=30)
    broker.start()
    uplink = of(bench, tmp_path)
    wait_until(lambda: uplink.status.connected, "without a clock the authority is enough")
    clock.synchronised = True
    never_connects(uplink, "not yet valid")


def test_with_a_clock_that_was_set_it_is_never_believed(
    tmp_path: Path, broker: Mosquitto, bench: Bench, clock: Watch
) -> None:
    clock.synchronised = True
    authority(tmp_path, begins=1, ends=30)
    broker.start()
    never_connects(of(bench, tmp_path), "not yet valid")


def test_one_that_is_over_is_over_also_where_nobody_set_the_clock(
    tmp_path: Path, broker: Mosquitto, bench: Bench, clock: Watch
) -> None:
    authority(tmp_path, begins=-30, ends=-1)
    broker.start()
    never_connects(of(bench, tmp_path), "expired")


def test_another_authority_is_not_believed_for_the_sake_of_a_clock(
    tmp_path: Path, broker: Mosquitto, bench: Bench, clock: Watch
) -> None:
    authority(tmp_path, begins=1, ends=30)
    broker.start()
    other = tmp_path / "other"
    ca.load_or_make(other)
    never_connects(of(bench, other), "certificate verify failed")
