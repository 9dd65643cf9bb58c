"""The Celery application ``academy``.

``celery -A tasks.app worker`` (see :func:`tasks.queues.worker_argv`) and whatever publishes import
``app`` from here. A worker sets Django up before it imports its tasks.
"""

from celery import Celery

from tasks import queues
from tasks.worker.steps import install

app = Celery(
    "academy",
    config_source="celeryconfig",
    # In place of Celery's Django fixup: connections stay open, and no system checks, which would
    # import the API into every worker.
    fixups=["tasks.worker.database:DatabaseFixup"],
    # Read by django-celery-results; only ops tasks, which ask for it, store a result.
    backend="django-db",
    # Imported when a worker starts, never by a publisher.
    include=list(queues.task_modules()),
)
install(app)
