"""What a running job is told from outside: to stop, and which of its checkpoints were kept."""

from __future__ import annotations

import threading

import msgspec

from agent.certificates.outcome import CANCELLED, STATION_STOPPED
from agent.erase import Checkpoint, ResumePoint
from agent.erase.signals import Receipts, Stop
from tests.patience import SOON_S


def test_a_checkpoint_is_a_plain_value_with_its_receipt() -> None:
    point = Checkpoint(job="one", point=ResumePoint(pass_number=1, offset=512), receipt=7)
    assert msgspec.json.decode(msgspec.json.encode(point), type=Checkpoint) == point
    assert hash(point) == hash(msgspec.structs.replace(point))


def test_a_job_hears_of_its_own_checkpoint_alone_and_of_none_that_nobody_answered() -> None:
    receipts = Receipts()
    first, second = receipts.ask(), receipts.ask()
    assert first != second
    receipts.tell(None, True)
    receipts.tell(second, True)
    assert receipts.wait(first, 0.01) is None
    assert receipts.wait(second, 0.01) is True
    receipts.tell(first, False)
    assert receipts.wait(first, 0.01) is False


def test_a_job_that_waits_is_answered_from_another_thread() -> None:
    receipts = Receipts()
    number = receipts.ask()
    teller = threading.Timer(0.05, receipts.tell, (number, True))
    teller.start()
    assert receipts.wait(number, SOON_S) is True
    teller.join()


def test_the_first_reason_to_stop_stays() -> None:
    stop = Stop()
    assert stop.requested is None
    stop.request(CANCELLED)
    stop.request(STATION_STOPPED)
    assert stop.requested is CANCELLED
