"""Addresses of the effect report."""

from __future__ import annotations

from django.urls import path

from collector.effect import views

urlpatterns = [
    path("effect", views.effect, name="effect"),
    path("effect/method", views.method, name="effect_method"),
    path("effect/work", views.work),
    path("effect/figure", views.figure),
    path("effect/export/<str:kind>", views.export),
]
