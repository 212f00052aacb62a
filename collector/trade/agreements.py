"""What happens to agreements: loaded from a file as a draft, approved by both sides, binding from then on."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from django.db import transaction
from django.utils.translation import gettext as _

from collector.moments import now
from collector.parties.models import Organisation, Person
from collector.parties.roles import CUSTOMER_FINANCE, FINANCE
from collector.parties.services import Actor, note
from collector.statements.policy import Policy
from collector.trade.errors import NoAgreement, NotSo, TradeFileProblem
from collector.trade.models import Agreement, AgreementRate, AgreementVersion, Approval
from collector.trade.rules import terms
from collector.trade.rules.days import begins
from collector.trade.rules.terms import AgreementFile, Rate, Terms
from collector.units import store
from collector.units.models import DriveLink
from drivers.options import convert, read_toml

ROLE_OF = {"seller": FINANCE, "customer": CUSTOMER_FINANCE}
"""Who says yes for a side, in that side's own organisation."""
SELLERS = ("operator", "reseller")
DRAFT, APPROVED, BINDING = "draft", "approved by one side", "binding"


def read_file(path: Path) -> AgreementFile:
    """Read an agreement's file. Raise TradeFileProblem with every problem."""
    data, found = read_toml(path)
    told, more = (None, []) if found else convert(data, AgreementFile)
    found = found + more + (terms.problems(told) if told is not None else [])
    if told is None or found:
        raise TradeFileProblem(where=path, problem="; ".join(found))
    return told


@transaction.atomic
def load(actor: Actor, told: AgreementFile, *, where: str) -> Agreement:
    """Keep an agreement's versions as drafts. What binds stays, and must stand in the file as it is. Raise."""
    customer, seller = _party(told.customer, ("customer",), where), _party(told.seller, SELLERS, where)
    agreement: Agreement | None = Agreement.unfiltered.filter(
        customer=customer, seller=seller, title=told.title
    ).first()
    if agreement is None:
        agreement = Agreement.unfiltered.create(
            code=_code(customer.name, told.title),
            customer=customer,
            seller=seller,
            title=told.title,
            currency=told.currency,
        )
    elif agreement.currency != told.currency:
        raise TradeFileProblem(where=where, problem=f"currency = {told.currency!r}: allowed is {agreement.currency!r}")
    changed = [one for one in told.version if _keep(agreement, one, where)]
    if changed:
        note(actor, "agreement.loaded", agreement.code, versions=[str(one.valid_from) for one in changed])
    return agreement


@transaction.atomic
def approve(actor: Actor, agreement: Agreement, valid_from: date, person: Person) -> AgreementVersion:
    """Say yes to a version's terms for the side that a person may speak for. Raise NotSo."""
    rows = AgreementVersion.unfiltered.select_for_update()
    version: AgreementVersion | None = rows.filter(agreement=agreement, valid_from=valid_from).first()
    if version is None:
        raise NoAgreement(name=agreement.code, problem=f"it has no version of {valid_from}")
    said = {one.side: one for one in version.approvals.filter(fingerprint=version.fingerprint)}
    sides = [side for side in ROLE_OF if speaks_for(person, agreement, side)]
    if not sides:
        raise NotSo(
            problem=_("%(who)s has no role that approves this agreement: finance of %(seller)s or of %(customer)s")
            % {"who": person.login, "seller": agreement.seller.name, "customer": agreement.customer.name}
        )
    if any(one.person_id == person.pk for one in said.values()) or all(side in said for side in sides):
        raise NotSo(problem=_("%(who)s's side has approved this version already") % {"who": person.login})
    side = next(side for side in sides if side not in said)
    Approval.unfiltered.create(
        version=version, side=side, fingerprint=version.fingerprint, person=person, who=actor.who
    )
    if len({*said, side}) == len(ROLE_OF):
        version.binding_at = now()
        version.save(update_fields=["binding_at"])
        _units_follow(version)
    note(actor, "agreement.approved", agreement.code, version=str(valid_from), side=side, person=person.login)
    return version


def _units_follow(version: AgreementVersion) -> None:
    """Let the units stand anew whose erasures it rules: those that were done since it holds."""
    ties = DriveLink.objects.filter(
        unit__customer=version.agreement.customer_id, ended_at__isnull=True, finished_at__gte=begins(version.valid_from)
    )
    store.refresh(ties.values_list("unit_id", flat=True))


def speaks_for(person: Person, agreement: Agreement, side: str) -> bool:
    """Say whether a person approves, closes and objects for a side of an agreement."""
    house = agreement.seller_id if side == "seller" else agreement.customer_id
    return any(one.role == ROLE_OF[side] and one.organisation == house for one in person.sight().standings)


def named(name: str) -> Agreement:
    """Find an agreement by its code, or by its title where only one has it. Raise NoAgreement."""
    rows = Agreement.unfiltered.select_related("customer", "seller")
    found: list[Agreement] = list(rows.filter(code=name)) or list(rows.filter(title=name))
    if not found:
        raise NoAgreement(name=name, problem="there is none")
    if len(found) > 1:
        codes = ", ".join(sorted(one.code for one in found))
        raise NoAgreement(name=name, problem=f"{len(found)} have this title; their codes: {codes}")
    return found[0]


def listed() -> list[dict[str, Any]]:
    """List agreements with their versions, for a person at the command line."""
    return [shown(one) for one in Agreement.unfiltered.select_related("customer", "seller").order_by("code")]


def shown(agreement: Agreement) -> dict[str, Any]:
    """Describe an agreement and the state of its versions."""
    versions = agreement.versions.order_by("valid_from").prefetch_related("approvals")
    return {
        "agreement": agreement.code,
        "customer": agreement.customer.name,
        "seller": agreement.seller.name,
        "title": agreement.title,
        "versions": [{"valid_from": str(one.valid_from), "state": state_of(one)} for one in versions],
    }


def state_of(version: AgreementVersion) -> str:
    """Say whether a version binds, waits for the other side, or is a draft."""
    if version.binding_at is not None:
        return BINDING
    return APPROVED if any(one.fingerprint == version.fingerprint for one in version.approvals.all()) else DRAFT


def terms_of(version: AgreementVersion) -> Terms:
    """Read a version's row and its rates as values."""
    rates = [
        Rate(**{name: getattr(row, name) for name in Rate.__struct_fields__})
        for row in sorted(version.rates.all(), key=lambda one: one.pk)
    ]
    return Terms(**{name: getattr(version, name) for name in Terms.__struct_fields__ if name != "rate"}, rate=rates)


def binding(agreement: Agreement) -> dict[date, tuple[AgreementVersion, Terms]]:
    """Read the versions that bind: their first day -> the row and its terms."""
    rows = agreement.versions.filter(binding_at__isnull=False).prefetch_related("rates").order_by("valid_from")
    return {row.valid_from: (row, terms_of(row)) for row in rows}


def policy_on(customer: int, day: date) -> Policy | None:
    """Tell what a customer's agreements ask of its erasures on a day, the strictest of them; None where none binds."""
    newest: dict[int, AgreementVersion] = {}
    rows = AgreementVersion.unfiltered.filter(
        agreement__customer=customer, binding_at__isnull=False, valid_from__lte=day
    )
    for row in rows.order_by("valid_from"):
        newest[row.agreement_id] = row
    if not newest:
        return None
    found = newest.values()
    return Policy(
        validation=any(row.validation == "required" for row in found),
        validator_differs=any(row.validator_differs for row in found),
        sample_bp=max(row.sample_bp for row in found),
        unread_allowed=all(row.unread_allowed for row in found),
    )


def _keep(agreement: Agreement, told: Terms, where: str) -> bool:
    """Write a version's draft; whether anything changed. Its approvals were of the terms before."""
    mark = terms.fingerprint(told)
    version = AgreementVersion.unfiltered.filter(agreement=agreement, valid_from=told.valid_from).first()
    if version is not None and version.fingerprint == mark:
        return False
    if version is not None and version.binding_at is not None:
        problem = f"the version of {told.valid_from} binds both sides and never changes; a change is a new version"
        raise TradeFileProblem(where=where, problem=problem)
    facts = {name: getattr(told, name) for name in Terms.__struct_fields__ if name not in ("rate", "valid_from")}
    version, _new = AgreementVersion.unfiltered.update_or_create(
        agreement=agreement, valid_from=told.valid_from, defaults={**facts, "fingerprint": mark}
    )
    version.rates.all().delete()
    AgreementRate.unfiltered.bulk_create(AgreementRate(version=version, **msgspec.structs.asdict(r)) for r in told.rate)
    return True


def _party(name: str, kinds: tuple[str, ...], where: str) -> Organisation:
    found = Organisation.objects.filter(name=name, kind__in=kinds).first()
    if found is None:
        problem = f"there is no {' or '.join(kinds)} {name!r}: benchwipe-collector organisation add"
        raise TradeFileProblem(where=where, problem=problem)
    return found


def _code(customer: str, title: str) -> str:
    """A code that nobody has yet: customer and title in plain letters, and a number where it is taken."""
    plain = unicodedata.normalize("NFKD", f"{customer} {title}".lower().translate(str.maketrans("æøåß", "aoas")))
    stem = (
        re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode()).strip("-")[:70].strip("-") or "agreement"
    )
    taken = set(Agreement.unfiltered.filter(code__startswith=stem).values_list("code", flat=True))
    return next(code for n in range(1, len(taken) + 2) if (code := stem if n == 1 else f"{stem}-{n}") not in taken)
