"""Destruction: a signed statement of how, in which batch and by whom, which closes a drive that could not be erased.

It is about what held data: a drive by its own number or its certificate, or a unit with all that is in it. Whether the
rest of a unit is scrapped or sold is another question.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction
from django.db.models import Q

from collector.certificates import identifiers, search_follow
from collector.certificates.models import Found
from collector.certificates.statements_about import CERTIFICATE
from collector.intake.models import Certificate
from collector.parties.models import Organisation
from collector.parties.roles import ADMINISTRATOR, TEAM_LEAD, TECHNICIAN
from collector.parties.services import Actor
from collector.statements import kinds, queries, services
from collector.statements.errors import StatementProblem
from collector.statements.models import SignedStatement
from collector.statements.services import About, Speaker
from collector.units import changing, store
from collector.units import vocabulary as words
from collector.units.models import DriveLink, Unit, UnitEvent

BY = (TEAM_LEAD, TECHNICIAN, ADMINISTRATOR)
METHODS = ("shred", "disintegrate", "pulverize", "incinerate", "melt")
LEAVE_PARTICLES = frozenset(METHODS[:3])
OTHER_WORDS = {
    "shredded": "shred", "shredding": "shred", "disintegration": "disintegrate", "pulverise": "pulverize",
    "incineration": "incinerate", "melting": "melt", "makulering": "shred", "forbrænding": "incinerate",
}  # fmt: skip
MOST = 500
LARGEST_PARTICLE_MM = Decimal(320)
LONGEST = 200
DRIVE, UNIT = "drive", "unit"


@dataclass(frozen=True)
class How:
    """How something was destroyed, and by whom."""

    method: str
    particle_mm: str = ""
    batch: str = ""
    recycler: str = ""
    equipment: str = ""
    weight_g: int | None = None
    seal: str = ""
    waste_code: str = ""
    witness: str = ""


@dataclass
class Target:
    """What a number stands for: a drive with the certificates that know it, or a unit."""

    seen_as: str
    certificates: list[Certificate] = field(default_factory=list)
    drive: str = ""
    unit: Unit | None = None

    @property
    def customer(self) -> Organisation | None:
        """Whose it is."""
        owner = self.unit.customer if self.unit is not None else self.certificates[0].customer
        return owner if isinstance(owner, Organisation) else None

    def about(self) -> list[About]:
        """List what the statement is about."""
        found = [About(CERTIFICATE, one.id, "destroyed") for one in self.certificates]
        if self.drive:
            found.append(About(DRIVE, self.drive, "destroyed"))
        return [*found, About(UNIT, str(self.unit.pk), "destroyed")] if self.unit is not None else found

    def listed(self) -> dict[str, Any]:
        """Write it down, as it stands in the statement."""
        ids = [one.id for one in self.certificates]
        serial = self.certificates[0].serial if self.drive and self.certificates else ""
        return {
            "seen_as": self.seen_as,
            "drive": serial or None,
            "unit": None if self.unit is None else self.unit.pk,
            "certificates": ids,
        }


def destroy(actor: Actor, names: Sequence[str], how: How) -> list[SignedStatement]:
    """Say that these were destroyed: all of them, or none. One statement for each customer.

    Raise StatementProblem or NotTheirs.
    """
    speaker = services.speaker(actor, BY)
    told = _checked(how)
    wanted = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    if not 0 < len(wanted) <= MOST:
        raise StatementProblem(problem=f"name between 1 and {MOST} things")
    search_follow.add_newest()  # the certificate of a drive that failed a moment ago is found by its drive, too
    with transaction.atomic():
        groups: dict[int | None, list[Target]] = {}
        for target in map(find, wanted):
            owner = target.customer
            groups.setdefault(None if owner is None else owner.pk, []).append(target)
        return [_say(speaker, group, told) for group in groups.values()]


def find(text: str) -> Target:
    """Find what a number stands for. Raise StatementProblem for nothing, two things, or what is gone already."""
    shown = text[:80]
    certificates = list(_certificates(text))
    unit = _unit(text)
    if unit is not None and certificates and not _of(unit, certificates):
        raise StatementProblem(problem=f"{shown!r}: a unit and another drive have this number; name the certificate")
    target = Target(shown, unit=unit) if unit is not None else _drive(shown, certificates)
    if target.unit is None and not target.certificates:
        raise StatementProblem(problem=f"{shown!r}: no unit and no certificate here has this number")
    _refuse_again(target)
    return target


def _certificates(text: str) -> list[Certificate]:
    named = Q(id=text.lower()) | Q(number=text)
    serial, wwn = identifiers.serial(text), identifiers.wwn(text)
    rows = Found.objects.none()
    if serial:
        rows = rows | Found.objects.filter(drive_serial=serial)
    if wwn:
        rows = rows | Found.objects.filter(wwn=wwn)
    numbers = list(rows.values_list("pk", flat=True)[:MOST])
    found = Certificate.unfiltered.filter(named | Q(arrival__in=numbers)).select_related("customer")
    return list(found.order_by("arrival")[:MOST])


def _drive(shown: str, certificates: list[Certificate]) -> Target:
    """All certificates of the one drive that they are about."""
    if not certificates:
        return Target(shown)
    owners = {one.customer_id for one in certificates}
    if len({identifiers.serial(one.serial) for one in certificates}) > 1 or len(owners) > 1:
        raise StatementProblem(problem=f"{shown!r}: several drives have this number; name the certificate's id")
    drive = identifiers.serial(certificates[0].serial)
    if drive:
        numbers = Found.objects.filter(drive_serial=drive).values_list("pk", flat=True)[:MOST]
        same = Certificate.unfiltered.filter(arrival__in=list(numbers), customer=certificates[0].customer_id)
        certificates = list(same.select_related("customer").order_by("arrival")) or certificates
    return Target(shown, certificates, drive)


def _unit(text: str) -> Unit | None:
    numbers = changing.numbers_in(text)
    wanted = Q()
    for one in numbers:
        wanted |= Q(identifiers__kind=one.kind, identifiers__norm=one.norm, identifiers__retired_at__isnull=True)
    if not numbers:
        return None
    found = {unit.merged_into_id or unit.pk for unit in Unit.unfiltered.filter(wanted).distinct()[:3]}
    if len(found) > 1:
        raise StatementProblem(problem=f"{text[:80]!r}: {len(found)} units have this number")
    return Unit.unfiltered.select_related("customer").get(pk=found.pop()) if found else None


def _of(unit: Unit, certificates: Sequence[Certificate]) -> bool:
    known = set(unit.links.filter(ended_at__isnull=True).values_list("certificate_id", flat=True))
    return {one.id for one in certificates} <= known


def _refuse_again(target: Target) -> None:
    if target.unit is not None:
        if target.unit.disposal == words.SOLD:
            raise StatementProblem(problem=f"{target.seen_as!r}: the unit is sold")
        names = [(UNIT, str(target.unit.pk))]
    else:
        names = [(CERTIFICATE, target.certificates[-1].id)]
    for kind, name in names:
        for one in queries.subjects(kind, [name], [kinds.DESTRUCTION]):
            told = one.statement.sha256
            raise StatementProblem(problem=f"{target.seen_as!r}: it was destroyed already, says statement {told[:12]}")


def _checked(how: How) -> dict[str, Any]:
    """Judge how it was done. Raise StatementProblem for the first thing that is missing or wrong."""
    method = OTHER_WORDS.get(how.method.strip().lower(), how.method.strip().lower())
    if method not in METHODS:
        raise StatementProblem(problem=f"method {how.method[:40]!r}: allowed is one of {', '.join(METHODS)}")
    texts = {name: " ".join(str(value).split()) for name, value in asdict(how).items() if isinstance(value, str)}
    for name in ("batch", "recycler"):
        if not texts[name]:
            raise StatementProblem(problem=f"a destruction names its {name}")
    if any(len(value) > LONGEST for value in texts.values()):
        raise StatementProblem(problem=f"no field has more than {LONGEST} characters")
    if how.weight_g is not None and not 0 < how.weight_g < 10**8:
        raise StatementProblem(problem="weight: allowed are 1 to 99,999,999 g")
    recycler = Organisation.objects.filter(name=texts["recycler"], kind="recycler").first()
    size = _particle(texts["particle_mm"], method)
    return {
        **texts,
        "method": method,
        "particle_mm": size,
        "weight_g": how.weight_g,
        "recycler_cvr": recycler.cvr if recycler else "",
    }


def _particle(text: str, method: str) -> str:
    """The size as a decimal text: a float would not be what was said."""
    if not text:
        if method in LEAVE_PARTICLES:
            raise StatementProblem(problem=f"{method} leaves particles: say how large they are, in mm")
        return ""
    try:
        size = Decimal(text.replace(",", ".")) if re.fullmatch(r"\d{1,3}([.,]\d{1,3})?", text) else Decimal(0)
    except InvalidOperation:
        size = Decimal(0)
    if not 0 < size <= LARGEST_PARTICLE_MM:
        raise StatementProblem(problem=f"particle size {text[:20]!r}: allowed are 0.001 to {LARGEST_PARTICLE_MM} mm")
    return f"{size.normalize():f}"


def _say(speaker: Speaker, targets: Sequence[Target], told: dict[str, Any]) -> SignedStatement:
    about = list(dict.fromkeys(one for target in targets for one in target.about()))
    customer = targets[0].customer
    row = services.say(
        kinds.DESTRUCTION,
        about,
        {**told, "destroyed": [one.listed() for one in targets]},
        speaker,
        customer=customer,
        word=told["method"],
    )
    for target in targets:
        _follow(speaker.actor, target, row)
    return row


def _follow(actor: Actor, target: Target, row: SignedStatement) -> None:
    """Let the units follow: the drive's link, or the unit itself."""
    touched = set[int]()
    if target.unit is not None:
        target.unit.destroyed_at = row.said_at
        target.unit.save(update_fields=["destroyed_at"])
        touched.add(target.unit.pk)
    else:
        store.settle(one.id for one in target.certificates)
        links = DriveLink.objects.filter(certificate__in=[one.id for one in target.certificates], ended_at__isnull=True)
        touched |= set(links.values_list("unit_id", flat=True))
        links.update(destroyed_at=row.said_at)
    units = Unit.unfiltered.filter(pk__in=touched)
    UnitEvent.objects.bulk_create(
        [
            store.event(unit, "destroyed", actor, at=row.said_at, statement=row.sha256, drive=target.drive)
            for unit in units
        ]
    )
    store.refresh(touched)
