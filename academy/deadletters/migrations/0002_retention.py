"""Letters of messages that were settled long ago are found by when."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deadletters", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="deadletter",
            index=models.Index(
                models.F("resolved_at"),
                name="dead_letter_message_settled",
                condition=models.Q(source="message", resolved_at__isnull=False),
            ),
        ),
    ]
