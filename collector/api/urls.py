"""Addresses of documents for programs."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path

from collector.api import views
from collector.parties.doors import public


@public
def before(request: HttpRequest, rest: str) -> HttpResponse:
    """Lead from the addresses that had no version to those that have one."""
    if rest.startswith("v1/"):
        raise Http404("There is no such document.")
    asked = request.META.get("QUERY_STRING", "")
    return redirect(f"/api/v1/{rest}{'?' if asked else ''}{asked}", permanent=True)


urlpatterns = [
    path("v1/certificates", views.certificates),
    path("v1/certificates/<str:name>", views.certificate),
    path("v1/stations", views.stations),
    path("<path:rest>", before),
]
