"""Pages of certificates. All of them only read; none needs a script."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from agent.certificates.certificate import claim_of
from collector.certificates import facts, pages, proof, queries, words
from collector.intake.chain import STATES
from collector.intake.keys import jwk
from collector.moments import now_text
from collector.parties.doors import public, roles, sight_of
from collector.parties.roles import SEE_CERTIFICATES, STAFF

OUTCOMES = tuple(words.OUTCOMES)
MISSING = "There is no certificate with this id here."


@roles(*SEE_CERTIFICATES)
@require_safe
def certificates(request: HttpRequest) -> HttpResponse:
    """Find some certificates: `/certificates?q=`."""
    search, problem = read_search(request)
    page = queries.NO_PAGE if problem else queries.certificates(sight_of(request), search)
    links = _links("/certificates?", page, search)
    choices = [(name, words.mark(words.OUTCOMES, name).text.lower()) for name in OUTCOMES]
    facts_ = {"search": search, "page": page, "problem": problem, "choices": choices, **links}
    return render(request, "certificates/list.html", facts_)


@public
@require_safe
def certificate(request: HttpRequest, name: str) -> HttpResponseBase:
    """Show `/certificates/<id>` and its files: .jws, .jwk, .pem. A stranger is led to the public check."""
    identifier, _, kind = name.partition(".")
    if not request.user.is_authenticated:
        return redirect(f"/check/{identifier}")
    shown = pages.view(sight_of(request), identifier)
    if shown is None:
        raise Http404(MISSING)
    if not kind:
        return _page(request, shown)
    if kind == "jws":
        return download(shown.compact, f"{identifier}.jws", "application/jose")
    if kind == "jwk" and shown.key is not None:
        return download(msgspec.json.encode(jwk(shown.key)) + b"\n", f"{identifier}.jwk", "application/jwk+json")
    if kind == "pem" and shown.key is not None:
        return download(proof.pem(shown.key), f"{identifier}.pem", "application/x-pem-file")
    raise Http404("There is no such file.")


@roles(*STAFF)
@require_safe
def quarantine(request: HttpRequest) -> HttpResponse:
    """Show what did not verify, and why: `/quarantine`."""
    page = queries.quarantine(number(request.GET.get("page", ""), 1))
    return render(request, "certificates/quarantine.html", {"page": page, **_links("/quarantine?", page, None)})


def _page(request: HttpRequest, shown: pages.CertificateView) -> HttpResponse:
    record = shown.record
    claim = shown.row.outcome if record is None else claim_of(record)
    context = {
        "v": shown,
        "r": record,
        "claim": claim if claim != "again" else "failed",
        "meaning": "" if record is None else facts.meaning(record, claim),
        "sections": [] if record is None else facts.sections(record),
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
        page=number(ask.get("page", ""), 1),
        per_page=number(ask.get("per_page", ""), queries.PER_PAGE),
    )
    if len(search.q) > queries.LONGEST_QUERY or len(search.q.split()) > queries.MOST_WORDS:
        problem = f"A search has at most {queries.MOST_WORDS} words and {queries.LONGEST_QUERY} characters."
        return replace(search, q=""), problem
    if search.outcome and search.outcome not in OUTCOMES:
        return search, f"outcome is one of {', '.join(OUTCOMES)}."
    if search.chain and search.chain not in STATES:
        return search, f"chain is one of {', '.join(STATES)}."
    return search, ""


def number(text: str, otherwise: int) -> int:
    """Read a page number as people type them; nonsense is the first page."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else otherwise


def _links(address: str, page: queries.Page, search: queries.Search | None) -> dict[str, str]:
    names = ("q", "outcome", "station", "chain")
    asked = {} if search is None else {name: getattr(search, name) for name in names if getattr(search, name)}

    def link(to: int) -> str:
        return address + urlencode({**asked, "page": to})

    return {
        "newer": link(page.page - 1) if page.page > 1 else "",
        "older": link(page.page + 1) if page.page < page.pages else "",
    }


def download(data: bytes, name: str, media_type: str) -> HttpResponse:
    """Answer with a file."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(data, content_type=media_type, headers=headers)
