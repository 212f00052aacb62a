"""Addresses of pages on which people say what they did."""

from __future__ import annotations

from django.urls import path

from collector.units import said_views

urlpatterns = [
    path("destruction", said_views.destruction, name="destruction"),
    path("grading", said_views.grades, name="grading"),
    path("samples", said_views.samples, name="samples"),
    path("samples/<int:number>", said_views.sample, name="sample"),
    path("samples/<int:number>/say", said_views.look, name="look"),
]
