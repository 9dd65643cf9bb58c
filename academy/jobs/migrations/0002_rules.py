"""The rules of a job's life, held by the database.

* a transition that ``job_transition`` does not list is refused;
* a job that has ended never changes again;
* who a job belongs to and what it was asked to do never change;
* every transition writes one event, in order, in the same statement;
* events are never changed or deleted, except by a purge that names itself.
"""

from django.db import migrations

from academy.jobs.states import TRANSITIONS

_PAIRS = ", ".join(
    f"('{before.value}', '{after.value}')"
    for before, nexts in TRANSITIONS.items()
    for after in sorted(nexts)
)

_TABLE = f"""
CREATE TABLE job_transition (
    from_state varchar(16) NOT NULL,
    to_state varchar(16) NOT NULL,
    PRIMARY KEY (from_state, to_state)
);
INSERT INTO job_transition VALUES {_PAIRS};
-- Every row is rewritten several times in its short life: leave room beside it, and clean up after
-- hundreds of dead versions instead of a fifth of the table.
ALTER TABLE job SET (
    fillfactor = 75, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500,
    autovacuum_analyze_scale_factor = 0.05
);
"""

_GUARD = """
CREATE FUNCTION job_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'queued' THEN
            RAISE EXCEPTION 'a job starts as queued, not as %', NEW.state
                USING ERRCODE = 'check_violation', CONSTRAINT = 'job_transition';
        END IF;
        NEW.event_seq := 1;
        -- "At once" is at once by this clock, however wrong the clock of who submitted it is.
        IF NEW.not_before <= NEW.created_at THEN
            NEW.not_before := LEAST(NEW.not_before, clock_timestamp());
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.tenant_id <> OLD.tenant_id OR NEW.kind <> OLD.kind OR NEW.queue <> OLD.queue
       OR NEW.params <> OLD.params OR NEW.created_at <> OLD.created_at
       OR NEW.parent_id IS DISTINCT FROM OLD.parent_id THEN
        RAISE EXCEPTION 'job %: what was submitted cannot change', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'job_identity';
    END IF;
    IF OLD.finished_at IS NOT NULL AND to_jsonb(NEW) <> to_jsonb(OLD) THEN
        RAISE EXCEPTION 'job % has ended as % and cannot change', OLD.id, OLD.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'job_transition';
    END IF;
    IF NEW.attempt NOT IN (OLD.attempt, OLD.attempt + 1) OR NEW.version < OLD.version THEN
        RAISE EXCEPTION 'job %: attempt or version went astray', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'job_fence';
    END IF;
    IF NEW.state <> OLD.state AND NOT EXISTS (
        SELECT FROM job_transition WHERE from_state = OLD.state AND to_state = NEW.state
    ) THEN
        RAISE EXCEPTION 'job %: % cannot become %', OLD.id, OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'job_transition';
    END IF;
    IF NEW.state <> OLD.state OR NEW.attempt <> OLD.attempt
       OR NEW.cancel_requested_at IS DISTINCT FROM OLD.cancel_requested_at THEN
        NEW.event_seq := OLD.event_seq + 1;
    ELSE
        NEW.event_seq := OLD.event_seq;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER job_guard BEFORE INSERT OR UPDATE ON job
    FOR EACH ROW EXECUTE FUNCTION job_guard();
"""

_RECORD = """
CREATE FUNCTION job_record() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kind varchar(24);
    about jsonb := '{}';
BEGIN
    IF TG_OP = 'INSERT' THEN
        kind := 'submitted';
    ELSIF NEW.event_seq = OLD.event_seq THEN
        RETURN NULL;
    ELSIF NEW.state <> OLD.state THEN
        kind := NEW.state;
    ELSIF NEW.attempt <> OLD.attempt THEN
        kind := 'taken_over';
    ELSE
        kind := 'cancel_requested';
    END IF;
    IF NEW.state = 'running' THEN
        about := jsonb_build_object('worker', NEW.lease_owner, 'phase', NEW.phase);
    ELSIF NEW.state IN ('retry_wait', 'failed', 'dead') THEN
        about := jsonb_build_object('code', NEW.error_code);
    END IF;
    IF NEW.state IN ('retry_wait', 'queued') THEN
        about := about || jsonb_build_object('not_before', NEW.not_before);
    END IF;
    INSERT INTO job_event (job_id, seq, at, type, from_state, to_state, attempt, data)
    VALUES (
        NEW.id, NEW.event_seq, clock_timestamp(), kind,
        CASE WHEN TG_OP = 'UPDATE' THEN OLD.state ELSE '' END, NEW.state, NEW.attempt, about
    );
    -- The relay wakes when a row is due, and when a slot is free that a waiting row may take.
    IF NEW.state = 'queued' OR (
        TG_OP = 'UPDATE' AND OLD.state IN ('published', 'running')
        AND NEW.state NOT IN ('published', 'running')
        AND EXISTS (SELECT FROM job WHERE state = 'queued' AND queue = NEW.queue
                    AND tenant_id = NEW.tenant_id)
    ) THEN
        PERFORM pg_notify('academy_due', NEW.queue);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER job_record AFTER INSERT OR UPDATE ON job
    FOR EACH ROW EXECUTE FUNCTION job_record();
"""

_APPEND_ONLY = """
CREATE FUNCTION job_history_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('academy.purge', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = 'job_event_append_only';
END $$;

CREATE TRIGGER job_event_append_only BEFORE UPDATE OR DELETE ON job_event
    FOR EACH ROW EXECUTE FUNCTION job_history_is_kept();
CREATE TRIGGER job_is_kept BEFORE DELETE ON job
    FOR EACH ROW EXECUTE FUNCTION job_history_is_kept();
"""

_REVERSE = """
DROP TRIGGER job_is_kept ON job;
DROP TRIGGER job_event_append_only ON job_event;
DROP FUNCTION job_history_is_kept();
DROP TRIGGER job_record ON job;
DROP FUNCTION job_record();
DROP TRIGGER job_guard ON job;
DROP FUNCTION job_guard();
DROP TABLE job_transition;
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]

    operations = [migrations.RunSQL(_TABLE + _GUARD + _RECORD + _APPEND_ONLY, _REVERSE)]
