"""Where everybody begins: what has to be done today, with a link to each."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from collector.moments import now_text, today
from collector.parties.doors import roles, sight_of
from collector.parties.roles import ROLES
from collector.today import files, tasks

MEDIA = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@roles(*ROLES)
@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Show what the person has to do today: `/today`."""
    found = tasks.due(sight_of(request))
    context = {
        "todo": [one for one in found if one.count],
        "nothing": [one for one in found if not one.count],
        "most": tasks.MOST,
        "files": [(kind, f"/today/export/{kind}") for kind in MEDIA],
        "shown_at": now_text(),
    }
    return render(request, "today/today.html", context)


@roles(*ROLES)
@require_safe
def export(request: HttpRequest, kind: str) -> HttpResponse:
    """Send `/today/export/<csv|xlsx>`."""
    if kind not in MEDIA:
        raise Http404(_("There is no such file."))
    found = tasks.due(sight_of(request))
    data = files.as_csv(found) if kind == "csv" else files.as_workbook(found)
    headers = {"Content-Disposition": f'attachment; filename="today-{today().isoformat()}.{kind}"'}
    return HttpResponse(data, content_type=MEDIA[kind], headers=headers)
