from django.apps import AppConfig


class FleetConfig(AppConfig):
    """Worker pools and queue switches as a Django app."""

    name = "academy.fleet"
    label = "fleet"
    verbose_name = "Worker pools and queue switches"
