"""Pages of agreements and their approval by both sides. Prices are shown to those alone who may see them."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from collector.errors import CollectorError
from collector.parties.doors import roles, sight_of
from collector.parties.models import Person
from collector.parties.roles import AUDITOR, CUSTOMER_FINANCE, FINANCE
from collector.parties.sessions import actor_of
from collector.text import number as whole
from collector.trade import agreements, consents
from collector.trade.forms import Consented
from collector.trade.models import Agreement


@roles(FINANCE, CUSTOMER_FINANCE, AUDITOR)
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """List agreements, those first that wait for this person's side: `/agreements`."""
    rows = [(one, _versions(request, one)) for one in _agreements(request).order_by("customer__name", "title")]
    rows.sort(key=lambda row: not any(version["mine"] for version in row[1]))
    return render(request, "trade/agreements.html", {"rows": rows})


@roles(FINANCE, CUSTOMER_FINANCE, AUDITOR)
@require_safe
def one(request: HttpRequest, number: int) -> HttpResponse:
    """Show an agreement: its versions, their rates, and who said yes: `/agreements/<number>`."""
    agreement = _agreement(request, number)
    person = _person(request)
    context = {
        "agreement": agreement,
        "versions": _versions(request, agreement),
        "consents": agreement.consents.select_related("unit").order_by("-id")[:50],
        "consent_form": Consented() if agreements.speaks_for(person, agreement, "customer") else None,
        "periods": agreement.periods.select_related("settlement").order_by("-first_day")[:50],
    }
    return render(request, "trade/agreement.html", context)


@roles(FINANCE, CUSTOMER_FINANCE)
@require_POST
def approve(request: HttpRequest, number: int) -> HttpResponse:
    """Say yes to a version for one's own side."""
    agreement = _agreement(request, number)
    version = agreement.versions.filter(pk=whole(request.POST.get("version", ""), 0)).first()
    if version is None:
        raise Http404(_("There is no such version."))
    if request.POST.get("fingerprint") != version.fingerprint:
        messages.error(request, _("The version was changed meanwhile. Read it again."))
        return redirect("agreement", number=number)

    def work() -> None:
        agreements.approve(actor_of(request), agreement, version.valid_from, _person(request))

    attempt(request, work, _("You approved the version of %(day)s.") % {"day": version.valid_from})
    return redirect("agreement", number=number)


@roles(CUSTOMER_FINANCE)
@require_POST
def consent(request: HttpRequest, number: int) -> HttpResponse:
    """Say yes to a low price for a unit."""
    agreement = _agreement(request, number)
    form = Consented(request.POST)
    if form.is_valid():
        told = form.cleaned_data
        ore, identifier = int(told["kroner"] * 100), told["identifier"]

        def work() -> None:
            consents.give(actor_of(request), agreement, identifier, ore, _person(request))

        attempt(request, work, _("%(number)s may be sold for less.") % {"number": identifier})
    else:
        messages.error(request, _("A number and a price are needed."))
    return redirect("agreement", number=number)


def attempt(request: HttpRequest, work: Callable[[], object], done: str) -> bool:
    """Do what was asked for; what is refused is said above the page."""
    try:
        work()
    except CollectorError as error:
        messages.error(request, str(error))
        return False
    messages.success(request, done)
    return True


def _agreements(request: HttpRequest) -> QuerySet[Agreement]:
    rows: QuerySet[Agreement]
    rows = Agreement.objects.seen_by(sight_of(request)).select_related("customer", "seller")
    return rows


def _agreement(request: HttpRequest, number: int) -> Agreement:
    found: Agreement | None = Agreement.objects.seen_by(sight_of(request)).filter(pk=number).first()
    if found is None:
        raise Http404(_("There is no such agreement."))
    return found


def _versions(request: HttpRequest, agreement: Agreement) -> list[dict[str, object]]:
    """The versions, newest first, and whether this person's yes is what each waits for."""
    person = _person(request)
    sides = [side for side in agreements.ROLE_OF if agreements.speaks_for(person, agreement, side)]
    found = []
    for row in agreement.versions.order_by("-valid_from").prefetch_related("approvals__person", "rates"):
        said = [yes for yes in row.approvals.all() if yes.fingerprint == row.fingerprint]
        free = [side for side in sides if side not in {yes.side for yes in said}]
        mine = row.binding_at is None and bool(free) and person.pk not in {yes.person_id for yes in said}
        found.append({"row": row, "state": agreements.state_of(row), "approvals": said, "mine": mine})
    return found


def _person(request: HttpRequest) -> Person:
    assert isinstance(request.user, Person)
    return request.user
