"""Pages of what people say about certificates: what waits for a decision, and a statement's signed file."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from collector.certificates import statements_validation as validation
from collector.certificates import stored
from collector.certificates.audience import audience_of
from collector.certificates.rules import Heading
from collector.certificates.statements_validation import Decision
from collector.certificates.views import download
from collector.errors import CollectorError
from collector.intake.models import Certificate, Statement
from collector.parties.doors import roles, sight_of
from collector.parties.models import Person
from collector.parties.roles import SEE_CERTIFICATES, VALIDATOR
from collector.parties.sessions import actor_of
from collector.statements.models import SignedStatement
from collector.text import number

PER_PAGE = 50
_NAME = re.compile(r"([0-9a-f]{64})\.jws")


@dataclass(frozen=True)
class Waiting:
    """A certificate that waits for a decision. `own`: the person who looks at it did the work."""

    row: Certificate
    heading: Heading
    own: bool


@roles(VALIDATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def waiting(request: HttpRequest) -> HttpResponse:
    """List what waits for a decision, and take one: `/validation`."""
    problem = _decide(request) if request.method == "POST" else ""
    if request.method == "POST" and not problem:
        return redirect("validation")
    page = max(1, number(request.GET.get("page", ""), 1))
    rows = list(validation.waiting(sight_of(request), (page - 1) * PER_PAGE, PER_PAGE + 1))
    context = {
        "rows": [_shown(row, request.user) for row in rows[:PER_PAGE]],
        "newer": f"/validation?page={page - 1}" if page > 1 else "",
        "older": f"/validation?page={page + 1}" if len(rows) > PER_PAGE else "",
        "problem": problem,
    }
    return render(request, "certificates/validation.html", context, status=400 if problem else 200)


@roles(*SEE_CERTIFICATES)
@require_safe
def statement(request: HttpRequest, name: str) -> HttpResponseBase:
    """Hand out a statement's signed file: `/statements/<sha256>.jws`."""
    found = _NAME.fullmatch(name)
    row = None if found is None else SignedStatement.objects.seen_by(sight_of(request)).filter(sha256=found[1]).first()
    if row is None:
        return _of_station(request, name, "" if found is None else found[1])
    if audience_of(sight_of(request), row.customer_id) != "full":
        raise PermissionDenied(_("Your roles do not open this page."))
    return download(bytes(row.compact), name, "application/jose")


def _of_station(request: HttpRequest, name: str, sha256: str) -> HttpResponseBase:
    """Hand out what a station said of a certificate, to whoever may read that one in full."""
    sight = sight_of(request)
    row = Statement.objects.filter(sha256=sha256).first() if sha256 else None
    about = None if row is None else Certificate.objects.seen_by(sight).filter(id=row.certificate).first()
    if row is None or about is None:
        raise Http404(_("There is no such statement."))
    if audience_of(sight, about.customer_id) != "full":
        raise PermissionDenied(_("Your roles do not open this page."))
    return download(bytes(row.body), name, "application/jose")


def _decide(request: HttpRequest) -> str:
    """Take the decision of a posted form: one certificate's button, or all that are ticked. The problem, or ""."""
    told = request.POST
    one = told.get("reject") or told.get("accept")
    names = [one] if one else told.getlist("chosen")
    decision: Decision = "rejected" if told.get("reject") or told.get("decision") == "rejected" else "accepted"
    reason = told.get(f"reason-{one}", "") if one else told.get("reason", "")
    try:
        validation.validate(actor_of(request), names, decision, reason)
    except CollectorError as error:
        return str(error)
    count = len(names)
    done = {
        "accepted": ngettext("%(count)d certificate is accepted.", "%(count)d certificates are accepted.", count),
        "rejected": ngettext("%(count)d certificate is rejected.", "%(count)d certificates are rejected.", count),
    }
    messages.success(request, done[decision] % {"count": count})
    return ""


def _shown(row: Certificate, person: object) -> Waiting:
    certificate = stored.shown(row).certificate
    own = isinstance(person, Person) and certificate is not None and validation.is_operator(person, certificate.record)
    return Waiting(row, stored.heading(row), own)
