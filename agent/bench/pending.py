"""What waits for a person and no bay shows any more, over a power cut too. The engine's thread only.

A label that is to be put on, a drive for the box of what is destroyed, a drive that was pulled out half erased: each is
here from the moment when it came up until it was done. What people have begun lies beside them, each by their badge.
"""

from __future__ import annotations

import contextlib
from typing import Literal

import msgspec

from agent.bench.books import Books
from agent.certificates.record import Operator
from agent.scan.context import Context
from agent.scan.saved_place import recalled, saved
from agent.settings import Settings

Kind = Literal["label", "box", "put_back"]
PLACE = "place"


class Awaited(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that waits. `name` tells it from others of its kind: a label's number, a drive's fingerprint.

    `drive`: the fingerprint of the drive that it is about, "" for a device that has none.
    """

    what: Kind
    name: str
    label: str = ""
    asset: str = ""
    serial: str = ""
    bay: str = ""
    drive: str = ""
    who: Operator | None = None


class PendingDesk:
    """All that waits. `items` is replaced, never changed: any thread may read it."""

    def __init__(self, settings: Settings, books: Books) -> None:
        self._settings, self._books = settings, books
        self.items: tuple[Awaited, ...] = ()
        self._places: dict[str, bytes] = {}

    def use(self, settings: Settings) -> None:
        """Go by other settings from now on."""
        self._settings = settings

    def recover(self) -> tuple[Context, ...]:
        """Show again what an earlier run left, and return the places of the people who had begun something."""
        places: list[Context] = []
        for kind, name, body in self._books.pending():
            if kind == PLACE:
                self._places[name] = body
                if (place := recalled(body, self._settings)) is not None:
                    places.append(place)
                continue
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                self.items = (*self.items, msgspec.json.decode(body, type=Awaited))
        return tuple(places)

    def add(self, item: Awaited) -> None:
        """Note something that waits."""
        self.items = (*self._without(item.what, item.name), item)
        self._books.keep_pending(item.what, item.name, msgspec.json.encode(item))

    def done(self, what: Kind, name: str) -> None:
        """Note that it was done. Twice is harmless."""
        if (left := self._without(what, name)) != self.items:
            self.items = left
            self._books.keep_pending(what, name, None)

    def done_about(self, what: Kind, **facts: str) -> None:
        """Note that all of this kind with these facts were done."""
        for item in self.items:
            if item.what == what and all(getattr(item, name) == value for name, value in facts.items()):
                self.done(what, item.name)

    def find(self, what: Kind, name: str) -> Awaited | None:
        """Find what waits by that name."""
        return next((item for item in self.items if (item.what, item.name) == (what, name)), None)

    def keep_places(self, context: Context) -> None:
        """Write down what people have begun, where that has changed."""
        now = {place.badge: body for place in (context, *context.away) if (body := saved(place)) is not None}
        for badge in {*now, *self._places}:
            if now.get(badge) != self._places.get(badge):
                self._books.keep_pending(PLACE, badge, now.get(badge))
        self._places = now

    def _without(self, what: Kind, name: str) -> tuple[Awaited, ...]:
        return tuple(item for item in self.items if (item.what, item.name) != (what, name))
