"""Pages of settlements: what is open, what is proposed and what is said of it, what is closed and its documents."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from collector.certificates.views import download
from collector.parties.doors import roles, sight_of
from collector.parties.models import Person
from collector.parties.roles import AUDITOR, CUSTOMER_FINANCE, FINANCE
from collector.parties.sessions import actor_of
from collector.text import number as whole
from collector.trade import closing, documents_kept
from collector.trade.agreements import speaks_for
from collector.trade.documents import table_files
from collector.trade.documents.making import order_of_proposal
from collector.trade.errors import NoSettlement
from collector.trade.forms import Answered, Objected, PeriodAsked
from collector.trade.models import Agreement, Objection, Period, SettlementLine
from collector.trade.rules.days import Period as Days
from collector.trade.settling import ORDER
from collector.trade.sights import organisations
from collector.trade.views import attempt

MEDIA = {
    "pdf": "application/pdf", "csv": "text/csv; charset=utf-8", "machine.csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "jws": "application/jose",
    "xml": "application/xml",
}  # fmt: skip
PER_PAGE = 200
SUMS = ("share_ore", "share_vat_ore", "fees_ore", "fees_vat_ore", "opening_ore", "payable_ore", "closing_ore")


@roles(FINANCE, CUSTOMER_FINANCE, AUDITOR)
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """List periods: proposed ones first, then what is closed, the newest first: `/settlements`."""
    sight = sight_of(request)
    rows = Period.objects.seen_by(sight).select_related("agreement__customer", "agreement__seller", "settlement")
    open_ = rows.exclude(state="closed").order_by("first_day")
    mine = Agreement.objects.seen_by(sight).filter(seller__in=organisations(sight, FINANCE))
    context = {
        "waiting": [(one, _open_objections(one)) for one in open_[:PER_PAGE]],
        "closed": rows.filter(state="closed").order_by("-first_day", "agreement__code")[:PER_PAGE],
        "form": PeriodAsked(agreements=mine) if mine.exists() else None,
    }
    return render(request, "trade/settlements.html", context)


@roles(FINANCE)
@require_POST
def propose(request: HttpRequest) -> HttpResponse:
    """Make the proposal of a period, in place of the one before."""
    sight = sight_of(request)
    mine = Agreement.objects.seen_by(sight).filter(seller__in=organisations(sight, FINANCE))
    form = PeriodAsked(request.POST, agreements=mine)
    if not form.is_valid():
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
        return redirect("settlements")
    agreement, period = form.cleaned_data["agreement"], form.cleaned_data["period"]
    if not attempt(
        request,
        lambda: closing.propose(actor_of(request), agreement, period),
        _("%(period)s is proposed.") % {"period": period.name},
    ):
        return redirect("settlements")
    row = Period.objects.seen_by(sight).get(agreement=agreement, first_day=period.first)
    return redirect("settlement", number=row.pk)


@roles(FINANCE, CUSTOMER_FINANCE, AUDITOR)
@require_safe
def one(request: HttpRequest, number: int) -> HttpResponse:
    """Show a period: its lines, its sums, what is objected, its documents: `/settlements/<number>`."""
    row, person = _period(request, number), _person(request)
    page = max(1, whole(request.GET.get("page", ""), 1))
    lines, count = _lines(row, page)
    objections = row.objections.select_related("answer", "person").order_by("id")
    context = {
        "period": row,
        "name": _days(row).name,
        "sums": [(name, _sums(row)[name]) for name in SUMS] if _sums(row) else [],
        "lines": lines,
        "count": count,
        "page": page,
        "last_page": -(-count // PER_PAGE),
        "objections": [(told, Answered(initial={"objection": told.pk})) for told in objections],
        "may_close": row.state != "closed" and speaks_for(person, row.agreement, "seller"),
        "may_object": row.state == "proposed" and speaks_for(person, row.agreement, "customer"),
        "object_form": Objected(),
        "kinds": _kinds(row),
    }
    return render(request, "trade/settlement.html", context)


@roles(FINANCE)
@require_POST
def close(request: HttpRequest, number: int) -> HttpResponse:
    """Close a period for good."""
    row = _period(request, number)
    attempt(
        request,
        lambda: closing.close(actor_of(request), row.agreement, _days(row), _person(request)),
        _("%(period)s is closed.") % {"period": _days(row).name},
    )
    return redirect("settlement", number=number)


@roles(CUSTOMER_FINANCE)
@require_POST
def object_to(request: HttpRequest, number: int) -> HttpResponse:
    """Record an objection to a line, for the customer."""
    row, form = _period(request, number), Objected(request.POST)
    if form.is_valid():
        told = form.cleaned_data
        attempt(
            request,
            lambda: closing.object_to(actor_of(request), row, told["line"], told["text"], _person(request)),
            _("Your objection to line %(line)d stands.") % {"line": told["line"]},
        )
    else:
        messages.error(request, _("An objection says what is wrong with which line."))
    return redirect("settlement", number=number)


@roles(FINANCE)
@require_POST
def answer(request: HttpRequest, number: int) -> HttpResponse:
    """Answer an objection, for the seller."""
    row, form = _period(request, number), Answered(request.POST)
    found = None
    if form.is_valid():
        found = (
            Objection.objects.seen_by(sight_of(request)).filter(pk=form.cleaned_data["objection"], period=row).first()
        )
    if found is None:
        messages.error(request, _("An answer says why."))
        return redirect("settlement", number=number)
    told, upheld = form.cleaned_data["text"], form.cleaned_data["upheld"] == "yes"
    attempt(
        request,
        lambda: closing.answer(actor_of(request), found, told, _person(request), upheld=upheld),
        _("The objection is answered."),
    )
    return redirect("settlement", number=number)


@roles(FINANCE, CUSTOMER_FINANCE, AUDITOR)
@require_safe
def document(request: HttpRequest, number: int, kind: str) -> HttpResponse:
    """Give out a document: of a closed period as it was made then, of a proposal its lines."""
    row = _period(request, number)
    if kind not in _kinds(row):
        raise Http404(_("There is no such file."))
    if row.state == "closed":
        try:
            data = documents_kept.document(row.settlement, kind)
        except NoSettlement as problem:
            raise Http404(str(problem)) from None
        return download(data, f"settlement-{row.settlement.number}.{kind}", MEDIA[kind])
    order = order_of_proposal(row)
    data = table_files.people_csv(order) if kind == "csv" else table_files.workbook(order)
    return download(data, f"proposal-{_days(row).name}.{kind}", MEDIA[kind])


def _kinds(row: Period) -> list[str]:
    if row.state == "closed":
        return [kind for kind in MEDIA if kind in set(row.settlement.files.values_list("kind", flat=True))]
    return ["csv", "xlsx"] if row.proposal is not None else []


def _lines(row: Period, page: int) -> tuple[list[dict[str, Any]], int]:
    """A page's lines, each with its number, and how many there are in all."""
    begin = (page - 1) * PER_PAGE
    if row.state == "closed":
        kept = SettlementLine.unfiltered.filter(settlement=row.settlement).order_by("line")
        some = [{**one.printed, "number": one.line} for one in kept[begin : begin + PER_PAGE]]
        return some, row.settlement.lines_count
    proposal = row.proposal or {"document": {"lines": []}, "extras": []}
    told = list(zip(proposal["document"]["lines"], proposal["extras"], strict=True))
    some = [
        {**line, "extra": extra, "number": number}
        for number, (line, extra) in enumerate(told[begin : begin + PER_PAGE], begin + 1)
    ]
    assert all(line["section"] in ORDER for line in some)
    return some, len(told)


def _sums(row: Period) -> dict[str, int]:
    if row.state == "closed":
        return {name: getattr(row.settlement, name) for name in SUMS}
    return {} if row.proposal is None else {name: row.proposal["document"][name] for name in SUMS}


def _open_objections(row: Period) -> int:
    found: int = row.objections.filter(answer__isnull=True).count()
    return found


def _period(request: HttpRequest, number: int) -> Period:
    rows = Period.objects.seen_by(sight_of(request)).select_related("agreement__customer", "agreement__seller")
    found: Period | None = rows.filter(pk=number).first()
    if found is None:
        raise Http404(_("There is no such settlement."))
    return found


def _days(row: Period) -> Days:
    return Days(row.first_day, row.last_day)


def _person(request: HttpRequest) -> Person:
    assert isinstance(request.user, Person)
    return request.user
