"""Addresses that browsers open by links."""

from django.urls import path

from academy.sheets.pages import exams, reviewing, student, views

app_name = "exam-pages"

_EXAM = "desk/exam/<uuid:exam_id>"

urlpatterns = [
    path(_EXAM, exams.exam_page, name="exam"),
    path(f"{_EXAM}/publication", exams.PublicationView.as_view(), name="publication"),
    path(f"{_EXAM}/exports", exams.ExportsView.as_view(), name="exports"),
    path(f"{_EXAM}/exports/<uuid:job_id>", exams.ExportView.as_view(), name="export"),
    path(f"{_EXAM}/review", views.review_page, name="review"),
    path(f"{_EXAM}/review/queue", reviewing.QueueView.as_view(), name="queue"),
    path(f"{_EXAM}/review/scans/<uuid:scan_id>", reviewing.ScanView.as_view(), name="scan"),
    path(f"{_EXAM}/review/scans/<uuid:scan_id>/file", reviewing.FileView.as_view(), name="file"),
    path(f"{_EXAM}/review/duplicates", reviewing.DuplicatesView.as_view(), name="duplicates"),
    path(f"{_EXAM}/review/students", reviewing.StudentsView.as_view(), name="students"),
    path("desk/result/<uuid:exam_id>/<uuid:student_id>", student.result_page, name="result"),
]
