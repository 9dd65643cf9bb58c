"""Addresses that browsers open by links."""

from django.urls import path

from academy.messaging.pages import campaigns, composing, outbox

app_name = "message-pages"

_ROOT = "desk/messages/<uuid:tenant_id>"
_CAMPAIGN = f"{_ROOT}/campaigns/<uuid:campaign_id>"

urlpatterns = [
    path(_ROOT, campaigns.campaigns, name="campaigns"),
    path(f"{_ROOT}/compose", composing.compose, name="compose"),
    path(f"{_ROOT}/compose/measure", composing.MeasureView.as_view(), name="measure"),
    path(f"{_ROOT}/compose/preview", composing.PreviewView.as_view(), name="preview"),
    path(f"{_ROOT}/compose/confirm", composing.ConfirmView.as_view(), name="confirm"),
    path(f"{_ROOT}/compose/students", composing.StudentsView.as_view(), name="students"),
    path(_CAMPAIGN, campaigns.campaign, name="campaign"),
    path(f"{_CAMPAIGN}/state", campaigns.StateView.as_view(), name="state"),
    path(f"{_CAMPAIGN}/messages", campaigns.RowsView.as_view(), name="messages"),
    path(f"{_CAMPAIGN}/messages/<uuid:message_id>", campaigns.TraceView.as_view(), name="trace"),
    *(
        path(f"{_CAMPAIGN}/{deed}", campaigns.DeedView.as_view(deed=deed), name=deed)
        for deed in ("pause", "resume", "cancel")
    ),
    path(f"{_ROOT}/outbox", outbox.outbox, name="outbox"),
    path(f"{_ROOT}/outbox/newest", outbox.NewestView.as_view(), name="newest"),
]
