"""What a worker can say of itself; apart from the models, so that a worker's parent can read it."""

from __future__ import annotations

from django.db import models


class WorkerState(models.TextChoices):
    """What a worker last said of itself."""

    WORKING = "working"
    PAUSED = "paused"
    """Its queue is paused."""
    DRAINING = "draining"
    """It takes no new work and has some left: it was asked to drain, or to stop."""
    DRAINED = "drained"
    """It takes no new work, holds none, and stays up."""
    STOPPED = "stopped"
