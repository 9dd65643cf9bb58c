"""The Celery application ``academy``.

``celery -A tasks.app worker`` (see :func:`tasks.queues.worker_argv`) and whatever publishes import
``app`` from here. Django is set up by Celery's own fixup from ``DJANGO_SETTINGS_MODULE``.
"""

import os

from celery import Celery

from tasks import queues
from tasks.worker.steps import install

# Django's system checks import the URL configuration, and with it the API, which no worker needs;
# `manage.py check` runs them before a release.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery(
    "academy",
    config_source="celeryconfig",
    # Read by django-celery-results; only ops tasks, which ask for it, store a result.
    backend="django-db",
    # Imported when a worker starts, never by a publisher.
    include=list(queues.task_modules()),
)
install(app)
