"""Pieces of a divided lecture, found again by what they were made of."""

import academy.core.clock
import academy.core.ids
import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0004_observed'),
        ('tenants', '0001_initial'),
        ('video', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='VideoPiece',
            fields=[
                ('id', models.UUIDField(default=academy.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('digest', models.CharField(max_length=64)),
                ('name', models.CharField(max_length=32)),
                ('prefix', models.CharField(max_length=200)),
                ('facts', models.JSONField()),
                ('created_at', models.DateTimeField(default=academy.core.clock.now, editable=False)),
                ('job', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='jobs.job')),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'db_table': 'video_piece',
                'abstract': False,
                'default_manager_name': 'unscoped',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'digest', 'name'), name='video_piece_once')],
            },
            managers=[
                ('unscoped', django.db.models.manager.Manager()),
            ],
        ),
    ]
