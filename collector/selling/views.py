"""Pages of the till, the store, the price list, and what a buyer bought."""

from __future__ import annotations

import csv
import io
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from collector.certificates.exports.cells import harmless
from collector.parties.doors import roles, sight_of
from collector.parties.models import Organisation
from collector.parties.roles import BUYER, FINANCE, TEAM_LEAD, Sight
from collector.parties.sessions import actor_of
from collector.problems import attempt
from collector.selling import annex, queries, rules, services
from collector.selling.errors import NoPack, SellingProblem
from collector.selling.forms import Left, Prices, Sold, TakenBack
from collector.selling.words import STATES
from collector.text import number
from collector.trade.rules.money import written
from collector.trade.sale_rows import Taken
from collector.trade.sights import organisations
from collector.units import lots

READ_OR_POST = require_http_methods(["GET", "HEAD", "POST"])
KEPT = ("channel", "reference", "sold_on", "paid_on", "buyer", "country", "vat_mode", "each")
PER_PAGE = queries.PER_PAGE


@roles(FINANCE)
@READ_OR_POST
def sell(request: HttpRequest) -> HttpResponse:
    """Sell by scanning: `/sell`. What may not be sold is named, and stays in the form; the rest is sold."""
    form, made = Sold(request.POST or None), list[Taken]()
    if request.method == "POST" and attempt(form, lambda told: made.append(_sell(request, told))):
        left = _left(form.cleaned_data["units"], made[0], bulk=form.cleaned_data["together"] is not None)
        form = Sold(initial={**{name: request.POST.get(name, "") for name in KEPT}, "units": left})
    context = {"form": form, "back": TakenBack(), "taken": made[0] if made else None}
    return render(request, "selling/sell.html", context, status=400 if form.is_bound and form.errors else 200)


@roles(FINANCE)
@require_POST
def take_back(request: HttpRequest) -> HttpResponse:
    """Give money back, take a unit back, cancel: `/sell/back`."""
    form, made = TakenBack(request.POST), list[Taken]()
    if attempt(form, lambda told: made.append(_take_back(request, told))) and not made[0].rejected:
        messages.success(request, _("It is written down."))
        return redirect("sell")
    context = {"form": Sold(), "back": form, "taken": made[0] if made else None}
    return render(request, "selling/sell.html", context, status=400)


@roles(TEAM_LEAD, FINANCE)
@require_safe
def stock(request: HttpRequest) -> HttpResponse:
    """List what stands in stock, the longest first: `/stock`."""
    sight, ask = sight_of(request), request.GET
    page = max(1, number(ask.get("page", ""), 1))
    rows = list(
        queries.stock(sight, ask.get("kind", ""), ask.get("grade", ""))[(page - 1) * PER_PAGE :][: PER_PAGE + 1]
    )
    shown = rows[:PER_PAGE]
    numbers = lots.numbers_of([unit.pk for unit in shown])
    prices = queries.prices(organisations(sight, FINANCE))
    context = {
        "rows": [(unit, numbers.get(unit.pk, {}), _kroner(queries.asked(prices, unit))) for unit in shown],
        "money": bool(organisations(sight, FINANCE)),
        "leave": Left() if sight.has((TEAM_LEAD,)) else None,
        "kind": ask.get("kind", ""),
        "grade": ask.get("grade", ""),
        "newer": f"/stock?page={page - 1}" if page > 1 else "",
        "older": f"/stock?page={page + 1}" if len(rows) > PER_PAGE else "",
    }
    return render(request, "selling/stock.html", context)


@roles(TEAM_LEAD)
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Scrap units, give them back, keep them: `/stock/leave`."""
    form = Left(request.POST)
    if attempt(form, lambda told: _leave(request, told)):
        messages.success(request, _("It is written down, signed."))
        return redirect("stock")
    return render(request, "selling/stock.html", {"rows": [], "leave": form, "money": False}, status=400)


@roles(FINANCE)
@READ_OR_POST
def prices(request: HttpRequest) -> HttpResponse:
    """Show the price list, and take another one in: `/prices`."""
    form = Prices(request.POST or None)
    if request.method == "POST" and attempt(form, lambda told: _set_prices(request, told)):
        return redirect("prices")
    found = queries.prices(organisations(sight_of(request), FINANCE))
    rows = [(kind, grade, written(price)) for (kind, grade), price in sorted(found.items())]
    status = 400 if form.is_bound and form.errors else 200
    return render(request, "selling/prices.html", {"form": form, "rows": rows}, status=status)


@roles(BUYER)
@require_safe
def purchases(request: HttpRequest) -> HttpResponse:
    """List the units that a buyer bought, with grade and certificates: `/purchases`."""
    page = max(1, number(request.GET.get("page", ""), 1))
    lines = list(queries.purchases(sight_of(request))[(page - 1) * PER_PAGE :][: PER_PAGE + 1])
    context = {
        "rows": [(one, written(one.line.price_ore), _state(one)) for one in queries.bought(lines[:PER_PAGE])],
        "newer": f"/purchases?page={page - 1}" if page > 1 else "",
        "older": f"/purchases?page={page + 1}" if len(lines) > PER_PAGE else "",
    }
    return render(request, "selling/purchases.html", context)


@roles(BUYER)
@require_safe
def export(request: HttpRequest) -> HttpResponse:
    """Give a buyer all that they bought, as CSV: `/purchases/export`."""
    out = io.StringIO(newline="")
    out.write("\ufeff")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(
        ("seller", "reference", "line", "sold_on", "kind", "manufacturer", "model", "numbers", "grade", "faults",
         "price", "state", "certificates")
    )  # fmt: skip
    for one in queries.bought(list(queries.purchases(sight_of(request))[: annex.MOST * 5])):
        line = one.line
        cells = (
            line.sale.seller.name, line.sale.reference, line.line, str(line.sold_on), one.kind, one.manufacturer,
            one.model, " ".join(one.numbers), one.grade, "; ".join(one.faults), written(line.price_ore), one.state,
            " ".join(c.id for c in one.certificates),
        )  # fmt: skip
        writer.writerow([harmless(cell) for cell in cells])
    answer = HttpResponse(out.getvalue().encode(), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="purchases.csv"'
    return answer


@roles(BUYER, FINANCE)
@require_safe
def annex_vi(request: HttpRequest, number: int) -> HttpResponse:
    """Make the papers of a consignment that leaves the country: `/purchases/<sale>/annex-vi.zip`."""
    sale = queries.sales_of(sight_of(request)).select_related("seller").filter(pk=number).first()
    if sale is None:
        raise Http404(_("There is no such sale."))
    lines = list(sale.lines.select_related("unit", "sale__seller").prefetch_related("events").order_by("pk"))
    try:
        made = annex.pack(sale, queries.bought(lines))
    except NoPack as problem:
        context = {"title": _("No papers"), "text": str(problem)}
        return render(request, "problem.html", context, status=409)
    answer = HttpResponse(made, content_type="application/zip")
    answer.headers["Content-Disposition"] = f'attachment; filename="annex-vi-{sale.pk}.zip"'
    return answer


def _seller(sight: Sight) -> Organisation:
    found = list(Organisation.objects.filter(pk__in=organisations(sight, FINANCE))[:2])
    if len(found) != 1:
        raise SellingProblem(problem=_("this page is for somebody who works for one seller"))
    return found[0]


def _sell(request: HttpRequest, told: dict[str, Any]) -> Taken:
    try:
        units = rules.lines(told["units"])
    except rules.NoPrice as problem:
        raise SellingProblem(problem=problem) from None
    asked = services.Asked(
        channel=told["channel"],
        reference=told["reference"].strip(),
        sold_on=told["sold_on"],
        units=units,
        each_ore=told["each"],
        all_ore=told["together"],
        paid_on=told["paid_on"],
        buyer=told["buyer"].strip(),
        country=told["country"],
        vat_mode=told["vat_mode"],
    )
    taken = services.sell(actor_of(request), _seller(sight_of(request)), asked)
    if taken.new:
        sold = taken.new - (asked.all_ore is not None)  # the one price of a bulk sale is a row of its own
        messages.success(
            request, ngettext("%(count)d unit is sold.", "%(count)d units are sold.", sold) % {"count": sold}
        )
    return taken


def _left(text: str, taken: Taken, *, bulk: bool) -> str:
    """The lines that were not sold, to be scanned again; all of them where they are one sale."""
    scanned = [line for line in text.splitlines() if line.strip()]
    if bulk:
        return text if taken.rejected else ""
    wrong = {one.row for one in taken.rejected}
    return "\n".join(line for row, line in enumerate(scanned, 1) if row in wrong)


def _take_back(request: HttpRequest, told: dict[str, Any]) -> Taken:
    return services.take_back(
        actor_of(request),
        _seller(sight_of(request)),
        event=told["event"],
        channel=told["channel"],
        reference=told["reference"].strip(),
        line=told["line"].strip(),
        external_id=told["external_id"].strip(),
        price_ore=told["given"],
        day=told["day"],
    )


def _leave(request: HttpRequest, told: dict[str, Any]) -> None:
    services.leave(actor_of(request), told["units"].splitlines(), told["where"], told["to"], told["reason"])


def _set_prices(request: HttpRequest, told: dict[str, Any]) -> None:
    services.set_prices(actor_of(request), _seller(sight_of(request)), told["prices"], told["valid_from"])


def _kroner(price: int | None) -> str:
    return "" if price is None else written(price)


def _state(one: queries.Bought) -> str:
    return str(STATES[one.state]) if one.state else ""
