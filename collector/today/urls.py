"""Addresses of what has to be done today."""

from __future__ import annotations

from django.urls import path

from collector.today import views

urlpatterns = [
    path("today", views.start, name="today"),
    path("today/export/<str:kind>", views.export),
]
