"""A complete upload can be deleted with what was made of it."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0001_initial'),
        ('uploads', '0001_initial'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='upload',
            name='upload_state_known',
        ),
        migrations.AlterField(
            model_name='upload',
            name='state',
            field=models.CharField(choices=[('pending', 'Pending'), ('complete', 'Complete'), ('expired', 'Expired'), ('rejected', 'Rejected'), ('deleted', 'Deleted')], default='pending', max_length=10),
        ),
        migrations.AddConstraint(
            model_name='upload',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['pending', 'complete', 'expired', 'rejected', 'deleted'])), name='upload_state_known'),
        ),
    ]
