"""The page of a customer's register: what became of its rows, and a file that is taken in."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from collector.certificates.export_views import MEDIA
from collector.certificates.views import language
from collector.errors import CollectorError
from collector.moments import now_text
from collector.parties.doors import roles, sight_of
from collector.parties.models import Organisation
from collector.parties.roles import ADMINISTRATOR, SEE_CERTIFICATES, TEAM_LEAD, TECHNICIAN
from collector.parties.services import note
from collector.parties.sessions import actor_of
from collector.units import linking, queries, registering, words
from collector.units.lot_views import uploaded
from collector.units.models import Lot, RegisterImport
from collector.units.queries import Asked
from collector.units.reconcile_file import Export
from collector.units.unit_views import asked_of

SEE = SEE_CERTIFICATES - {TECHNICIAN}
IMPORTS = (TEAM_LEAD, ADMINISTRATOR)
SHOWN = 50


@roles(*SEE)
@require_safe
def register(request: HttpRequest) -> HttpResponse:
    """Show what became of a customer's register: `/register?customer=&lot=`."""
    sight = sight_of(request)
    customers = queries.customers(sight)
    customer, lot = _chosen(request, customers)
    context: dict[str, Any] = {"customers": customers, "customer": customer, "lot": lot, "imports_": sight.has(IMPORTS)}
    if customer is not None:
        asked = Asked(customer=customer.pk, lot=lot.pk if lot else 0)
        sums = queries.sums(sight, asked)
        context |= {
            "counts": queries.counted(sums, asked),
            "sums": sums,
            "all": asked.address("/units"),
            "disposals": [
                (words.DISPOSALS[name], n, asked.address("/units", disposal=name)) for name, n in sums.disposals.items()
            ],
            "lots": queries.lots_of(sight).filter(customer=customer),
            "taken": RegisterImport.objects.seen_by(sight).filter(customer=customer).order_by("-pk")[:SHOWN],
            "exports": [(kind, asked.address(f"/register/export/{kind}")) for kind in ("csv", "xlsx")],
        }
    return render(request, "units/register.html", context)


@roles(*IMPORTS)
@require_POST
def take_in(request: HttpRequest) -> HttpResponse:
    """Take in an uploaded register, or only look at it: `/register/import`."""
    told, sight = request.POST, sight_of(request)
    customer = next((c for c in queries.customers(sight) if str(c.pk) == told.get("customer", "")), None)
    if customer is None:
        messages.error(request, _("Choose a customer."))
        return redirect("register")
    dry_run = told.get("do") != "take"
    try:
        name, data = uploaded(request)
        done = registering.import_register(
            actor_of(request), customer, data, name, lot=told.get("lot", "").strip()[:64], dry_run=dry_run
        )
    except CollectorError as error:
        messages.error(request, str(error))
        return redirect(f"/register?customer={customer.pk}")
    if not dry_run:
        linking.follow_all()
    context = {"done": done, "customer": customer, "dry_run": dry_run, "rejected": done.rejected[:500], "name": name}
    return render(request, "units/imported.html", context)


@roles(*SEE)
@require_safe
def export(request: HttpRequest, kind: str) -> HttpResponseBase:
    """Send a reconciliation in the register's own columns: `/register/export/<csv|xlsx>?customer=&lot=`."""
    if kind not in ("csv", "xlsx"):
        raise Http404(_("There is no such file."))
    sight = sight_of(request)
    customer, lot = _chosen(request, queries.customers(sight))
    if customer is None:
        raise PermissionDenied(_("Choose a customer whose units you may see."))
    note(actor_of(request), "register.exported", customer.name, kind=kind, lot=lot.code if lot else "")
    pieces = Export(customer, lot, language()).pieces(kind)
    headers = {"Content-Disposition": f'attachment; filename="register-{now_text()[:10]}.{kind}"'}
    return StreamingHttpResponse(pieces, content_type=MEDIA[kind], headers=headers)


def _chosen(request: HttpRequest, customers: list[Organisation]) -> tuple[Organisation | None, Lot | None]:
    """Which customer, and which of its lots, somebody asks for. Who may see one alone need not choose."""
    asked = asked_of(request)
    wanted = next((one for one in customers if one.pk == asked.customer), None)
    if wanted is None and len(customers) == 1:
        wanted = customers[0]
    lot = queries.lot(sight_of(request), asked.lot) if asked.lot else None
    return wanted, lot if lot is not None and wanted is not None and lot.customer_id == wanted.pk else None
