"""A certificate finds its unit while somebody says something of it: neither is lost to the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

import pytest
from django.db import connections

from collector.certificates import statements_validation as validation
from collector.units import destroying, linking, said
from collector.units.destroying import How
from collector.units.models import DriveLink
from tests.collector.house import House
from tests.collector.units.workshop import FAILED, Workshop
from tests.patience import SOON_S

SHRED = How(method="shred", particle_mm="2", batch="B-17", recycler="Stena")
REACHED_S = 0.7
"""Until the other one waits at the lock, or, without one, has finished."""


class Threads:
    """Work in threads of their own, each with its own connection; what went wrong in one is raised here."""

    def __init__(self) -> None:
        self._all: list[threading.Thread] = []
        self._wrong: list[BaseException] = []

    def start(self, work: Callable[[], object]) -> None:
        def run() -> None:
            try:
                work()
            except BaseException as error:
                self._wrong.append(error)
                raise
            finally:
                connections.close_all()

        self._all.append(threading.Thread(target=run, daemon=True))
        self._all[-1].start()

    def end(self) -> None:
        for one in self._all:
            one.join(SOON_S)
            assert not one.is_alive()
        assert self._wrong == []


@pytest.mark.parametrize("what", ["destroyed", "accepted"])
def test_what_is_said_while_a_certificate_finds_its_unit_reaches_it(
    what: str, each_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, threads = Workshop(each_house), Threads()
    validator = shop.actor("validator")
    shop.receive(1)
    read, go, real = threading.Event(), threading.Event(), said.before
    with monkeypatch.context() as still:
        still.setattr(linking, "follow_all", lambda: 0)
        one = shop.certify("T1", **(FAILED if what == "destroyed" else {}))

    def before(names: list[str]) -> dict[str, tuple[str, datetime | None]]:
        """The link knows what was said by now; then it takes its time."""
        found = real(names)
        read.set()
        assert go.wait(SOON_S)
        return found

    monkeypatch.setattr(said, "before", before)
    threads.start(linking.follow)
    assert read.wait(SOON_S)
    if what == "destroyed":
        threads.start(lambda: destroying.destroy(shop.lead, [one.id], SHRED))
    else:
        threads.start(lambda: validation.validate(validator, [one.id], "accepted"))
    go.wait(REACHED_S)
    go.set()
    threads.end()
    link = DriveLink.objects.get(certificate__id=one.id)
    assert (link.destroyed_at is not None, link.validation) == (
        (what == "destroyed"),
        "accepted" * (what == "accepted"),
    )
    assert shop.unit("T1").data == ("destroyed" if what == "destroyed" else "erased")
