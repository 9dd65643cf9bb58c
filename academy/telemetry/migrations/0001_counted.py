"""Counters that outlive processes, how far the event log is counted, and the ledger's steps."""

from django.db import migrations, models

# The few rows of the counters are written every few seconds: room beside them keeps their indexes
# still. A call that is made again by another attempt is a step, though the state stays "sending".
_RULES = '''
ALTER TABLE metric_value SET (fillfactor = 50);
ALTER TABLE metric_bucket SET (fillfactor = 50);

CREATE FUNCTION effect_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO effect_step (job_id, state) VALUES (NEW.job_id, NEW.state);
    RETURN NULL;
END $$;

CREATE TRIGGER effect_planned AFTER INSERT ON effect
    FOR EACH ROW EXECUTE FUNCTION effect_record();
CREATE TRIGGER effect_moved AFTER UPDATE ON effect FOR EACH ROW
    WHEN ((OLD.state, OLD.job_id, OLD.attempt) IS DISTINCT FROM (NEW.state, NEW.job_id, NEW.attempt))
    EXECUTE FUNCTION effect_record();
'''
_RULES_BACK = '''
DROP TRIGGER effect_moved ON effect;
DROP TRIGGER effect_planned ON effect;
DROP FUNCTION effect_record();
'''


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('jobs', '0004_observed'),
    ]

    operations = [
        migrations.CreateModel(
            name='EffectStep',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('job_id', models.UUIDField()),
                ('state', models.CharField(max_length=8)),
            ],
            options={
                'db_table': 'effect_step',
            },
        ),
        migrations.CreateModel(
            name='EventTally',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('watermark', models.BigIntegerField()),
                ('since', models.DateTimeField(null=True)),
                ('caught_up_at', models.DateTimeField(null=True)),
                ('mark_tx', models.BigIntegerField(null=True)),
                ('mark_at', models.DateTimeField(null=True)),
                ('levelled_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'event_tally',
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='event_tally_single')],
            },
        ),
        migrations.CreateModel(
            name='MetricBucket',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('labels', models.JSONField()),
                ('bound', models.FloatField()),
                ('count', models.BigIntegerField()),
                ('total', models.FloatField()),
            ],
            options={
                'db_table': 'metric_bucket',
                'constraints': [models.UniqueConstraint(fields=('name', 'labels', 'bound'), name='metric_bucket_once')],
            },
        ),
        migrations.CreateModel(
            name='MetricValue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('labels', models.JSONField()),
                ('value', models.FloatField()),
            ],
            options={
                'db_table': 'metric_value',
                'constraints': [models.UniqueConstraint(fields=('name', 'labels'), name='metric_value_once')],
            },
        ),
        migrations.RunSQL(_RULES, _RULES_BACK),
    ]
