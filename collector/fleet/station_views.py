"""The page on which stations are added, and made unknown again: `/stations`. An administrator's."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from agent.certificates.enrolment import EnrolmentCode
from collector.errors import CollectorError
from collector.fleet import queries, services
from collector.parties.doors import roles
from collector.parties.roles import ADMINISTRATOR
from collector.parties.sessions import actor_of
from collector.running import configuration
from collector.text import STATION_ID


class NewStation(forms.Form):
    """Which station is added."""

    station = forms.RegexField(
        STATION_ID,
        label=gettext_lazy("Name of the station"),
        max_length=63,
        help_text=gettext_lazy("It heads the numbers of its certificates: letters, digits, dot, dash, underscore."),
    )


@roles(ADMINISTRATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def known(request: HttpRequest) -> HttpResponse:
    """List the stations that are known, and add one: `/stations`."""
    form, code = NewStation(request.POST if request.method == "POST" else None), None
    if request.method == "POST" and form.is_valid():
        try:
            code = services.invite(actor_of(request), configuration(), form.cleaned_data["station"])[0]
            form = NewStation()
        except CollectorError as error:
            form.add_error("station", str(error))
    return _page(request, form, code)


@roles(ADMINISTRATOR)
@require_POST
def revoke(request: HttpRequest, station: str) -> HttpResponse:
    """Believe a station no more, and cut it off: `/stations/<station>/revoke`."""
    try:
        services.revoke(actor_of(request), station)
        messages.success(request, _("%(station)s is believed no more, and cut off.") % {"station": station})
    except CollectorError as error:
        messages.error(request, str(error))
    return redirect("known-stations")


@roles(ADMINISTRATOR)
@require_POST
def accept(request: HttpRequest, station: str) -> HttpResponse:
    """Say yes to the key that waits: `/stations/<station>/accept`."""
    return _decide(request, station, accepted=True)


@roles(ADMINISTRATOR)
@require_POST
def refuse(request: HttpRequest, station: str) -> HttpResponse:
    """Say no to it: `/stations/<station>/refuse`."""
    return _decide(request, station, accepted=False)


def _decide(request: HttpRequest, station: str, *, accepted: bool) -> HttpResponse:
    """Decide about the key that the page showed: another one that came meanwhile waits on."""
    try:
        services.decide(actor_of(request), station, accepted=accepted, key=request.POST.get("key", ""))
    except CollectorError as error:
        messages.error(request, str(error))
    return redirect("known-stations")


def _page(request: HttpRequest, form: NewStation, code: EnrolmentCode | None) -> HttpResponse:
    told = configuration().settings
    context = {
        "stations": queries.stations(),
        "invitations": queries.invitations(),
        "form": form,
        "code": code,
        "address": told.public_url or request.build_absolute_uri("/").rstrip("/"),
    }
    return render(request, "fleet/known_stations.html", context)
