"""Addresses below ``/api/v1/``."""

from django.urls import path

from academy.messaging.pages import links

app_name = "message-links"

urlpatterns = [
    path("messages/page-link", links.MessagesLinkView.as_view(), name="page-link"),
    path("messages/compose-link", links.ComposeLinkView.as_view(), name="compose-link"),
    path("campaigns/<uuid:campaign_id>/page-link", links.CampaignLinkView.as_view(), name="link"),
]
