"""What happens to destinations and deliveries: one verb, one transaction, one line in the audit trail.

No secret and no path of a webhook is in it: the trail names the origin alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from collector.moments import now
from collector.notices import addresses, gathering, sealing, signing
from collector.notices.errors import AddressRefused, NoDestination, NothingToReplay
from collector.notices.models import (
    DELIVERED,
    GIVEN_UP,
    MAIL,
    SEVERITIES,
    WAITING,
    WARNING,
    WEBHOOK,
    Delivery,
    Destination,
)
from collector.notices.rules import pattern_problem
from collector.parties.services import Actor, note
from collector.running import configuration
from collector.text import visible

MOST = 50
LONGEST_NAME, LONGEST_ADDRESS = 60, 320
LANGUAGES = ("da", "en")
MOST_TESTS = 5
"""Tests of one destination that wait or are sent."""


def add(
    actor: Actor,
    name: str,
    kind: str,
    address: str,
    *,
    severity: str = WARNING,
    stations: str = "",
    ended_too: bool = False,
    language: str = "da",
) -> tuple[Destination, str]:
    """Add a destination. Return it, and of a webhook the secret, this once. Raise NoDestination or AddressRefused."""
    name, stations = _checked(name, kind, severity, stations, language)
    # A name is looked up before any transaction: that may take its time, and nobody's rows wait for it.
    place, sealed, secret = (mail_address(address), "", "") if kind == MAIL else _webhook(address)
    with transaction.atomic():
        _room_for(name)
        made = Destination.objects.create(
            name=name, kind=kind, place=place, sealed=sealed, severity=severity, stations=stations,
            ended_too=ended_too, language=language, made_by=actor.person,
        )  # fmt: skip
        note(actor, "notices.added", name, kind=kind, place=place, severity=severity, stations=stations)
    return made, secret


def mail_address(written: str) -> str:
    """Read an address for mail: one alone, without a name before it. Raise NoDestination."""
    address = written.strip()
    try:
        validate_email(address)
    except ValidationError:
        address = ""
    if not address or len(address) > LONGEST_ADDRESS or not address.isascii() or not address.isprintable():
        raise NoDestination(problem=_("that is no e-mail address; allowed is one, as name@example.dk"))
    return address


@transaction.atomic
def pause(actor: Actor, name: str) -> None:
    """Send it nothing more, until it is resumed. Alarms of that time are not told to it. Raise NoDestination."""
    to = find(name)
    if Destination.objects.filter(pk=to.pk, paused_at=None).update(paused_at=now(), paused_why=""):
        note(actor, "notices.paused", name)


@transaction.atomic
def resume(actor: Actor, name: str) -> None:
    """Send to it again, also what waited. Raise NoDestination."""
    to = find(name)
    if Destination.objects.filter(pk=to.pk).exclude(paused_at=None).update(paused_at=None, paused_why=""):
        note(actor, "notices.resumed", name)


@transaction.atomic
def remove(actor: Actor, name: str) -> None:
    """Remove a destination, with what it was sent and what waits for it. Raise NoDestination."""
    to = find(name)
    note(actor, "notices.removed", name, kind=to.kind, place=to.place)
    to.delete()


@transaction.atomic
def test(actor: Actor, name: str) -> Delivery:
    """Send a test. Raise NoDestination where it is paused, or tests of it wait already."""
    to = find(name)
    if to.paused_at is not None:
        raise NoDestination(problem=_("%(name)s is paused: nothing is sent to it") % {"name": name})
    if to.deliveries.filter(alarms=0).exclude(state__in=(DELIVERED, GIVEN_UP)).count() >= MOST_TESTS:
        raise NoDestination(problem=_("tests of %(name)s wait already") % {"name": name})
    note(actor, "notices.tested", name)
    return gathering.make(to, [], 0)


@transaction.atomic
def replay(actor: Actor, identifier: str) -> None:
    """Send a message again that is over, under its own id, so that a receiver knows it. Raise NothingToReplay."""
    if _again([identifier]) != 1:
        raise NothingToReplay(problem=_("there is no message '%(id)s' that is over") % {"id": visible(identifier, 40)})
    note(actor, "notices.replayed", identifier)


@transaction.atomic
def replay_failed(actor: Actor, name: str) -> int:
    """Send everything again that was given up, of one destination. Return how many. Raise NoDestination."""
    rows = find(name).deliveries.filter(state=GIVEN_UP)
    count = _again(list(rows.values_list("id", flat=True)))
    if count:
        note(actor, "notices.replayed", name, messages=count)
    return count


def find(name: str) -> Destination:
    """Find a destination by its name. Raise NoDestination."""
    found = Destination.objects.filter(name=name).first()
    if found is None:
        raise NoDestination(problem=_("there is no destination '%(name)s'") % {"name": visible(name, LONGEST_NAME)})
    return found


def _again(identifiers: Sequence[str]) -> int:
    rows = Delivery.objects.filter(id__in=identifiers, state__in=(DELIVERED, GIVEN_UP))
    return rows.update(state=WAITING, tries=0, replayed=F("replayed") + 1, due_at=now(), held_until=None, ended_at=None)


def _checked(name: str, kind: str, severity: str, stations: str, language: str) -> tuple[str, str]:
    """Write name and stations as they are kept. Raise NoDestination for what is none."""
    name, stations = " ".join(name.split()), " ".join(stations.replace(",", " ").split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or "/" in name:
        problem = _("name '%(name)s': allowed are up to %(most)d visible characters, none of them a slash")
        raise NoDestination(problem=problem % {"name": visible(name, LONGEST_NAME), "most": LONGEST_NAME})
    if kind not in (MAIL, WEBHOOK) or severity not in SEVERITIES or language not in LANGUAGES:
        raise NoDestination(problem=_("a destination is mail or webhook, for warning or critical, in da or en"))
    if wrong := pattern_problem(stations):
        problem = _("station '%(name)s': allowed are names of stations, * for any characters, with blanks between")
        raise NoDestination(problem=problem % {"name": visible(wrong, LONGEST_NAME)})
    return name, stations


def _room_for(name: str) -> None:
    if Destination.objects.filter(name=name).exists():
        raise NoDestination(problem=_("there is a destination '%(name)s' already") % {"name": name})
    if Destination.objects.count() >= MOST:
        raise NoDestination(problem=_("there are %(most)d destinations already") % {"most": MOST})


def _webhook(url: str) -> tuple[str, str, str]:
    """Read a webhook's address. What can be judged of it now is; what its name leads to is judged at each try."""
    place = addresses.read(url.strip())
    allowed = addresses.networks(configuration().settings.notices.allow)
    try:
        addresses.resolve(place, allowed)
    except OSError:
        if not place.secure:
            raise AddressRefused(problem=_("its name leads nowhere, and without https nothing is sent")) from None
    secret = signing.new_secret()
    return place.origin, sealing.seal(sealing.Sealed(url=url.strip(), secret=secret)), secret
