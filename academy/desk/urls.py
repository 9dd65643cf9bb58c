"""Addresses that all pages share; each domain adds its own below ``/desk/``."""

from django.urls import path
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

app_name = "desk"

urlpatterns = [path("desk/language", require_POST(set_language), name="language")]
