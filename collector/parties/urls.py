"""Addresses of people: what a one-time link does."""

from __future__ import annotations

from django.urls import path

from collector.parties import languages, views

urlpatterns = [
    path("language", languages.choose, name="language"),
    path("welcome/<str:token>", views.welcome, name="welcome"),
]
