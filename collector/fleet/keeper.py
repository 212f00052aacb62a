"""The thread that keeps certificates in time and revocation true: it looks every few seconds, and does what is due.

It makes and renews the collector's own certificates, keeps the broker's folders new, tells the broker to read them, and
cuts the connections of revoked stations. Intake and pages both run one, each for what it needs itself; the intake's
serves the broker.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.db import Error, connection

from collector.errors import CollectorError
from collector.fleet import broker_files, certificates, cutting, own_tls
from collector.fleet.directing import Director
from collector.fleet.models import TlsCertificate
from collector.moments import now
from collector.settings import Configuration
from collector.text import clean

LOG = logging.getLogger(__name__)
LOOK_S, SOON_S = 5.0, 1.0
READ_S = 1.5
"""What a broker is given to read its files, before somebody is cut off who must not come back."""
CUTS = 3
"""How often, some seconds apart: a broker that somebody else tells reads its files a little later."""


class Keeper:
    """`serves_broker`: whether it looks after the broker's folders too. `ready`: whether the database can be used."""

    def __init__(self, configuration: Configuration, *, serves_broker: bool, ready: Callable[[], bool]) -> None:
        self._configuration, self._serves_broker, self._is_ready = configuration, serves_broker, ready
        self._ready = False
        self._director = Director(configuration)
        self._stop = threading.Event()
        self._said = ""
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to look, in a thread of its own."""
        self._thread.start()

    def stop(self, within: float) -> None:
        """End it; at most `within` seconds."""
        self._stop.set()
        self._thread.join(within)

    def _run(self) -> None:
        while True:
            try:
                self.look()
                self._said = ""
            except (CollectorError, Error, OSError) as error:
                self._say(clean(str(error)))
            finally:
                connection.close()
            if self._stop.wait(LOOK_S if self._ready and not self._said else SOON_S):
                return

    def look(self) -> None:
        """Do once what is due. Raise CollectorError, a database error or OSError.

        Nothing is due while a database is made or brought up to date, by this process or another.
        """
        self._ready = self._ready or self._is_ready()
        if not self._ready:
            return
        for name in own_tls.refresh(self._configuration):
            LOG.info("certificates: %s is new", name)
        if not self._serves_broker:
            return
        for folder in broker_files.known(self._configuration):
            if broker_files.follow(self._configuration, folder):
                self._tell(folder)
        self._cut()
        self._director.look()

    def _tell(self, folder: broker_files.BrokerFolder) -> None:
        if why := cutting.reload(folder.port):
            LOG.warning("broker: port %d is to read %s anew, and was not told: %s", folder.port, folder.out, why)
            return
        LOG.info("broker: port %d reads %s anew", folder.port, folder.out)
        self._stop.wait(READ_S)

    def _cut(self) -> None:
        """Cut the connections of stations that were revoked and have no certificate that counts."""
        if not self._configuration.settings.broker.tls.own:
            return
        due = certificates.revoked().filter(cuts__lt=CUTS).exclude(station=None)
        for station in sorted({str(row.station_id) for row in due}):
            if not _has_one_that_counts(station):  # who was made known again has put the old connection out
                if why := cutting.cut(self._configuration, station):
                    LOG.warning("broker: the connection of %s could not be cut: %s; trying again", station, clean(why))
                    continue
                LOG.info("broker: whoever was connected as %s is cut off", station)
            for row in due.filter(station=station):
                TlsCertificate.objects.filter(pk=row.pk).update(cuts=row.cuts + 1)

    def _say(self, problem: str) -> None:
        if problem != self._said:
            LOG.error("certificates: %s", problem)
        self._said = problem


def _has_one_that_counts(station: str) -> bool:
    return TlsCertificate.objects.filter(station=station, revoked_at=None, ends_at__gt=now()).exists()
