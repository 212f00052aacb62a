"""The effect of reuse: a customer's year as a page and as files, the method, and what people enter for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from collector.effect import files, services, words
from collector.effect.errors import EffectProblem, FactorProblem
from collector.effect.forms import FigureForm, WorkForm
from collector.effect.report import charts, make
from collector.effect.rules import avoided_each
from collector.effect.tables import factor_table
from collector.moments import now_text, today
from collector.parties.doors import public, roles, sight_of
from collector.parties.models import Organisation
from collector.parties.roles import CUSTOMERS, EVERY_CUSTOMER
from collector.parties.sessions import actor_of
from collector.text import number

SEE_EFFECT = EVERY_CUSTOMER | CUSTOMERS
MEDIA = {
    "pdf": "application/pdf",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@roles(*SEE_EFFECT)
@require_safe
def effect(request: HttpRequest) -> HttpResponse:
    """Show a customer's year: `/effect?customer=NUMBER&year=2026`."""
    customers, customer, year = _asked(request)
    context: dict[str, Any] = {
        "customers": customers,
        "customer": customer,
        "year": year,
        "versions": services.versions(),
        "may_enter": sight_of(request).has(services.ENTERED_BY),
        "work_form": WorkForm(None, _own(request)),
        "figure_form": FigureForm(None, _own(request)),
    }
    if customer is not None:
        try:
            made = make(customer, year, request.GET.get("set", ""))
        except FactorProblem as problem:
            raise Http404(problem.line()) from None
        query = urlencode({"customer": customer.pk, "year": year, "set": made.factors.version})
        links = [(kind, f"/effect/export/{kind}?{query}") for kind in MEDIA]
        context |= {"made": made, "charts": charts(made.report), "links": links, "shown_at": now_text()}
        context |= {"method": words.METHOD}
    return render(request, "effect/effect.html", context)


@roles(*SEE_EFFECT)
@require_safe
def export(request: HttpRequest, kind: str) -> HttpResponse:
    """Send `/effect/export/<pdf|csv|xlsx>?customer=NUMBER&year=2026`."""
    if kind not in MEDIA:
        raise Http404(_("There is no such file."))
    _customers, customer, year = _asked(request)
    if customer is None:
        raise Http404(_("There is no such customer here."))
    try:
        made = make(customer, year, request.GET.get("set", ""))
        data = files.content(made, f".{kind}")
    except FactorProblem as problem:
        raise Http404(problem.line()) from None
    except EffectProblem as problem:
        return HttpResponse(f"{problem.line()}\n", status=503, content_type="text/plain; charset=utf-8")
    headers = {"Content-Disposition": f'attachment; filename="effect-{customer.pk}-{year}.{kind}"'}
    return HttpResponse(data, content_type=MEDIA[kind], headers=headers)


@public
@require_safe
def method(request: HttpRequest) -> HttpResponse:
    """Show how it is calculated, with every factor and its source: `/effect/method`. It names no customer."""
    try:
        factors = services.factors(request.GET.get("set", ""))
    except FactorProblem as problem:
        raise Http404(problem.line()) from None
    kinds = sorted({one.kind for one in factors.factor if one.kind != "*"})
    each = [(words.kind(kind), avoided_each(factors, kind)) for kind in kinds]
    rows = [(name, *(words.kilograms(end) for end in (one.low, one.mid, one.high))) for name, one in each if one]
    context = {"factors": factors, "each": rows, "method": words.METHOD, "apart": words.APART}
    return render(request, "effect/method.html", context | {"table": factor_table(factors)})


@roles(*services.ENTERED_BY)
@require_POST
def work(request: HttpRequest) -> HttpResponse:
    """Take persons and hours in: `POST /effect/work?customer=NUMBER&year=2026`."""

    def enter(told: dict[str, Any], customer: Organisation, year: int) -> None:
        counts = {"persons": told["persons"], "hours": told["hours"]}
        services.enter_work(actor_of(request), told["organisation"], customer, year, told["terms"], **counts)

    return _enter(request, WorkForm(request.POST, _own(request)), enter)


@roles(*services.ENTERED_BY)
@require_POST
def figure(request: HttpRequest) -> HttpResponse:
    """Take a figure with its source in: `POST /effect/figure?customer=NUMBER&year=2026`."""

    def enter(told: dict[str, Any], customer: Organisation, year: int) -> None:
        facts = {"amount_ore": int(told["kroner"] * 100), "source": told["source"], "dated": told["dated"]}
        services.enter_figure(actor_of(request), told["organisation"], customer, year, told["name"], **facts)

    return _enter(request, FigureForm(request.POST, _own(request)), enter)


def _enter(
    request: HttpRequest, form: forms.Form, enter: Callable[[dict[str, Any], Organisation, int], None]
) -> HttpResponse:
    """Enter what a valid form says, and go back to the page; what is wrong stands there."""
    _customers, customer, year = _asked(request)
    if customer is None:
        raise Http404(_("There is no such customer here."))
    try:
        if form.is_valid():
            enter(form.cleaned_data, customer, year)
            messages.success(request, _("Entered."))
        else:
            wrong = [f"{form.fields[name].label}: {' '.join(map(str, told))}" for name, told in form.errors.items()]
            messages.error(request, "; ".join(wrong))
    except EffectProblem as problem:
        messages.error(request, problem.line())
    return redirect(f"/effect?{urlencode({'customer': customer.pk, 'year': year})}")


def _own(request: HttpRequest) -> frozenset[int]:
    """Say for which organisations this person enters figures."""
    return frozenset(one.organisation for one in sight_of(request).standings if one.role in services.ENTERED_BY)


def _asked(request: HttpRequest) -> tuple[list[Organisation], Organisation | None, int]:
    """Read whose year is asked for, among those that the person sees: customers, the one, the year. Raise Http404."""
    rows = Organisation.objects.filter(kind="customer").order_by("name")
    sight = sight_of(request)
    customers = list(rows if sight.every_customer else rows.filter(pk__in=sight.customers))
    wanted, year = request.GET.get("customer", ""), request.GET.get("year", "")
    if wanted and wanted not in {str(one.pk) for one in customers}:
        raise Http404(_("There is no such customer here."))
    if year and not services.FIRST_YEAR <= number(year, 0) <= services.LAST_YEAR:
        raise Http404(_("There is no such year."))
    customer = next((one for one in customers if str(one.pk) == wanted), customers[0] if customers else None)
    return customers, customer, int(year) if year else today().year
