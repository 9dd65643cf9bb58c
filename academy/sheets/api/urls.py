"""Addresses below ``/api/v1/``."""

from django.urls import path

from academy.sheets.api import designs, exams, networks, results, scans

app_name = "sheets"

urlpatterns = [
    path("sheet-designs", designs.DesignsView.as_view(), name="designs"),
    path("sheet-designs/<uuid:design_id>", designs.DesignView.as_view(), name="design"),
    path(
        "sheet-designs/<uuid:design_id>/pages/<int:page>",
        designs.PreviewView.as_view(),
        name="preview",
    ),
    path("sheet-networks", networks.NetworksView.as_view(), name="networks"),
    path("sheet-networks/active", networks.ActiveNetworkView.as_view(), name="active-network"),
    path("exams", exams.ExamsView.as_view(), name="exams"),
    path("exams/<uuid:exam_id>", exams.ExamView.as_view(), name="exam"),
    path("exams/<uuid:exam_id>/key", exams.KeyView.as_view(), name="key"),
    path("exams/<uuid:exam_id>/scores", exams.ScoresView.as_view(), name="scores"),
    path("exams/<uuid:exam_id>/identify", exams.IdentifyView.as_view(), name="identify"),
    path("exams/<uuid:exam_id>/scans", scans.ScansView.as_view(), name="scans"),
    path("exams/<uuid:exam_id>/review-link", results.ReviewLinkView.as_view(), name="review-link"),
    path("exams/<uuid:exam_id>/page-link", results.PageLinkView.as_view(), name="page-link"),
    path(
        "exams/<uuid:exam_id>/results/<uuid:student_id>",
        results.ResultView.as_view(),
        name="result",
    ),
    path(
        "exams/<uuid:exam_id>/results/<uuid:student_id>/link",
        results.ResultLinkView.as_view(),
        name="result-link",
    ),
    path("scans/<uuid:scan_id>", scans.ScanView.as_view(), name="scan"),
    path("scans/<uuid:scan_id>/settle", scans.SettleView.as_view(), name="settle"),
]
