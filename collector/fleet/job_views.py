"""Stopping a job from the page of stations: asked once more, signed, sent, and the station's answer shown."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from agent.messages import CommandStatus
from collector.errors import CollectorError
from collector.fleet import commanding
from collector.fleet.sources import SOURCES
from collector.parties.doors import roles
from collector.parties.roles import ADMINISTRATOR, TEAM_LEAD
from collector.parties.sessions import actor_of
from collector.running import configuration

MAY_STOP = (ADMINISTRATOR, TEAM_LEAD)


@roles(*MAY_STOP)
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, station: str, job: str) -> HttpResponse:
    """Ask, and then stop a job: `/stations/<station>/jobs/<job>/cancel`."""
    bay = _bay_of(station, job)
    if bay is None:
        messages.error(request, _("No bay of %(station)s has that job now.") % {"station": station})
        return redirect("stations")
    if request.method != "POST":
        return render(request, "fleet/cancel.html", {"station": station, "bay": bay})
    actor = actor_of(request)
    try:
        answer = commanding.cancel(actor, configuration(), station, job, commanding.by_of(actor))
    except CollectorError as error:
        messages.error(request, str(error))
    else:
        _tell(request, station, bay, answer)
    return redirect("stations")


def _tell(request: HttpRequest, station: str, bay: str, answer: CommandStatus) -> None:
    place = {"station": station, "bay": bay, "why": answer.reason}
    if answer.state in ("accepted", "running", "succeeded"):
        messages.success(request, _("%(station)s, bay %(bay)s: it stops.") % place)
    else:
        messages.error(request, _("%(station)s, bay %(bay)s does not stop: %(why)s") % place)


def _bay_of(station: str, job: str) -> str | None:
    for one in SOURCES.live.snapshot():
        if one.name == station:
            return next((bay.name for bay in one.bays.values() if bay.job and bay.job == job), None)
    return None
