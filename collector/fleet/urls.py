"""Addresses of the benches, and of the collector's own health."""

from __future__ import annotations

from django.urls import path

from collector.fleet import directory_views, enrol_views, job_views, metrics, station_views, views

urlpatterns = [
    path("", views.stations, name="stations"),
    path("stations", station_views.known, name="known-stations"),
    path("stations/<str:station>/revoke", station_views.revoke),
    path("stations/<str:station>/accept", station_views.accept),
    path("stations/<str:station>/refuse", station_views.refuse),
    path("stations/<str:station>/jobs/<str:job>/cancel", job_views.cancel),
    path("stations/<str:station>/alarms/<str:alarm>/take", views.take_alarm),
    path("directory", directory_views.directory, name="directory"),
    path("directory/<str:kind>", directory_views.write),
    path("directory/<str:kind>/remove", directory_views.remove),
    path("enrol", enrol_views.enrol),
    path("enrol/renew", enrol_views.renew),
    path("enrol/ca.crt", enrol_views.authority),
    path("healthz", views.healthz, name="healthz"),
    path("healthz/intake", views.healthz_intake),
    path("healthz/web", views.healthz_web),
    path("metrics", metrics.metrics),
]
