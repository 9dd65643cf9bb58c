"""Addresses that the review page's script asks, below the page of the examination."""

from django.urls import path

from academy.ai.omr import pages

app_name = "second-readings"

_AGAIN = "desk/exam/<uuid:exam_id>/review/again"

urlpatterns = [
    path(_AGAIN, pages.AgainView.as_view(), name="again"),
    path(f"{_AGAIN}/<uuid:job_id>", pages.ReadingView.as_view(), name="reading"),
]
