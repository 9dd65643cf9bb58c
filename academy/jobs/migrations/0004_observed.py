"""What is needed to watch jobs: trace context, log lines, dead jobs, and events read once."""

import django.db.models.deletion
from django.db import migrations, models

# The column is added empty and only then given its default: a volatile default at once would
# rewrite the whole table. A block-range index follows the order of writing and costs next to
# nothing.
_TRANSACTIONS = '''
ALTER TABLE job_event ALTER COLUMN tx SET DEFAULT (pg_current_xact_id()::text::bigint);
CREATE INDEX job_event_tx ON job_event
    USING brin (tx) WITH (pages_per_range = 16, autosummarize = on);
'''
_TRANSACTIONS_BACK = '''
DROP INDEX job_event_tx;
ALTER TABLE job_event ALTER COLUMN tx DROP DEFAULT;
'''


class Migration(migrations.Migration):

    dependencies = [
        ('jobs', '0003_open_jobs'),
        ('tenants', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='JobLog',
            fields=[
                ('pk', models.CompositePrimaryKey('job_id', 'attempt', 'seq', blank=True, editable=False, primary_key=True, serialize=False)),
                ('job', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='log_lines', to='jobs.job')),
                ('attempt', models.PositiveIntegerField()),
                ('seq', models.PositiveIntegerField()),
                ('at', models.DateTimeField()),
                ('level', models.CharField(max_length=8)),
                ('logger', models.CharField(max_length=100)),
                ('message', models.TextField()),
            ],
            options={
                'db_table': 'job_log',
                'ordering': ['job_id', 'attempt', 'seq'],
            },
        ),
        migrations.AddField(
            model_name='job',
            name='traceparent',
            field=models.CharField(blank=True, db_default='', max_length=55),
        ),
        migrations.AddField(
            model_name='jobevent',
            name='tx',
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AddIndex(
            model_name='job',
            index=models.Index(models.F('finished_at'), models.F('id'), condition=models.Q(('state', 'dead')), name='job_dead'),
        ),
        migrations.RunSQL(_TRANSACTIONS, _TRANSACTIONS_BACK),
    ]
