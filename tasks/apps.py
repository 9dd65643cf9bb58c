"""The Django application ``tasks``: it exists for its management commands."""

from django.apps import AppConfig


class TasksConfig(AppConfig):
    """Registers ``manage.py ensure_queues``; it has no models."""

    name = "tasks"
    verbose_name = "Queues and workers"
