"""Addresses of opt-outs, consents and events; `urls` includes them."""

from django.urls import path

from academy.messaging.api import people

urlpatterns = [
    path("message-opt-outs", people.OptOutsView.as_view(), name="opt-outs"),
    path("message-opt-outs/<uuid:opt_out_id>", people.OptOutView.as_view(), name="opt-out"),
    path("message-consents", people.ConsentsView.as_view(), name="consents"),
    path("message-consents/<uuid:consent_id>", people.ConsentView.as_view(), name="consent"),
    path("messaging/events", people.EventsView.as_view(), name="events"),
]
