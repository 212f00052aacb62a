"""The page of what benches are told: customers, lots, people, destinations, policies: `/directory`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from collector.errors import CollectorError
from collector.fleet import directing
from collector.fleet.directory_forms import FORMS, EntryForm
from collector.fleet.models import StationDirectory
from collector.parties.doors import roles
from collector.parties.roles import ADMINISTRATOR, TEAM_LEAD
from collector.parties.sessions import actor_of

MAY_WRITE = (ADMINISTRATOR, TEAM_LEAD)


@roles(*MAY_WRITE)
@require_safe
def directory(request: HttpRequest) -> HttpResponse:
    """List everything, with a form for each kind: `/directory`."""
    return _page(request, {})


@roles(*MAY_WRITE)
@require_POST
def write(request: HttpRequest, kind: str) -> HttpResponse:
    """Add an entry, or change it: `/directory/<kind>`."""
    form = _form(kind)(request.POST, auto_id=f"id_{kind}_%s")
    if form.is_valid():
        try:
            directing.write(actor_of(request), kind, *form.entry())
            return redirect("directory")
        except CollectorError as error:
            form.add_error(None, str(error))
    return _page(request, {kind: form})


@roles(*MAY_WRITE)
@require_POST
def remove(request: HttpRequest, kind: str) -> HttpResponse:
    """Take an entry away: `/directory/<kind>/remove`."""
    _form(kind)
    try:
        directing.remove(actor_of(request), kind, request.POST.get("name", ""))
    except CollectorError as error:
        messages.error(request, str(error))
    return redirect("directory")


def _form(kind: str) -> type[EntryForm]:
    if kind not in FORMS:
        raise Http404
    return FORMS[kind]


def _page(request: HttpRequest, typed: dict[str, EntryForm]) -> HttpResponse:
    headings = {
        "customer": _("Customers"),
        "lot": _("Lots"),
        "operator": _("People at the benches"),
        "destination": _("Destinations"),
        "policy": _("Policies"),
    }
    entries = directing.entries()
    sections: list[dict[str, Any]] = [
        {
            "kind": kind,
            "heading": headings[kind],
            "form": typed.get(kind) or FORMS[kind](auto_id=f"id_{kind}_%s"),
            "entries": [(one.name, _told(one.facts)) for one in entries if one.kind == kind],
        }
        for kind in FORMS
    ]
    answers = StationDirectory.objects.order_by("station")
    return render(request, "fleet/directory.html", {"sections": sections, "answers": answers})


def _told(facts: Mapping[str, Any]) -> str:
    """What an entry says, in a line; what it leaves open is left out."""
    said = (value for value in facts.values() if value not in (None, "", False) and not isinstance(value, dict))
    return ", ".join(str(value) for value in said)
