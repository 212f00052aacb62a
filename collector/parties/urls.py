"""Addresses of people: what a one-time link does."""

from __future__ import annotations

from django.urls import path

from collector.parties import views

urlpatterns = [
    path("welcome/<str:token>", views.welcome, name="welcome"),
]
