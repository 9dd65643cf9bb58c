"""What a waiting attempt wrote is found when its flow has ended."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0007_ended'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='jobattempt',
            index=models.Index(models.F('job'), condition=models.Q(('outcome', 'waiting'), ('swept_at__isnull', True)), name='job_attempt_of_flow'),
        ),
    ]
