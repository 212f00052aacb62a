"""Pages of units: a list, one unit with all that happened to it, and what people say of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from collector.certificates import stored
from collector.certificates.audience import audience_of
from collector.errors import CollectorError
from collector.intake.models import Certificate
from collector.parties.doors import roles, sight_of
from collector.parties.roles import ADMINISTRATOR, SEE_CERTIFICATES, STAFF, TEAM_LEAD, TECHNICIAN, VALIDATOR
from collector.parties.sessions import actor_of
from collector.text import number as whole
from collector.units import changing, lots, merging, queries, words
from collector.units import vocabulary as vocabulary_
from collector.units.models import DriveLink, Loose, Question, Unit
from collector.units.queries import Asked

SETTLE = (TEAM_LEAD, VALIDATOR, ADMINISTRATOR)
COUNT = (TEAM_LEAD, TECHNICIAN, VALIDATOR, ADMINISTRATOR)
SAYINGS = ("count", "kind", "accept", "found", "separate", "detach")


@roles(*SEE_CERTIFICATES)
@require_safe
def units(request: HttpRequest) -> HttpResponse:
    """List units: `/units?customer=&lot=&status=&q=`."""
    asked, page = asked_of(request), max(1, whole(request.GET.get("page", ""), 1))
    rows, more = queries.page_of(queries.units(sight_of(request), asked), page)
    context = {
        "asked": asked,
        "rows": queries.listed(rows),
        "customers": queries.customers(sight_of(request)),
        "statuses": [(name, words.STATUSES[name]) for name in vocabulary_.STATUSES],
        "kinds": [(name, words.KINDS[name]) for name in vocabulary_.KINDS],
        "newer": asked.address("/units", page=page - 1) if page > 1 else "",
        "older": asked.address("/units", page=page + 1) if more else "",
    }
    return render(request, "units/units.html", context)


@roles(*SEE_CERTIFICATES)
@require_safe
def unit(request: HttpRequest, number: int) -> HttpResponse:
    """Show one unit: `/units/<number>`."""
    found = _unit(request, number)
    sight = sight_of(request)
    ties = DriveLink.objects.filter(unit=found).select_related("certificate", "certificate__signed_by",
                                                               "certificate__bytes")  # fmt: skip
    asked = [one for one in queries.open_questions(sight) if found.pk in (one.unit_id, one.other_id)]
    context = {
        "unit": found,
        "listed": queries.Listed(found, lots.numbers_of([found.pk]).get(found.pk, {})),
        "numbers": found.identifiers.order_by("kind", "pk"),
        "row": getattr(found, "row", None),
        "ties": [(tie, stored.heading(tie.certificate)) for tie in ties.order_by("finished_at", "pk")],
        "events": found.events.order_by("-pk")[:200],
        "questions": asked,
        "kinds": [(name, words.KINDS[name]) for name in vocabulary_.KINDS if name != vocabulary_.UNKNOWN],
        "counts": sight.has(COUNT),
        "settles": sight.has(SETTLE),
        "persons": sight.has(STAFF),
        "merged": list(Unit.objects.seen_by(sight).filter(merged_into=found)),
    }
    return render(request, "units/unit.html", context)


@roles(*COUNT)
@require_POST
def say(request: HttpRequest, number: int) -> HttpResponse:
    """Say something of a unit: `/units/<number>/say`, `do` says what."""
    found, told, actor = _unit(request, number), request.POST, actor_of(request)
    reason = told.get("reason", "").strip()[:1000]
    ways: dict[str, Callable[[], Any]] = {
        "count": lambda: changing.count(actor, found, whole(told.get("drives", ""), -1), reason),
        "kind": lambda: changing.tell_kind(actor, found, told.get("kind", ""), reason),
        "accept": lambda: changing.accept(actor, found, reason),
        "found": lambda: changing.found(actor, found, reason),
        "separate": lambda: merging.separate(actor, found, reason),
        "detach": lambda: changing.detach(actor, _tie(found, told.get("tie", "")), reason),
    }
    attempt(request, ways.get(told.get("do", ""), _nothing), _("Written down."))
    return redirect("unit", number)


@roles(*SEE_CERTIFICATES)
@require_safe
def letter(request: HttpRequest, number: int) -> HttpResponse:
    """Write the draft of a notification of a lost device (GDPR, article 33): `/units/<number>/letter`."""
    found = _unit(request, number)
    if found.presence != vocabulary_.MISSING:
        raise Http404(_("Only a unit that is missing has a letter."))
    closed = found.expected_in
    context = {
        "unit": found,
        "listed": queries.Listed(found, lots.numbers_of([found.pk]).get(found.pk, {})),
        "row": getattr(found, "row", None),
        "lot": closed,
        "custody": closed.custody.order_by("pk") if closed else [],
    }
    return render(request, "units/letter.html", context)


@roles(*SETTLE)
@require_safe
def questions(request: HttpRequest) -> HttpResponse:
    """List the contradictions that wait for a person: `/questions`."""
    page = max(1, whole(request.GET.get("page", ""), 1))
    rows, more = queries.page_of(queries.open_questions(sight_of(request)), page)
    pairs = {unit.pk: unit for one in rows for unit in (one.unit, one.other) if unit is not None}
    named = {one.unit.pk: one for one in queries.listed(pairs.values())}
    context = {
        "rows": [(one, named.get(one.unit_id), named.get(one.other_id), merging.answers_of(one)) for one in rows],
        "newer": f"/questions?page={page - 1}" if page > 1 else "",
        "older": f"/questions?page={page + 1}" if more else "",
    }
    return render(request, "units/questions.html", context)


@roles(*SETTLE)
@require_POST
def answer(request: HttpRequest, number: int) -> HttpResponse:
    """Settle a question: `/questions/<number>/answer`."""
    question = Question.objects.seen_by(sight_of(request)).filter(pk=number).first()
    if question is None:
        raise Http404(_("There is no such question."))
    told = request.POST
    attempt(
        request,
        lambda: merging.answer(actor_of(request), question, told.get("answer", ""), told.get("reason", "")[:1000]),
        _("Settled."),
    )
    return redirect("questions")


@roles(*STAFF)
@require_safe
def loose(request: HttpRequest) -> HttpResponse:
    """List certificates without a unit: `/loose`."""
    page = max(1, whole(request.GET.get("page", ""), 1))
    sight = sight_of(request)
    rows, more = queries.page_of(queries.loose(sight), page)
    context = {
        "rows": [(one, audience_of(sight, one.customer_id) == "full") for one in rows],
        "settles": sight.has((*SETTLE, TECHNICIAN)),
        "newer": f"/loose?page={page - 1}" if page > 1 else "",
        "older": f"/loose?page={page + 1}" if more else "",
    }
    return render(request, "units/loose.html", context)


@roles(*SETTLE, TECHNICIAN)
@require_POST
def attach(request: HttpRequest, number: int) -> HttpResponse:
    """Link a loose certificate to a unit, by scanning that: `/loose/<number>/attach`."""
    found = Loose.objects.seen_by(sight_of(request)).select_related("certificate", "customer").filter(pk=number).first()
    if found is None:
        raise Http404(_("There is no such certificate here."))
    told = request.POST
    attempt(request, lambda: _attach(request, found.certificate, found.customer, told), _("Linked."))
    return redirect("loose")


def asked_of(request: HttpRequest) -> Asked:
    """Read which units somebody asks for."""
    ask = request.GET
    status, kind, disposal = ask.get("status", ""), ask.get("kind", ""), ask.get("disposal", "")
    return Asked(
        ask.get("q", "").strip()[:128],
        whole(ask.get("customer", ""), 0),
        whole(ask.get("lot", ""), 0),
        status if status in vocabulary_.STATUSES else "",
        kind if kind in vocabulary_.KINDS else "",
        disposal if disposal in vocabulary_.DISPOSALS else "",
    )


def attempt(request: HttpRequest, do: Callable[[], object], done: str) -> bool:
    """Do it, and say what came of it at the top of the next page."""
    try:
        do()
    except CollectorError as error:
        messages.error(request, str(error))
        return False
    messages.success(request, done)
    return True


def _attach(request: HttpRequest, certificate: Certificate, customer: Any, told: Any) -> None:  # noqa: ANN401
    unit_ = changing.unit_named(told.get("unit", "")[:128], customer)
    if queries.unit(sight_of(request), unit_.pk) is None:
        raise Http404(_("There is no such unit."))
    changing.attach(actor_of(request), unit_, certificate, told.get("reason", "")[:1000])


def _unit(request: HttpRequest, number: int) -> Unit:
    found = queries.unit(sight_of(request), number)
    if found is None:
        raise Http404(_("There is no such unit."))
    return found


def _tie(unit_: Unit, number: str) -> DriveLink:
    found = DriveLink.objects.filter(unit=unit_, pk=whole(number, 0), ended_at__isnull=True).first()
    if found is None:
        raise Http404(_("This certificate is not the unit's."))
    return found


def _nothing() -> None:
    raise CollectorError(problem=_("nothing was said"))
