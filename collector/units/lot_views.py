"""Pages of lots: opened, collected, received by a scanner, handed over, closed; and their notes on paper."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from agent.pdf import PdfExtraMissing
from collector.certificates.views import download, language
from collector.errors import CollectorError
from collector.parties.doors import roles, sight_of
from collector.parties.roles import ADMINISTRATOR, SEE_CERTIFICATES, TEAM_LEAD, TECHNICIAN
from collector.parties.sessions import actor_of
from collector.text import number as whole
from collector.units import arriving, linking, lots, notes, queries, receive_file, receiving, store, words
from collector.units import vocabulary as vocabulary_
from collector.units.errors import UnitProblem
from collector.units.lots import Step
from collector.units.models import Lot, Unit, UnitEvent
from collector.units.queries import Asked
from collector.units.unit_views import attempt

WORK = (TEAM_LEAD, TECHNICIAN, ADMINISTRATOR)
READ_OR_POST = require_http_methods(["GET", "HEAD", "POST"])
LAST = 10
LARGEST_UPLOAD = 20 << 20


@roles(*SEE_CERTIFICATES)
@READ_OR_POST
def lots_page(request: HttpRequest) -> HttpResponse:
    """List lots, and open one: `/lots`."""
    if request.method == "POST":
        return _open(request)
    sight = sight_of(request)
    page = max(1, whole(request.GET.get("page", ""), 1))
    rows, more = queries.page_of(queries.lots_of(sight), page)
    context = {
        "rows": rows,
        "customers": queries.customers(sight) if sight.every_customer else [],
        "works": sight.has(WORK),
        "newer": f"/lots?page={page - 1}" if page > 1 else "",
        "older": f"/lots?page={page + 1}" if more else "",
    }
    return render(request, "units/lots.html", context)


@roles(*SEE_CERTIFICATES)
@require_safe
def lot(request: HttpRequest, number: int) -> HttpResponse:
    """Show a lot with what it holds: `/lots/<number>`."""
    found = _lot(request, number)
    asked = Asked(lot=found.pk)
    sums = queries.sums(sight_of(request), asked)
    context = {
        "lot": found,
        "counts": [one for one in queries.counted(sums, asked) if one[1]],
        "sums": sums,
        "disposals": [(words.DISPOSALS[name], n, asked.address("/units", disposal=name))
                      for name, n in sums.disposals.items()],
        "custody": found.custody.order_by("pk"),
        "steps": [(name, words.STEPS[name]) for name in vocabulary_.STEPS if name != "closed"],
        "works": sight_of(request).has(WORK),
        "closes": sight_of(request).has(lots.CLOSE_BY),
        "today": date.today().isoformat(),
    }  # fmt: skip
    return render(request, "units/lot.html", context)


@roles(*WORK)
@require_POST
def step(request: HttpRequest, number: int) -> HttpResponse:
    """Write down a step of custody, or close the lot: `/lots/<number>/step`."""
    found, told = _lot(request, number), request.POST
    if told.get("step") == "closed":
        linking.follow_all()
        attempt(request, lambda: lots.close_lot(actor_of(request), found), _("The lot is closed."))
    else:
        attempt(
            request,
            lambda: lots.take_step(actor_of(request), found, told.get("step", ""), _step(told)),
            _("Written down and signed."),
        )
    return redirect("lot", number)


@dataclass(frozen=True)
class Last:
    """What the last scan came to."""

    text: str
    result: str
    unit: Unit | None
    problem: str = ""


@roles(*WORK)
@READ_OR_POST
def receive(request: HttpRequest, number: int) -> HttpResponse:
    """Receive units with a scanner, one scan each: `/lots/<number>/receive`."""
    found = _lot(request, number)
    told = request.POST if request.method == "POST" else request.GET
    last = _scan(request, found) if request.method == "POST" and told.get("scan", "").strip() else None
    events = UnitEvent.objects.filter(kind="received", unit__lot=found).order_by("-pk")[:LAST]
    rows = queries.listed(one.unit for one in events.select_related("unit"))
    context = {
        "lot": found,
        "last": last,
        "kind": told.get("kind", "") if told.get("kind", "") in vocabulary_.KINDS else "",
        "drives": told.get("drives", "")[:2],
        "kinds": [(name, words.KINDS[name]) for name in vocabulary_.KINDS if name != vocabulary_.UNKNOWN],
        "rows": rows,
        "count": Unit.objects.seen_by(sight_of(request)).filter(lot=found).count(),
        "expected": Unit.objects.seen_by(sight_of(request)).filter(expected_in=found, received_at=None).count(),
    }
    return render(request, "units/receive.html", context)


@roles(*WORK)
@require_POST
def receive_list(request: HttpRequest, number: int) -> HttpResponse:
    """Receive the units of an uploaded list: `/lots/<number>/list`."""
    found = _lot(request, number)
    try:
        name, data = uploaded(request)
        told = receive_file.receive_bytes(actor_of(request), found, data, name)
    except CollectorError as error:
        messages.error(request, str(error))
        return redirect("lot", number)
    counts = {"rows": told["rows"], "in": told["received"] + told["unexpected"] + told["conflict"],
              "rejected": len(told["rejected"])}  # fmt: skip
    messages.success(request, _("%(rows)d rows: %(in)d received, %(rejected)d rejected.") % counts)
    for one in told["rejected"][:20]:
        messages.warning(request, _("Row %(row)s: %(problem)s") % one)
    return redirect("lot", number)


@roles(*SEE_CERTIFICATES)
@require_safe
def note(request: HttpRequest, number: int, kind: str) -> HttpResponseBase:
    """Print a lot's note: `/lots/<number>/<collection|delivery>.pdf`."""
    found = _lot(request, number)
    if kind not in notes.KINDS:
        raise Http404(_("There is no such note."))
    try:
        made = notes.note(found, kind, language())
    except PdfExtraMissing as missing:
        return HttpResponse(f"{missing}\n", status=503, content_type="text/plain; charset=utf-8")
    return download(made, f"{kind}-{found.pk}.pdf", "application/pdf")


def uploaded(request: HttpRequest) -> tuple[str, bytes]:
    """Return the name and the bytes of an uploaded file. Raise UnitProblem."""
    file = request.FILES.get("file")
    if file is None or isinstance(file, list):
        raise UnitProblem(problem=_("choose a file first"))
    return str(file.name), file.read(LARGEST_UPLOAD + 1)


def _open(request: HttpRequest) -> HttpResponse:
    sight, told = sight_of(request), request.POST
    chosen = [one for one in queries.customers(sight) if str(one.pk) == told.get("customer", "")]
    if not sight.has(WORK) or not sight.every_customer or not chosen:
        messages.error(request, _("Choose a customer."))
        return redirect("lots")
    made: list[Lot] = []

    def open_it() -> None:
        made.append(
            lots.open_lot(
                actor_of(request), chosen[0], told.get("code", ""), reference=told.get("reference", "")[:200],
                vat_origin=told.get("vat_origin", ""),
            )
        )  # fmt: skip

    return redirect("lot", made[0].pk) if attempt(request, open_it, _("The lot is open.")) else redirect("lots")


def _scan(request: HttpRequest, found: Lot) -> Last:
    """One scan: the unit that it is comes in. What cannot come in is said, and nothing is changed."""
    told, customer = request.POST, found.customer
    assert customer is not None
    text = told.get("scan", "").strip()[:128]
    prefix = store.prefix_of(customer)
    index = store.index_of(customer.pk, [(one.kind, one.norm) for one in arriving.readings(text, prefix)])
    seen = arriving.scanned(text, index, prefix)
    if not seen.numbers:
        return Last(text, "refused", None, _("This is no serial number, no asset tag and no IMEI."))
    count = told.get("drives", "").strip()
    drives = whole(count, -1) if count else None
    if drives is not None and not 0 <= drives <= vocabulary_.MOST_DRIVES:
        allowed = _("Drives are 0 to %(most)d; nothing where nobody counted them.") % {"most": vocabulary_.MOST_DRIVES}
        return Last(text, "refused", None, allowed)
    kind = told.get("kind", "")
    one = receiving.Arrival(seen, kind if kind in vocabulary_.KINDS else "", drives)
    try:
        done = receiving.receive(actor_of(request), found, [one])[0]
    except CollectorError as error:
        return Last(text, "refused", None, str(error))
    linking.follow_all()
    unit = None if done.unit is None else queries.unit(sight_of(request), done.unit.pk)
    return Last(text, done.result, unit, done.problem)


def _step(told: Any) -> Step:  # noqa: ANN401 - a form's fields
    count = told.get("count", "").strip()
    try:
        day = date.fromisoformat(told.get("day", ""))
    except ValueError:
        raise UnitProblem(problem=_("a day is written as 2026-11-30")) from None
    if count and not (count.isascii() and count.isdigit() and len(count) < 8):
        raise UnitProblem(problem=_("a count is a whole number"))
    return Step(
        day, told.get("place", "").strip()[:300], int(count) if count else None,
        [seal for line in told.get("seals", "").splitlines() for seal in line.replace(",", " ").split()],
        told.get("from", "").strip()[:300], told.get("to", "").strip()[:300], told.get("note", "").strip()[:2000],
    )  # fmt: skip


def _lot(request: HttpRequest, number: int) -> Lot:
    found = queries.lot(sight_of(request), number)
    if found is None:
        raise Http404(_("There is no such lot."))
    return found
