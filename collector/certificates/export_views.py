"""What a search found, as a file that is written while it is sent: CSV, XLSX, JSON Lines, a ZIP of pages and JWS."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from agent.pdf import PdfExtraMissing
from collector.certificates import queries, search_follow, stored
from collector.certificates.audience import widest
from collector.certificates.exports.bundle import bundle
from collector.certificates.exports.columns import Audience
from collector.certificates.exports.text_files import json_lines, machine_csv, people_csv
from collector.certificates.exports.workbook import workbook
from collector.certificates.paper import Painter
from collector.certificates.statements_about import afterwards_of
from collector.certificates.views import KINDS, address, language, read_search
from collector.moments import now_text
from collector.parties.doors import roles, sight_of
from collector.parties.models import Person
from collector.parties.roles import SEE_CERTIFICATES
from collector.parties.services import Actor, note

AT_ONCE = 2
"""Exports that are sent at the same time: each holds one of the eight that answer pages."""
LONGEST_S = 3600
"""An hour for one: a reader that takes longer holds one of the places in vain."""
MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "jsonl": "application/jsonl",
    "zip": "application/zip",
}
LOG = logging.getLogger(__name__)
_PLACES = threading.BoundedSemaphore(AT_ONCE)


class _Sent:
    """An export on its way. However it ends, its place is free again."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = True
        self._end = time.monotonic() + LONGEST_S

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if time.monotonic() > self._end:
                LOG.error("an export took longer than %d s, and was broken off", LONGEST_S)
                raise TimeoutError(
                    "an export took too long"
                )  # the file ends without its end: no reader takes it for whole
            yield piece

    def close(self) -> None:
        """Let go of the place, and of what the writer holds."""
        if self._held:
            self._held = False
            _PLACES.release()
            close = getattr(self._pieces, "close", None)
            if close is not None:
                close()


@roles(*SEE_CERTIFICATES)
@require_safe
def export(request: HttpRequest, kind: str) -> HttpResponseBase:
    """Send `/certificates/export/<csv|xlsx|jsonl|zip>?q=`; `for=program` makes the CSV one for programs."""
    if kind not in KINDS:
        raise Http404(gettext("There is no such file."))
    search, problem = read_search(request)
    if problem:
        return redirect(address(search))
    audience = widest(sight_of(request))
    if kind == "zip" and audience != "full":
        raise PermissionDenied(
            gettext("Your roles show which certificate it is and what came of it, not its contents.")
        )
    if not _PLACES.acquire(blocking=False):
        return _busy()
    sent = None
    try:
        _note(request, kind, search)
        if search.q:
            search_follow.add_newest()
        sent = _Sent(_pieces(request, kind, search, audience))
        headers = {"Content-Disposition": f'attachment; filename="certificates-{now_text()[:10]}.{kind}"'}
        return StreamingHttpResponse(sent, content_type=MEDIA[kind], headers=headers)
    except PdfExtraMissing as missing:
        return HttpResponse(f"{missing}\n", status=503, content_type="text/plain; charset=utf-8")
    finally:
        if sent is None:
            _PLACES.release()


def _pieces(request: HttpRequest, kind: str, search: queries.Search, audience: Audience) -> Iterator[bytes]:
    rows = (stored.shown(row) for row in queries.every(sight_of(request), search))
    if kind == "xlsx":
        return workbook(rows, audience=audience, language=language())
    if kind == "jsonl":
        return json_lines(rows, audience=audience)
    if kind == "zip":
        painter = Painter(language(), request.build_absolute_uri("/check/"))
        pages = bundle(rows, language=language(), paint=painter.paint, said=afterwards_of)
        return _with(painter, pages)
    if request.GET.get("for") == "program":
        return machine_csv(rows, audience=audience)
    return people_csv(rows, audience=audience, language=language())


def _with(painter: Painter, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pages are made beside this process, which answers others meanwhile; the end of the file ends that too."""
    with painter:
        yield from pieces


def _note(request: HttpRequest, kind: str, search: queries.Search) -> None:
    """Who took what out of the house stays on record."""
    person = request.user
    assert isinstance(person, Person)
    actor = Actor(person.login, person, str(request.META.get("REMOTE_ADDR", ""))[:45])
    note(actor, "certificates.exported", kind, query=address(search))


def _busy() -> HttpResponse:
    told = gettext("Other files are being made at this moment. Try again in a minute.")
    return HttpResponse(
        f"{told}\n", status=503, content_type="text/plain; charset=utf-8", headers={"Retry-After": "60"}
    )
