"""Addresses below ``/api/v1/``."""

from django.urls import path

from academy.jobs.api import logs, views

app_name = "jobs"

urlpatterns = [
    path("kinds", views.KindsView.as_view(), name="kinds"),
    path("jobs", views.JobsView.as_view(), name="jobs"),
    path("jobs/batch", views.JobBatchView.as_view(), name="batch"),
    path("jobs/<uuid:job_id>", views.JobView.as_view(), name="job"),
    path("jobs/<uuid:job_id>/cancel", views.JobCancelView.as_view(), name="cancel"),
    path("jobs/<uuid:job_id>/retry", views.JobRetryView.as_view(), name="retry"),
    path("jobs/<uuid:job_id>/replay", views.JobReplayView.as_view(), name="replay"),
    path("jobs/<uuid:job_id>/escalate", views.JobEscalateView.as_view(), name="escalate"),
    path("jobs/<uuid:job_id>/attempts", views.JobAttemptsView.as_view(), name="attempts"),
    path("jobs/<uuid:job_id>/children", views.JobChildrenView.as_view(), name="children"),
    path("jobs/<uuid:job_id>/events", views.JobEventsView.as_view(), name="events"),
    path("ops/jobs/<uuid:job_id>/logs", logs.JobLogsView.as_view(), name="logs"),
]
