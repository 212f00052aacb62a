"""What the stations say of themselves now, for the live page. In memory, and bounded: a hostile station cannot fill it.

A last will may be older than the connection that it speaks of: it carries `boot_id` and `conn_no`, and one of an
earlier connection is ignored.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from agent.messages import Alarm, BayProgressMessage, BayStateMessage, Birth, StationState, split_topic
from collector import moments
from collector.intake.link import Incoming
from collector.text import clean, is_station_id

LOG = logging.getLogger(__name__)
MOST_STATIONS = 2_000
MOST_BAYS = 128
MOST_ALARMS = 64
MOST_HEARD = 10_000
"""Alarms that were heard and that nobody has written down yet; the oldest are passed over."""
LARGEST = 16 * 1024
PROGRESS_FRESH_S = 30.0
SILENT_S = 180.0
WAITING = 10_000


@dataclass(frozen=True)
class Bay:
    """A bay as its station last described it."""

    name: str
    state: str
    drive: str
    job: str
    heard_at: float
    phase: str = ""
    done: int = 0
    total: int = 0
    mb_per_s: float = 0.0
    celsius: float | None = None
    progress_at: float = float("-inf")

    def moving(self, now: float) -> bool:
        """Say whether its progress is fresh enough to be shown."""
        return self.total > 0 and now - self.progress_at <= PROGRESS_FRESH_S


@dataclass
class Station:
    """A station as it last described itself. Times are monotonic seconds."""

    name: str
    online: bool | None = None
    boot_id: str = ""
    conn_no: int = -1
    past_boots: deque[str] = field(default_factory=lambda: deque(maxlen=16))
    heard_at: float = float("-inf")
    birth: Birth | None = None
    known_at: float = 0.0
    """Since when this process knows of it."""
    clock_off_s: float | None = None
    """How far its clock was ahead of ours when it last said who it is; None: it was not heard saying so."""
    bays: dict[str, Bay] = field(default_factory=dict)
    alarms: dict[str, Alarm] = field(default_factory=dict)

    def silent(self, now: float) -> bool:
        """Say whether it counts as online and has said nothing for some minutes: it says who it is every minute."""
        return self.online is True and now - max(self.heard_at, self.known_at) > SILENT_S


@dataclass(frozen=True)
class Heard:
    """An alarm that began or ended: it is named as its station does, and by since when it stands."""

    station: str
    name: str
    alarm: Alarm
    stands: bool

    @property
    def key(self) -> tuple[str, str, str]:
        """Name it."""
        return self.station, self.name, self.alarm.since


class Live:
    """Owns the thread that reads the stations' talk."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._stations: dict[str, Station] = {}
        self._heard: dict[tuple[str, str, str], Heard] = {}
        self._waiting: queue.Queue[Incoming] = queue.Queue(WAITING)
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)

    def put(self, message: Incoming) -> None:
        """Put the message in from paho's thread. queue.Full when there is too much."""
        self._waiting.put_nowait(message)

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to read, in a thread of its own."""
        self._thread.start()

    def snapshot(self) -> list[Station]:
        """Copy the stations, ordered by name."""
        with self._lock:
            return [replace(s, bays=dict(s.bays), alarms=dict(s.alarms)) for _, s in sorted(self._stations.items())]

    def take_heard(self, most: int) -> list[Heard]:
        """Hand out alarms that began or ended, each as it was last, the oldest first."""
        with self._lock:
            found = list(self._heard.values())[:most]
            for one in found:
                del self._heard[one.key]
        return found

    def put_back(self, heard: list[Heard]) -> None:
        """Take back what could not be written down; what was heard since counts for more."""
        with self._lock:
            self._heard = {one.key: one for one in heard} | self._heard
            self._bound()

    def _hear(self, station: Station, before: dict[str, Alarm]) -> None:
        """Note which alarms of a station began or ended."""
        for name in before.keys() | station.alarms.keys():
            old, new = before.get(name), station.alarms.get(name)
            for alarm, stands in ((old, False), (new, True)):
                other = new if alarm is old else old
                if alarm is not None and (other is None or other.since != alarm.since):
                    one = Heard(station.name, name, alarm, stands)
                    self._heard.pop(one.key, None)
                    self._heard[one.key] = one
        self._bound()

    def _bound(self) -> None:
        while len(self._heard) > MOST_HEARD:
            del self._heard[next(iter(self._heard))]

    def _run(self) -> None:
        while True:
            message = self._waiting.get()
            try:
                self.read(message.topic, message.payload, retained=message.retained)
                message.ack()
            except Exception:  # the thread's edge: one message must not end the live page
                LOG.exception("a message on %s could not be read", clean(message.topic))

    def read(self, topic: str, payload: bytes, *, retained: bool = False) -> None:
        """Take one message in; what makes no sense is passed over."""
        split = split_topic(topic)
        if split is None or not is_station_id(split[0]) or len(payload) > LARGEST:
            return
        name, suffix = split
        with self._lock:
            station = self._stations.get(name)
            if station is None:
                if len(self._stations) >= MOST_STATIONS:
                    return
                station = Station(name, known_at=self._clock())
            before = dict(station.alarms) if suffix.startswith("alarm/") else station.alarms
            if _read(station, suffix, payload, self._clock()):
                self._hear(station, before)
                self._stations[name] = station
                if not retained:  # a retained word is of any age
                    station.heard_at = self._clock()
                    if suffix == "birth" and station.birth is not None:
                        station.clock_off_s = _off(station.birth.ts)


def _read(station: Station, suffix: str, payload: bytes, now: float) -> bool:
    """Whether the message made sense."""
    first, _, rest = suffix.partition("/")
    try:
        if first == "alarm" and rest and "/" not in rest:
            return _alarm(station, clean(rest, 100), payload)
        if suffix == "state":
            return _state(station, msgspec.json.decode(payload, type=StationState))
        if suffix == "birth":
            return _birth(station, msgspec.json.decode(payload, type=Birth))
        if first == "bay" and rest.endswith("/state"):
            return _bay(station, msgspec.json.decode(payload, type=BayStateMessage), rest.removesuffix("/state"), now)
        if first == "bay" and rest.endswith("/progress"):
            return _progress(
                station, msgspec.json.decode(payload, type=BayProgressMessage), rest.removesuffix("/progress"), now
            )
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return suffix == "event"


def _state(station: Station, message: StationState) -> bool:
    if message.boot_id in station.past_boots:
        return False
    if message.boot_id == station.boot_id and message.conn_no < station.conn_no:
        return False
    if station.boot_id and message.boot_id != station.boot_id:
        station.past_boots.append(station.boot_id)
    station.online = message.state == "online"
    station.boot_id, station.conn_no = message.boot_id, message.conn_no
    return True


def _birth(station: Station, message: Birth) -> bool:
    station.birth = message
    for name in set(station.bays) - set(message.bays):
        del station.bays[name]
    return True


def _bay(station: Station, message: BayStateMessage, name: str, now: float) -> bool:
    old = station.bays.get(name)
    if "/" in name or (old is None and len(station.bays) >= MOST_BAYS):
        return False
    bay = Bay(
        name=clean(name, 40),
        state=clean(message.state, 40),
        drive=_drive(message.drive),
        job=clean(message.job or "", 80),
        heard_at=now,
    )
    same_job = old is not None and bool(old.job) and old.job == bay.job
    station.bays[name] = replace(old, state=bay.state, drive=bay.drive, heard_at=now) if old and same_job else bay
    return True


def _progress(station: Station, message: BayProgressMessage, name: str, now: float) -> bool:
    old = station.bays.get(name)
    if old is None or not 0 <= message.bytes_done <= message.bytes_total:
        return False
    station.bays[name] = replace(
        old,
        job=clean(message.job, 80),
        phase=clean(message.phase, 40),
        done=message.bytes_done,
        total=message.bytes_total,
        mb_per_s=message.mb_per_s,
        celsius=message.celsius,
        progress_at=now,
    )
    return True


def _off(told: str) -> float | None:
    """Say by how much a moment of a station is ahead of ours, as far as it is one."""
    try:
        return (moments.parse(told) - moments.now()).total_seconds()
    except (ValueError, OverflowError):
        return None


def _alarm(station: Station, name: str, payload: bytes) -> bool:
    if not payload:
        station.alarms.pop(name, None)
        return True
    alarm = msgspec.json.decode(payload, type=Alarm)
    if name not in station.alarms and len(station.alarms) >= MOST_ALARMS:
        return False
    station.alarms[name] = Alarm(
        severity=alarm.severity, code=clean(alarm.code, 40), text=clean(alarm.text), since=clean(alarm.since, 40)
    )
    return True


def _drive(facts: dict[str, Any] | None) -> str:
    """Model and serial number, as far as the station said them."""
    if facts is None:
        return ""
    return clean(" ".join(str(facts[key]) for key in ("vendor", "model", "serial") if facts.get(key)), 120)
