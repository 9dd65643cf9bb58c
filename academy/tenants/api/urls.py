"""Addresses below ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from academy.tenants.api import views, views_auth

urlpatterns = [
    path("auth/token", views_auth.TokenView.as_view()),
    path("auth/refresh", views_auth.RefreshView.as_view()),
    path("auth/logout", views_auth.LogoutView.as_view()),
    path("auth/password", views_auth.PasswordView.as_view()),
    path("me", views_auth.MeView.as_view()),
    path("tenant", views.TenantView.as_view()),
    path("members", views.MembersView.as_view()),
    path("members/<uuid:member_id>", views.MemberView.as_view()),
    path("api-keys", views.ApiKeysView.as_view()),
    path("api-keys/<uuid:key_id>", views.ApiKeyView.as_view()),
    path("api-keys/<uuid:key_id>/rotate", views.ApiKeyRotateView.as_view()),
    path("tenants", views.TenantsView.as_view()),
    path("tenants/<uuid:tenant_id>", views.TenantChangeView.as_view()),
]
