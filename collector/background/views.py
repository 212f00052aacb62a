"""A task as whoever asked for it sees it: that it waits, what came of it, and its file."""

from __future__ import annotations

from typing import cast

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from collector.background import services
from collector.background.kinds import KINDS
from collector.background.models import DONE, FAILED, Task
from collector.parties.doors import roles, sight_of
from collector.parties.models import Person
from collector.parties.roles import ROLES


@roles(*ROLES)
@require_safe
def task(request: HttpRequest, token: str) -> HttpResponse:
    """Show `/tasks/<token>`; the page renews itself until the task has ended."""
    found = _own(request, token)
    context = {"task": found, "open": found.state not in (DONE, FAILED), "kept_hours": services.KEPT.days * 24}
    return render(request, "background/task.html", context)


@roles(*ROLES)
@require_safe
def file(request: HttpRequest, token: str) -> HttpResponseBase:
    """Send the file that a task made: `/tasks/<token>/file`."""
    found = _own(request, token)
    if found.state != DONE or not found.file_name:
        raise Http404(_("There is no such file."))
    try:
        opened = (services.folder(found) / services.FILE).open("rb")
    except FileNotFoundError:
        raise Http404(_("There is no such file.")) from None
    return FileResponse(opened, as_attachment=True, filename=found.file_name, content_type=found.media)


def _own(request: HttpRequest, token: str) -> Task:
    """Find a task of this very person, whose roles still allow it."""
    found = Task.objects.filter(token=token, person=cast(Person, request.user)).first()
    kind = None if found is None else KINDS.get(found.kind)
    if found is None or kind is None or not sight_of(request).has(kind.roles):
        raise Http404(_("There is no such task."))
    return found
