"""Pages of certificates. All of them only read; none needs a script."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

import msgspec
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_safe

from agent.certificates.certificate import Certificate as Signed
from agent.pdf import Afterwards
from collector.certificates import (
    facts,
    pages,
    paper,
    proof,
    queries,
    search_follow,
    statements_about,
    stored,
    words,
)
from collector.certificates.audience import READ_ALL, audience_of
from collector.certificates.exports.columns import Language
from collector.certificates.rules import Heading
from collector.certificates.search import read_place
from collector.certificates.search_text import SHORTEST_PART, read
from collector.intake.chain import STATES
from collector.intake.keys import jwk
from collector.intake.models import Certificate
from collector.moments import now_text
from collector.parties.doors import public, roles, sight_of
from collector.parties.roles import SEE_CERTIFICATES, STAFF
from collector.text import is_station_id, number

OUTCOMES = ("erased", "unread", "attested", "failed", "aborted", "refused")
MISSING = "There is no certificate with this id here."
KINDS = ("csv", "xlsx", "jsonl", "zip")


@roles(*SEE_CERTIFICATES)
@require_safe
def certificates(request: HttpRequest) -> HttpResponse:
    """Find some certificates: `/certificates?q=`."""
    search, problem = read_search(request)
    answer = queries.NOTHING if problem else queries.certificates(sight_of(request), search)
    sight = sight_of(request)
    context = {
        "search": search,
        "rows": [_listed(row, audience_of(sight, row.customer_id) == "full") for row in answer.rows],
        "problem": problem,
        "behind": bool(search.q) and search_follow.is_behind(),
        "short": any(len(word.text) < SHORTEST_PART for word in read(search.q).words),
        "choices": [(name, gettext(words.heading(name).text).lower()) for name in OUTCOMES],
        "newest": address(search) if search.after else "",
        "further": address(replace(search, after=answer.next)) if answer.next else "",
        "exports": [(kind, address(search, f"/certificates/export/{kind}")) for kind in KINDS] if answer.rows else [],
    }
    return render(request, "certificates/list.html", context)


@public
@require_safe
def certificate(request: HttpRequest, name: str) -> HttpResponseBase:
    """Show `/certificates/<id>` and its files: .jws, .jwk, .pem, .pdf. A stranger is led to the public check."""
    identifier, _, kind = name.partition(".")
    if not request.user.is_authenticated:
        return redirect(f"/check/{identifier}")
    shown = pages.view(sight_of(request), identifier)
    if shown is None:
        raise Http404(gettext(MISSING))
    if not kind:
        return _page(request, shown)
    if kind == "jwk" and shown.key is not None:
        return download(msgspec.json.encode(jwk(shown.key)) + b"\n", f"{identifier}.jwk", "application/jwk+json")
    if kind == "pem" and shown.key is not None:
        return download(proof.pem(shown.key), f"{identifier}.pem", "application/x-pem-file")
    if kind in ("jws", "pdf") and shown.audience != "full":
        raise PermissionDenied(
            gettext("Your roles show which certificate it is and what came of it, not its contents.")
        )
    if kind == "jws":
        return download(shown.compact, f"{identifier}.jws", "application/jose")
    if kind == "pdf" and shown.shown.certificate is not None:
        return _pdf(request, shown.shown.certificate, statements_about.afterwards(shown.told))
    raise Http404(gettext("There is no such file."))


@roles(*STAFF)
@require_safe
def quarantine(request: HttpRequest) -> HttpResponse:
    """Show what did not verify, and why: `/quarantine`."""
    page = queries.quarantine(number(request.GET.get("page", ""), 1))
    newer = f"/quarantine?page={page.page - 1}" if page.page > 1 else ""
    older = f"/quarantine?page={page.page + 1}" if page.page < page.pages else ""
    return render(request, "certificates/quarantine.html", {"page": page, "newer": newer, "older": older})


@roles(*READ_ALL)
@require_safe
def statements(request: HttpRequest, station: str) -> HttpResponse:
    """Show what a station stated beside its certificates: `/stations/<id>/statements`."""
    if not is_station_id(station):
        raise Http404(gettext("There is no such station."))
    said, more = pages.said_by(station, number(request.GET.get("after", ""), 0))
    further = f"/stations/{station}/statements?after={more}" if more else ""
    return render(request, "certificates/statements.html", {"station": station, "said": said, "further": further})


def language() -> Language:
    """Return the language of this answer: Danish, or English for every other."""
    return "da" if (get_language() or "").partition("-")[0] == "da" else "en"


def address(search: queries.Search, path: str = "/certificates") -> str:
    """Write the address of a search."""
    names = ("q", "outcome", "station", "chain", "after")
    return f"{path}?{urlencode({name: value for name in names if (value := getattr(search, name))})}"


def _listed(row: Certificate, whole: bool) -> tuple[Certificate, Heading, bool]:
    return row, stored.heading(row), whole


def _pdf(request: HttpRequest, certificate: Signed, afterwards: Afterwards | None) -> HttpResponse:
    try:
        made = paper.paint(
            certificate,
            language=language(),
            certificate_url=request.build_absolute_uri("/check/"),
            afterwards=afterwards,
        )
    except paper.NoPaper as problem:
        return HttpResponse(f"{problem.line()}\n", status=503, content_type="text/plain; charset=utf-8")
    return download(made, f"{certificate.id}.pdf", "application/pdf")


def _page(request: HttpRequest, shown: pages.CertificateView) -> HttpResponse:
    record = shown.record
    whole = shown.audience == "full"
    context = {
        "v": shown,
        "r": record,
        "whole": whole,
        "heading": shown.shown.heading,
        "meaning": "" if record is None else facts.meaning(record, shown.shown.heading),
        "sections": facts.sections(record) if record is not None and whole else [],
        "steps": facts.steps(shown.shown),
        "differences": [(facts.column_name(one.column), one.row, one.signed) for one in shown.shown.differences],
        "commands": (proof.benchwipe_command(shown.row.id), proof.openssl_commands(shown.row.id)),
        "shown_at": now_text(),
    }
    return render(request, "certificates/one.html", context)


def read_search(request: HttpRequest) -> tuple[queries.Search, str]:
    """Read the question, and why it cannot be asked (empty if it can)."""
    ask = request.GET
    search = queries.Search(
        q=ask.get("q", "").strip(),
        outcome=ask.get("outcome", ""),
        station=ask.get("station", ""),
        chain=ask.get("chain", ""),
        after=ask.get("after", ""),
        per_page=number(ask.get("per_page", ""), queries.PER_PAGE),
    )
    if problem := read(search.q).problem:
        return replace(search, q=""), gettext(problem)
    if search.outcome and search.outcome not in OUTCOMES:
        return search, gettext("outcome is one of %s.") % ", ".join(OUTCOMES)
    if search.chain and search.chain not in STATES:
        return search, gettext("chain is one of %s.") % ", ".join(STATES)
    if read_place(search.after) is None:
        return replace(search, after=""), gettext("This place in the list is none. Search again.")
    return search, ""


def download(data: bytes, name: str, media_type: str) -> HttpResponse:
    """Answer with a file."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(data, content_type=media_type, headers=headers)
