"""What was sold, as those see it who may see prices; and files of sales taken in."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from collector.certificates.exports.cells import harmless
from collector.errors import CollectorError
from collector.parties.doors import roles, sight_of
from collector.parties.models import Organisation
from collector.parties.roles import AUDITOR, CUSTOMER_FINANCE, FINANCE, Sight
from collector.parties.sessions import actor_of
from collector.text import number
from collector.trade import sales
from collector.trade.forms import SalesFile
from collector.trade.models import SaleLine
from collector.trade.rules.money import written
from collector.trade.sights import organisations, sees_buyers

PER_PAGE = 100
COLUMNS = (
    "customer", "seller", "channel", "reference", "line", "sold_on", "kind", "grade", "asset_tag", "serial", "quantity",
    "price", "given_back", "vat_mode", "buyer",
)  # fmt: skip


@roles(FINANCE, CUSTOMER_FINANCE, AUDITOR)
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """List what was sold, the newest first: `/sales`."""
    sight, asked = sight_of(request), request.GET.get("q", "").strip()[:100]
    page = max(1, number(request.GET.get("page", ""), 1))
    rows = _rows(sight, asked)
    found = list(rows[(page - 1) * PER_PAGE : page * PER_PAGE + 1])
    context = {
        "q": asked,
        "rows": [_row(sight, one) for one in found[:PER_PAGE]],
        "page": page,
        "more": len(found) > PER_PAGE,
        "form": SalesFile() if organisations(sight, FINANCE) else None,
    }
    return render(request, "trade/sales.html", context)


@roles(FINANCE, CUSTOMER_FINANCE, AUDITOR)
@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """Give out everything that was sold, as CSV: `/sales/export`."""
    sight, asked = sight_of(request), request.GET.get("q", "").strip()[:100]
    answer = StreamingHttpResponse(_csv(sight, asked), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="sales.csv"'
    return answer


@roles(FINANCE)
@require_POST
def take(request: HttpRequest) -> HttpResponse:
    """Take a file of sales in, for the organisation that one works for."""
    sellers = Organisation.objects.filter(pk__in=organisations(sight_of(request), FINANCE))
    form = SalesFile(request.POST, request.FILES)
    if not form.is_valid() or len(sellers) != 1:
        messages.error(request, _("A file is needed, from somebody who works for one seller."))
        return redirect("sales")
    told = form.cleaned_data
    try:
        taken = sales.import_sales(
            actor_of(request), sellers[0], told["file"].read(), where=told["file"].name, dry_run=told["dry_run"]
        )
    except CollectorError as error:
        messages.error(request, str(error))
        return redirect("sales")
    return render(request, "trade/taken.html", {"taken": taken, "dry_run": told["dry_run"]})


def _rows(sight: Sight, asked: str) -> Any:  # noqa: ANN401 - a query set
    rows = SaleLine.objects.seen_by(sight).select_related(
        "sale__buyer", "agreement__customer", "agreement__seller", "unit"
    )
    if asked:
        rows = rows.filter(
            Q(sale__reference__icontains=asked) | Q(unit__identifiers__seen_as__icontains=asked)
        ).distinct()
    return rows.prefetch_related("events", "unit__identifiers").order_by("-sold_on", "-id")


def _row(sight: Sight, line: SaleLine) -> dict[str, Any]:
    numbers = {} if line.unit is None else {one.kind: one.seen_as for one in reversed(line.unit.identifiers.all())}
    buyer = line.sale.buyer_name if sees_buyers(sight, line.agreement.seller_id) else ""
    return {
        "line": line,
        "asset_tag": numbers.get("asset_tag", ""),
        "serial": numbers.get("serial") or numbers.get("imei14", ""),
        "given_back": sum(one.price_ore for one in line.events.all()),
        "events": [one.kind for one in line.events.all()],
        "buyer": buyer,
    }


def _csv(sight: Sight, asked: str) -> Iterator[bytes]:
    out = io.StringIO(newline="")
    out.write("\ufeff")
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in (_row(sight, line) for line in _rows(sight, asked).iterator(chunk_size=500)):
        line: SaleLine = row["line"]
        cells = (
            line.agreement.customer.name, line.agreement.seller.name, line.sale.channel, line.sale.reference, line.line,
            str(line.sold_on), line.kind, line.grade, row["asset_tag"], row["serial"], str(line.quantity),
            written(line.price_ore), written(row["given_back"]), line.vat_mode, row["buyer"],
        )  # fmt: skip
        writer.writerow([harmless(cell) if not cell.lstrip("-").replace(",", "").isdigit() else cell for cell in cells])
        if out.tell() > 65536:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()
