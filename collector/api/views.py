"""Documents for programs, read only: certificates, one certificate, stations."""

from __future__ import annotations

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from collector.certificates import pages, queries
from collector.certificates.views import MISSING, read_search
from collector.fleet import pages as fleet
from collector.fleet.sources import SOURCES
from collector.parties.doors import roles, sight_of
from collector.parties.roles import SEE_CERTIFICATES, STAFF


@roles(*SEE_CERTIFICATES)
@require_safe
def certificates(request: HttpRequest) -> HttpResponse:
    """Answer `/api/v1/certificates?q=&outcome=&station=&chain=&after=&per_page=`. `next` is the next one's `after`."""
    search, problem = read_search(request)
    if problem:
        return _json({"error": problem}, 400)
    sight = sight_of(request)
    answer = queries.certificates(sight, search)
    return _json({"certificates": [pages.listed_for(sight, row) for row in answer.rows], "next": answer.next})


@roles(*SEE_CERTIFICATES)
@require_safe
def certificate(request: HttpRequest, name: str) -> HttpResponse:
    """Answer `/api/v1/certificates/<id>`: facts, record, exact bytes, proof."""
    shown = pages.view(sight_of(request), name)
    if shown is None:
        raise Http404(MISSING)
    return _json(pages.document(shown))


@roles(*STAFF)
@require_safe
def stations(request: HttpRequest) -> HttpResponse:
    """Answer `/api/v1/stations`: the live page as data."""
    return _json({"stations": fleet.document(fleet.stations(SOURCES.live.snapshot()))})


def _json(document: object, status: int = 200) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(document), status=status, content_type="application/json")
