"""Addresses of agreements, sales and settlements."""

from __future__ import annotations

from django.urls import path

from collector.trade import sale_views, settlement_views, views

urlpatterns = [
    path("agreements", views.listed, name="agreements"),
    path("agreements/<int:number>", views.one, name="agreement"),
    path("agreements/<int:number>/approve", views.approve, name="approve"),
    path("agreements/<int:number>/consent", views.consent, name="consent"),
    path("sales", sale_views.listed, name="sales"),
    path("sales/export", sale_views.export, name="sales_export"),
    path("sales/import", sale_views.take, name="sales_import"),
    path("settlements", settlement_views.listed, name="settlements"),
    path("settlements/propose", settlement_views.propose, name="propose"),
    path("settlements/<int:number>", settlement_views.one, name="settlement"),
    path("settlements/<int:number>/close", settlement_views.close, name="close"),
    path("settlements/<int:number>/object", settlement_views.object_to, name="object"),
    path("settlements/<int:number>/answer", settlement_views.answer, name="answer"),
    path("settlements/<int:number>/file/<str:kind>", settlement_views.document, name="settlement_file"),
]
