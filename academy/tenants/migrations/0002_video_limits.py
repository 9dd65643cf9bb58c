"""Exceptions from the plan on lectures."""

import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="VideoLimit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("until", models.DateTimeField(blank=True, null=True)),
                ("minutes_per_month", models.PositiveIntegerField(blank=True, null=True)),
                ("storage_bytes", models.PositiveBigIntegerField(blank=True, null=True)),
                ("viewings", models.PositiveIntegerField(blank=True, null=True)),
                ("devices", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "default_manager_name": "unscoped",
                "constraints": [
                    models.UniqueConstraint(fields=("tenant",), name="videolimit_once")
                ],
            },
            managers=[("unscoped", django.db.models.manager.Manager())],
        ),
    ]
