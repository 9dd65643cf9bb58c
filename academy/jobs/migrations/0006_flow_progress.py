"""How far a waiting parent is."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0005_log_age'),
    ]

    operations = [
        migrations.AddField(
            model_name='job',
            name='fan_out',
            field=models.JSONField(null=True),
        ),
    ]
