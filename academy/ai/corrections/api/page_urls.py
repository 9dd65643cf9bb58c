"""Addresses that browsers open by links."""

from django.urls import path

from academy.ai.corrections.api import pages

app_name = "question-pages"

_ROOT = "desk/questions/<uuid:job_id>"

urlpatterns = [
    path(_ROOT, pages.questions_page, name="questions"),
    path(f"{_ROOT}/boxes", pages.BoxesView.as_view(), name="boxes"),
]
