"""Old log lines are found by their age."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0004_observed'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='joblog',
            index=models.Index(models.F('at'), name='job_log_age'),
        ),
    ]
