"""Old viewings are found by when they were last heard of."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("video", "0005_playback")]

    operations = [
        migrations.AddIndex(
            model_name="viewing",
            index=models.Index(models.F("seen_at"), name="video_viewing_age"),
        ),
    ]
