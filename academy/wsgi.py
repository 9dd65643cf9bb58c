"""The API process, for gunicorn: ``gunicorn academy.wsgi``."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "academy.settings.production")
os.environ.setdefault("ACADEMY_PROCESS", "api")

application = get_wsgi_application()
