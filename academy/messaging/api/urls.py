"""Addresses below ``/api/v1/``."""

from django.urls import path

from academy.messaging.api import campaigns, people_urls, policy, templates, webhooks

app_name = "messaging"

_CAMPAIGN = "campaigns/<uuid:campaign_id>"

urlpatterns = [
    path("messaging/policy", policy.PolicyView.as_view(), name="policy"),
    path("messaging/webhooks/<slug:provider>", webhooks.WebhookView.as_view(), name="webhook"),
    path("message-templates", templates.TemplatesView.as_view(), name="templates"),
    path("message-templates/<uuid:template_id>", templates.TemplateView.as_view(), name="template"),
    path("messages/preview", campaigns.PreviewView.as_view(), name="preview"),
    path("messages", campaigns.ConfirmView.as_view(), name="confirm"),
    path("messages/<uuid:message_id>", campaigns.MessageView.as_view(), name="message"),
    path("campaigns", campaigns.CampaignsView.as_view(), name="campaigns"),
    path(_CAMPAIGN, campaigns.CampaignView.as_view(), name="campaign"),
    path(f"{_CAMPAIGN}/messages", campaigns.CampaignMessagesView.as_view(), name="messages"),
    path(f"{_CAMPAIGN}/pause", campaigns.PauseView.as_view(), name="pause"),
    path(f"{_CAMPAIGN}/resume", campaigns.ResumeView.as_view(), name="resume"),
    path(f"{_CAMPAIGN}/cancel", campaigns.CancelView.as_view(), name="cancel"),
    path("message-credits", policy.CreditView.as_view(), name="credits"),
    path("message-credits/entries", policy.CreditBookView.as_view(), name="credit-book"),
    *people_urls.urlpatterns,
]
