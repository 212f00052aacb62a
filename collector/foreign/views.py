"""The page of what other programs say that they erased."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from collector.certificates import identifiers
from collector.foreign.models import ForeignRecord
from collector.parties.doors import roles
from collector.parties.roles import ADMINISTRATOR, TEAM_LEAD, VALIDATOR

MOST = 200


@roles(TEAM_LEAD, VALIDATOR, ADMINISTRATOR)
@require_safe
def foreign(request: HttpRequest) -> HttpResponse:
    """List the newest records of other programs, or those of one drive: `/foreign`."""
    asked = request.GET.get("q", "").strip()[:200]
    rows = ForeignRecord.objects.select_related("file").defer("file__body").order_by("-pk")
    if asked:
        rows = rows.filter(norm=identifiers.serial(asked) or "-")
    return render(request, "foreign/list.html", {"rows": rows[:MOST], "q": asked})
