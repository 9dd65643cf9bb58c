"""An index of ended jobs: what failed lately, and how fast a queue goes."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # built beside the work that goes on

    dependencies = [("jobs", "0006_flow_progress"), ("tenants", "0001_initial")]

    operations = [
        AddIndexConcurrently(
            model_name="job",
            index=models.Index(
                models.F("queue"),
                models.F("state"),
                models.F("finished_at"),
                name="job_ended",
                condition=models.Q(("finished_at__isnull", False)),
            ),
        ),
    ]
