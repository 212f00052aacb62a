"""Addresses of units, lots, registers and questions."""

from __future__ import annotations

from django.urls import path

from collector.units import lot_views, register_views, unit_views

urlpatterns = [
    path("units", unit_views.units, name="units"),
    path("units/<int:number>", unit_views.unit, name="unit"),
    path("units/<int:number>/say", unit_views.say),
    path("units/<int:number>/letter", unit_views.letter),
    path("questions", unit_views.questions, name="questions"),
    path("questions/<int:number>/answer", unit_views.answer),
    path("loose", unit_views.loose, name="loose"),
    path("loose/<int:number>/attach", unit_views.attach),
    path("lots", lot_views.lots_page, name="lots"),
    path("lots/<int:number>", lot_views.lot, name="lot"),
    path("lots/<int:number>/step", lot_views.step),
    path("lots/<int:number>/receive", lot_views.receive, name="receive"),
    path("lots/<int:number>/list", lot_views.receive_list),
    path("lots/<int:number>/<slug:kind>.pdf", lot_views.note),
    path("register", register_views.register, name="register"),
    path("register/import", register_views.take_in),
    path("register/export/<str:kind>", register_views.export),
]
