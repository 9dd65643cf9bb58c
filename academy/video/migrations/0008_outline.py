"""Chapters of videos, and the silences that were heard in them."""

import django.db.models.deletion
from django.db import migrations, models

import academy.core.ids


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial"), ("video", "0007_download_size")]

    operations = [
        migrations.CreateModel(
            name="Outline",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=academy.core.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("chapters", models.JSONField(default=list)),
                ("by_hand", models.BooleanField(db_default=False, default=False)),
                ("silences", models.JSONField(default=list)),
                ("recording", models.UUIDField(null=True)),
                ("heard_by", models.UUIDField(null=True)),
                ("updated_at", models.DateTimeField()),
                (
                    "tenant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
                (
                    "video",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="outline",
                        to="video.video",
                    ),
                ),
            ],
            options={
                "db_table": "video_outline",
                "abstract": False,
                "default_manager_name": "unscoped",
            },
            managers=[("unscoped", models.Manager())],
        ),
    ]
