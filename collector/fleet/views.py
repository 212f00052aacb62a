"""The live page of benches, and whether the collector is well."""

from __future__ import annotations

from django.contrib import messages
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from collector.certificates.audience import READ_ALL
from collector.errors import CollectorError
from collector.fleet import alarms, pages, throughput
from collector.fleet.commanding import possible
from collector.fleet.job_views import MAY_STOP
from collector.fleet.sources import SOURCES
from collector.moments import now_text
from collector.parties.doors import public, roles, sight_of
from collector.parties.roles import STAFF
from collector.parties.sessions import actor_of
from collector.running import configuration


@roles(*STAFF)
@require_safe
def stations(request: HttpRequest) -> HttpResponse:
    """Show what every bench does now: `/`."""
    intake, listening = SOURCES.intake(), SOURCES.listening()
    trouble = [] if intake.well else [_("No messages come in: %(why)s.") % {"why": intake.words}]
    trouble += [] if listening.well else [_("Bays are not live: %(why)s.") % {"why": listening.words}]
    context = {
        "given_up": SOURCES.notices_given_up(),
        "stations": pages.stations(SOURCES.live.snapshot()),
        "quarantined": pages.quarantined(),
        "trouble": trouble,
        "reads_all": sight_of(request).has(READ_ALL),
        "shown_at": now_text(),
        "today": throughput.today(),
        "may_stop": sight_of(request).has(MAY_STOP) and possible(configuration()),
    }
    return render(request, "fleet/stations.html", context)


@roles(*STAFF)
@require_POST
def take_alarm(request: HttpRequest, station: str, alarm: str) -> HttpResponse:
    """Take an alarm: `/stations/<station>/alarms/<alarm>/take`."""
    try:
        alarms.take(actor_of(request), SOURCES.live.snapshot(), station, alarm)
    except CollectorError:
        messages.error(request, _("That alarm does not stand any more."))
    return redirect("stations")


@public
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer 200 while certificates can come in and be kept and pages are answered, else 503; no more than that."""
    return _yes_or_no(SOURCES.intake().well and _database_answers())


@public
@require_safe
def healthz_intake(request: HttpRequest) -> HttpResponse:
    """Answer 200 while certificates can come in and be kept."""
    return _yes_or_no(SOURCES.intake().well)


@public
@require_safe
def healthz_web(request: HttpRequest) -> HttpResponse:
    """Answer 200 while pages are answered."""
    return _yes_or_no(_database_answers())


def _yes_or_no(well: bool) -> HttpResponse:
    return JsonResponse({"status": "ok" if well else "degraded"}, status=200 if well else 503)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM django_migrations LIMIT 1")
            return cursor.fetchone() is not None
    except (DatabaseError, InterfaceError):
        return False
