from django.db import migrations, models


class Migration(migrations.Migration):
    """An academy's storage counts the MP4 files that were made for it."""

    dependencies = [("video", "0006_viewing_age")]

    operations = [
        migrations.AddField("video", "download_size", models.BigIntegerField(db_default=0)),
    ]
