"""Addresses of the benches, and of the collector's own health."""

from __future__ import annotations

from django.urls import path

from collector.fleet import enrol_views, views

urlpatterns = [
    path("", views.stations, name="stations"),
    path("enrol", enrol_views.enrol),
    path("enrol/renew", enrol_views.renew),
    path("enrol/ca.crt", enrol_views.authority),
    path("healthz", views.healthz, name="healthz"),
    path("healthz/intake", views.healthz_intake),
    path("healthz/web", views.healthz_web),
]
