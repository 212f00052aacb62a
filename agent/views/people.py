"""Who works at the bench, what is expected of each, what happened, and what waits: for `benchwipe status`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.certificates.record import Operator
from agent.phrases import Spoken, phrase
from agent.scan.context import Context
from agent.scan.people import Person
from agent.views.waiting import DESTROY


def who_works(context: Context) -> dict[str, Any]:
    """Tell whom the screen is turned to, for which delivery, and what is expected: a Step of agent/scan/flow.py."""
    return {"operator": _person(context), "lot": _lot(context), "expects": _expects(context)}


def everybody(people: Iterable[Person]) -> list[dict[str, Any]]:
    """Tell the same of each who is signed in, with what is said to them in their own language."""
    return [
        {
            "operator": _person(person.place),
            "lot": _lot(person.place),
            "since": person.place.since,
            "turned_to": person.turned_to,
            "expects": _expects(person.place),
            "next": sentences(person.lines, person.language, person.commands),
        }
        for person in people
    ]


def sentences(lines: Iterable[Spoken], language: str, commands: Mapping[str, str]) -> list[str]:
    """Say these lines; `commands`: what the commands are called."""
    return [phrase(language, key, **{**commands, **values}) for key, values in lines]


def waiting_item(
    what: str, *, label: str = "", asset: str = "", serial: str = "", bay: str = "", who: Operator | None = None
) -> dict[str, Any]:
    """Tell of one thing that waits and stands in no bay's row."""
    return {
        "what": what,
        "label": label or None,
        "asset": asset or None,
        "serial": serial or None,
        "bay": bay or None,
        "box": DESTROY if what == "box" else None,
        "who": {"id": who.id, "name": who.name} if who else None,
    }


def unfinished_items(places: Iterable[Context]) -> list[dict[str, Any]]:
    """Tell what people who are not signed in have begun: phones, and devices whose bay was not scanned."""
    told = []
    for place in places:
        who, _ = place.on_job()
        if (device := place.attempt) is not None:
            told.append(waiting_item("device", asset=device.tag, serial=device.serial, who=who))
        if place.asset:
            told.append(waiting_item("bay", asset=place.asset, who=who))
    return told


def _person(place: Context) -> dict[str, Any] | None:
    return {"id": place.operator.id, "name": place.operator.name} if place.operator else None


def _lot(place: Context) -> dict[str, Any] | None:
    lot = place.lot
    return {"code": lot.code, "customer": lot.customer, "reference": lot.reference} if lot else None


def _expects(place: Context) -> dict[str, Any]:
    return {"step": place.step.value, "bay": place.bay or None}
