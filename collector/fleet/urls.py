"""Addresses of the benches, and of the collector's own health."""

from __future__ import annotations

from django.urls import path

from collector.fleet import metrics, views

urlpatterns = [
    path("", views.stations, name="stations"),
    path("healthz", views.healthz, name="healthz"),
    path("healthz/intake", views.healthz_intake),
    path("healthz/web", views.healthz_web),
    path("metrics", metrics.metrics),
]
