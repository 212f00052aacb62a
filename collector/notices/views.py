"""Where alarms go, and what became of each message: `/notices`. An administrator's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from collector.errors import CollectorError
from collector.notices import queries, services
from collector.notices.forms import NewDestination
from collector.notices.models import STATES, Destination
from collector.parties.doors import roles
from collector.parties.invitations import mail_is_set_up
from collector.parties.roles import ADMINISTRATOR
from collector.parties.services import Actor
from collector.parties.sessions import actor_of
from collector.problems import attempt
from collector.text import number as number_of

LAST = 10**6


@roles(ADMINISTRATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def notices(request: HttpRequest) -> HttpResponse:
    """List the destinations, and add one: `/notices`. A webhook's secret is shown in the answer, and never again."""
    posted = request.method == "POST"
    form = NewDestination(request.POST if posted else None, initial={"language": get_language()})
    made: list[tuple[Destination, str]] = []
    if posted and attempt(form, lambda told: made.append(services.add(actor_of(request), **told))):
        if not made[0][1]:
            return redirect("notices")
        form = NewDestination(initial={"language": get_language()})
    context = {
        "destinations": queries.destinations(),
        "form": form,
        "made": made[0] if made else None,
        "mail": mail_is_set_up(),
    }
    answer = render(request, "notices/notices.html", context)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@roles(ADMINISTRATOR)
@require_safe
def messages_page(request: HttpRequest) -> HttpResponse:
    """List the messages with what became of them, the newest first: `/notices/messages`."""
    asked = {"to": request.GET.get("to", "").replace("\0", ""), "state": request.GET.get("state", "")}
    state = asked["state"] if asked["state"] in STATES else ""
    after = min(number_of(request.GET.get("after", ""), 0), LAST)
    rows = queries.deliveries(name=asked["to"], state=state, after=after)
    context = {
        "messages_": rows[: queries.PER_PAGE],
        "next": after + queries.PER_PAGE if len(rows) > queries.PER_PAGE else 0,
        "names": [one.name for one in Destination.objects.order_by("name")],
        "to": asked["to"],
        "state": state,
    }
    return render(request, "notices/messages.html", context)


@roles(ADMINISTRATOR)
@require_POST
def test(request: HttpRequest, number: int) -> HttpResponse:
    """Send a test: `/notices/<number>/test`."""

    def run(actor: Actor, name: str) -> str:
        services.test(actor, name)
        return _("A test goes to %(name)s; below stands what becomes of it.") % {"name": name}

    return _do(request, number, run, then="notices-messages")


@roles(ADMINISTRATOR)
@require_POST
def pause(request: HttpRequest, number: int) -> HttpResponse:
    """Send nothing more to it: `/notices/<number>/pause`."""
    return _do(request, number, services.pause)


@roles(ADMINISTRATOR)
@require_POST
def resume(request: HttpRequest, number: int) -> HttpResponse:
    """Send to it again: `/notices/<number>/resume`."""
    return _do(request, number, services.resume)


@roles(ADMINISTRATOR)
@require_POST
def remove(request: HttpRequest, number: int) -> HttpResponse:
    """Remove it: `/notices/<number>/remove`."""
    return _do(request, number, services.remove)


@roles(ADMINISTRATOR)
@require_POST
def replay_failed(request: HttpRequest, number: int) -> HttpResponse:
    """Send again what was given up: `/notices/<number>/replay`."""

    def run(actor: Actor, name: str) -> str:
        count = services.replay_failed(actor, name)
        return ngettext("%(n)d message is sent again.", "%(n)d messages are sent again.", count) % {"n": count}

    return _do(request, number, run, then="notices-messages")


@roles(ADMINISTRATOR)
@require_POST
def replay(request: HttpRequest, message: str) -> HttpResponse:
    """Send one message again: `/notices/messages/<message>/replay`."""
    try:
        services.replay(actor_of(request), message)
        messages.success(request, _("The message is sent again."))
    except CollectorError as error:
        messages.error(request, str(error))
    return redirect("notices-messages")


def _do(request: HttpRequest, number: int, verb: Callable[[Actor, str], Any], *, then: str = "notices") -> HttpResponse:
    """Do it to a destination, and say what came of it."""
    try:
        told = verb(actor_of(request), get_object_or_404(Destination, pk=number).name)
        if isinstance(told, str):
            messages.success(request, told)
    except CollectorError as error:
        messages.error(request, str(error))
        then = "notices"
    return redirect(then)
