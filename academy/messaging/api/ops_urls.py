"""Addresses below ``/api/v1/ops/``: what the platform's staff does for an academy."""

from django.urls import path

from academy.messaging.api import policy

app_name = "messaging-ops"

urlpatterns = [
    path("tenants/<uuid:tenant_id>/message-credits", policy.BookingView.as_view(), name="credits")
]
