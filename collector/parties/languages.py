"""The language of a page: what the person chose, else a cookie of a stranger's choice, else what the browser asks."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.views.decorators.http import require_POST

from collector.parties.doors import public
from collector.parties.models import LANGUAGES, Person
from collector.parties.onward import onward


class Languages:
    """Middleware, after Django's own: a person's choice counts for more than the browser's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        chosen = _chosen(request)
        if chosen:
            translation.activate(chosen)
            request.__dict__["LANGUAGE_CODE"] = chosen
        return self._get_response(request)


def _chosen(request: HttpRequest) -> str:
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return ""
    try:
        person = request.user
        return person.language if isinstance(person, Person) else ""
    except (DatabaseError, InterfaceError):  # the page itself will say so
        return ""


@public
@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Take a reader's choice: `/language`. A person's is kept with the person, a stranger's in a cookie."""
    language = request.POST.get("language", "")
    answer = onward(request.POST.get("back", ""), "/")
    if language in LANGUAGES:
        if isinstance(request.user, Person):
            Person.objects.filter(pk=request.user.pk).update(language=language)
        answer.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=365 * 86400,
            secure=bool(settings.SESSION_COOKIE_SECURE),
            httponly=True,
            samesite="Lax",
        )
    return answer
