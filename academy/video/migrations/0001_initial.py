import academy.core.clock
import academy.core.ids
import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('jobs', '0001_initial'),
        ('tenants', '0001_initial'),
        ('uploads', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Video',
            fields=[
                ('id', models.UUIDField(default=academy.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('title', models.CharField(max_length=200)),
                ('bucket', models.CharField(default='video', max_length=16)),
                ('output_prefix', models.CharField(blank=True, default='', max_length=200)),
                ('manifest', models.JSONField(null=True)),
                ('duration', models.FloatField(null=True)),
                ('created_at', models.DateTimeField(default=academy.core.clock.now, editable=False)),
                ('job', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='video', to='jobs.job')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('upload', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='uploads.upload')),
            ],
            options={
                'db_table': 'video',
                'abstract': False,
                'default_manager_name': 'unscoped',
                'indexes': [models.Index(models.F('tenant'), models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), name='video_listing')],
            },
            managers=[
                ('unscoped', django.db.models.manager.Manager()),
            ],
        ),
    ]
