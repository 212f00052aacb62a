"""Every address of the collector, room by room."""

from __future__ import annotations

from django.urls import include, path

handler400 = "collector.problems.bad_request"
handler403 = "collector.problems.forbidden"
handler404 = "collector.problems.not_found"
handler500 = "collector.problems.failed"

urlpatterns = [
    path("", include("collector.fleet.urls")),
    path("", include("collector.certificates.urls")),
    path("", include("collector.effect.urls")),
    path("", include("collector.trade.urls")),
    path("", include("collector.parties.urls")),
    path("", include("collector.units.urls")),
    path("", include("collector.background.urls")),
    path("", include("collector.units.said_urls")),
    path("", include("collector.today.urls")),
    path("", include("collector.selling.urls")),
    path("", include("collector.foreign.urls")),
    path("", include("collector.notices.urls")),
    path("api/", include("collector.api.urls")),
    path("account/", include("collector.parties.account_urls")),
]
