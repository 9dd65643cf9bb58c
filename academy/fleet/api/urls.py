"""Addresses below ``/api/v1/ops/``."""

from django.urls import path

from academy.fleet.api import views

app_name = "fleet"

urlpatterns = [
    path("queues", views.QueuesView.as_view(), name="queues"),
    path("queues/<str:name>/pause", views.QueuePauseView.as_view(), name="queue-pause"),
    path("queues/<str:name>/resume", views.QueueResumeView.as_view(), name="queue-resume"),
    path("workers", views.WorkersView.as_view(), name="workers"),
    path("workers/<str:name>/drain", views.WorkerDrainView.as_view(), name="worker-drain"),
    path("workers/<str:name>/undrain", views.WorkerUndrainView.as_view(), name="worker-undrain"),
    path("actions", views.ActionsView.as_view(), name="actions"),
]
