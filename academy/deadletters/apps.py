from django.apps import AppConfig


class DeadLettersConfig(AppConfig):
    """Dead letters as a Django app."""

    name = "academy.deadletters"
    label = "deadletters"
    verbose_name = "Dead letters"
