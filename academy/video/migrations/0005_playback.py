"""What a viewing may still report, when watching began, and the devices of a viewer."""

from django.db import migrations, models
from django.db.models.functions import Now

from academy.core import clock


class Migration(migrations.Migration):
    dependencies = [("video", "0004_life")]

    operations = [
        migrations.AddField(
            model_name="viewing",
            name="credit",
            field=models.FloatField(db_default=0.0, default=0.0),
        ),
        migrations.AddField(
            model_name="watched",
            name="created_at",
            field=models.DateTimeField(db_default=Now(), default=clock.now, editable=False),
        ),
        migrations.AddIndex(
            model_name="viewing",
            index=models.Index(
                "tenant", "viewer", "device", "seen_at", name="video_viewing_device"
            ),
        ),
    ]
