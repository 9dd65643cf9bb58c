"""Deletion for good, pieces found by their video, minutes of a month."""

import academy.core.ids
import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models


# A video's pieces were made by the children of its job, each of which names the plan.
_FILL = """
UPDATE video SET digest = piece.digest
FROM (
    SELECT DISTINCT ON (child.parent_id) child.parent_id AS job_id,
        child.result ->> 'digest' AS digest
    FROM job child WHERE child.kind = 'video.piece' AND child.state = 'succeeded'
    ORDER BY child.parent_id, child.id
) AS piece
WHERE video.job_id = piece.job_id AND video.output_prefix <> '' AND piece.digest IS NOT NULL;

UPDATE video SET size = (manifest ->> 'size')::bigint
WHERE size = 0 AND manifest ->> 'size' IS NOT NULL;

INSERT INTO video_encoding (id, tenant_id, job_id, seconds, work_seconds, at)
SELECT gen_random_uuid(), tenant_id, id, (result ->> 'duration')::float8,
    extract(epoch FROM finished_at - started_at), finished_at
FROM job
WHERE kind = 'video.transcode' AND state = 'succeeded' AND result ->> 'duration' IS NOT NULL;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0008_flow_leftovers'),
        ('tenants', '0001_initial'),
        ('uploads', '0002_deleted'),
        ('video', '0003_lectures'),
    ]

    operations = [
        migrations.CreateModel(
            name='Encoding',
            fields=[
                ('id', models.UUIDField(default=academy.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('seconds', models.FloatField()),
                ('work_seconds', models.FloatField()),
                ('at', models.DateTimeField()),
            ],
            options={
                'db_table': 'video_encoding',
                'abstract': False,
                'default_manager_name': 'unscoped',
            },
            managers=[
                ('unscoped', django.db.models.manager.Manager()),
            ],
        ),
        migrations.AddField(
            model_name='video',
            name='digest',
            field=models.CharField(blank=True, db_default='', max_length=64),
        ),
        migrations.AddField(
            model_name='video',
            name='held_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='video',
            name='purge_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='video',
            name='purge_job',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='jobs.job'),
        ),
        migrations.AddIndex(
            model_name='video',
            index=models.Index(models.F('tenant'), models.F('digest'), condition=models.Q(('digest', ''), _negated=True), name='video_of_pieces'),
        ),
        migrations.AddIndex(
            model_name='video',
            index=models.Index(models.F('tenant'), condition=models.Q(('held_at__isnull', False)), name='video_held'),
        ),
        migrations.AddField(
            model_name='encoding',
            name='job',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='jobs.job'),
        ),
        migrations.AddField(
            model_name='encoding',
            name='tenant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant'),
        ),
        migrations.AddIndex(
            model_name='encoding',
            index=models.Index(models.F('tenant'), models.OrderBy(models.F('at'), descending=True), name='video_encoding_month'),
        ),
        migrations.AddIndex(
            model_name='encoding',
            index=models.Index(models.OrderBy(models.F('at'), descending=True), name='video_encoding_recent'),
        ),
        migrations.AddIndex(
            model_name='videopiece',
            index=models.Index(models.F('created_at'), name='video_piece_age'),
        ),
        migrations.AddIndex(
            model_name='videopiece',
            index=models.Index(models.F('id'), condition=models.Q(('digest', '')), name='video_piece_gone'),
        ),
        migrations.RunSQL(_FILL, migrations.RunSQL.noop),
    ]
