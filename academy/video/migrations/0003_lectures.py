"""What teachers and students need around a video: order, captions, keys, viewings, deletion."""

import academy.core.clock
import academy.core.ids
import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0004_observed'),
        ('tenants', '0001_initial'),
        ('uploads', '0001_initial'),
        ('video', '0002_pieces'),
    ]

    operations = [
        migrations.CreateModel(
            name='Caption',
            fields=[
                ('id', models.UUIDField(default=academy.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('language', models.CharField(max_length=16)),
                ('label', models.CharField(max_length=40)),
                ('key', models.CharField(max_length=200)),
                ('size', models.PositiveIntegerField()),
                ('updated_at', models.DateTimeField(default=academy.core.clock.now)),
            ],
            options={
                'db_table': 'video_caption',
                'abstract': False,
                'default_manager_name': 'unscoped',
            },
            managers=[
                ('unscoped', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='ContentKey',
            fields=[
                ('id', models.UUIDField(default=academy.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('digest', models.CharField(max_length=64)),
                ('number', models.PositiveIntegerField()),
                ('sealed', models.BinaryField(max_length=200)),
                ('created_at', models.DateTimeField(default=academy.core.clock.now, editable=False)),
            ],
            options={
                'db_table': 'video_content_key',
                'abstract': False,
                'default_manager_name': 'unscoped',
            },
            managers=[
                ('unscoped', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='Viewing',
            fields=[
                ('id', models.UUIDField(default=academy.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('viewer', models.CharField(max_length=64)),
                ('device', models.CharField(max_length=64)),
                ('policy_version', models.PositiveIntegerField()),
                ('started_at', models.DateTimeField()),
                ('seen_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('ended_because', models.CharField(blank=True, max_length=32)),
            ],
            options={
                'db_table': 'video_viewing',
                'abstract': False,
                'default_manager_name': 'unscoped',
            },
            managers=[
                ('unscoped', django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name='Watched',
            fields=[
                ('id', models.UUIDField(default=academy.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('viewer', models.CharField(max_length=64)),
                ('intervals', models.JSONField(default=list)),
                ('seconds', models.FloatField(default=0.0)),
                ('position', models.FloatField(default=0.0)),
                ('completed_at', models.DateTimeField(null=True)),
                ('updated_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'video_watched',
                'abstract': False,
                'default_manager_name': 'unscoped',
            },
            managers=[
                ('unscoped', django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddField(
            model_name='video',
            name='deleted_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='video',
            name='deleted_by',
            field=models.CharField(blank=True, db_default='', max_length=80),
        ),
        migrations.AddField(
            model_name='video',
            name='policy_version',
            field=models.PositiveIntegerField(db_default=1),
        ),
        migrations.AddField(
            model_name='video',
            name='position',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='video',
            name='profile',
            field=models.CharField(choices=[('standard', 'Standard'), ('saver', 'Saver'), ('encrypted', 'Encrypted')], db_default='standard', max_length=16),
        ),
        migrations.AddField(
            model_name='video',
            name='purged_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='video',
            name='session',
            field=models.CharField(blank=True, db_default='', max_length=80),
        ),
        migrations.AddField(
            model_name='video',
            name='size',
            field=models.BigIntegerField(db_default=0),
        ),
        migrations.AddIndex(
            model_name='video',
            index=models.Index(models.F('tenant'), models.F('session'), models.F('position'), models.F('id'), name='video_in_session'),
        ),
        migrations.AddIndex(
            model_name='video',
            index=models.Index(models.F('deleted_at'), condition=models.Q(('deleted_at__isnull', False), ('purged_at__isnull', True)), name='video_to_purge'),
        ),
        migrations.AddConstraint(
            model_name='video',
            constraint=models.CheckConstraint(condition=models.Q(('profile__in', ['standard', 'saver', 'encrypted'])), name='video_profile_known'),
        ),
        migrations.AddField(
            model_name='caption',
            name='tenant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant'),
        ),
        migrations.AddField(
            model_name='caption',
            name='video',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='captions', to='video.video'),
        ),
        migrations.AddField(
            model_name='contentkey',
            name='tenant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant'),
        ),
        migrations.AddField(
            model_name='viewing',
            name='tenant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant'),
        ),
        migrations.AddField(
            model_name='viewing',
            name='video',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='viewings', to='video.video'),
        ),
        migrations.AddField(
            model_name='watched',
            name='tenant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant'),
        ),
        migrations.AddField(
            model_name='watched',
            name='video',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='watched', to='video.video'),
        ),
        migrations.AddConstraint(
            model_name='caption',
            constraint=models.UniqueConstraint(fields=('video', 'language'), name='video_caption_once'),
        ),
        migrations.AddConstraint(
            model_name='contentkey',
            constraint=models.UniqueConstraint(fields=('tenant', 'digest', 'number'), name='video_content_key_once'),
        ),
        migrations.AddIndex(
            model_name='viewing',
            index=models.Index(models.F('tenant'), models.F('viewer'), models.F('seen_at'), condition=models.Q(('ended_at__isnull', True)), name='video_viewing_open'),
        ),
        migrations.AddConstraint(
            model_name='watched',
            constraint=models.UniqueConstraint(fields=('video', 'viewer'), name='video_watched_once'),
        ),
    ]
