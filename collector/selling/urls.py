"""Addresses of the till, the store, and what a buyer bought."""

from __future__ import annotations

from django.urls import path

from collector.selling import views

urlpatterns = [
    path("sell", views.sell, name="sell"),
    path("sell/back", views.take_back, name="take_back"),
    path("stock", views.stock, name="stock"),
    path("stock/leave", views.leave, name="leave"),
    path("prices", views.prices, name="prices"),
    path("purchases", views.purchases, name="purchases"),
    path("purchases/export", views.export, name="purchases_export"),
    path("purchases/<int:number>/annex-vi.zip", views.annex_vi, name="annex_vi"),
]
