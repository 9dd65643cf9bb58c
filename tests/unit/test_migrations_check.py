"""Which statements the previous release can live with."""

import pytest
from django.db.migrations import Migration

from academy.core.migrations_check import Finding, judge

OLD = 'ALTER TABLE "job"'


def found(*sql: str, contract: dict[str, str] | str | None = None) -> list[str]:
    migration = Migration("0042_next", "jobs")
    if contract is not None:
        migration.contract = contract
    return [finding.rule for finding in judge(migration, sql)]


@pytest.mark.parametrize(
    "sql",
    [
        'CREATE TABLE "exam" ("id" uuid NOT NULL PRIMARY KEY, "name" text NOT NULL);',
        f'{OLD} ADD COLUMN "note" text NULL;',
        f"{OLD} ADD COLUMN \"note\" varchar(55) DEFAULT '' NOT NULL;",
        f'{OLD} ADD COLUMN "e" uuid NULL REFERENCES "exam"("id"); SET CONSTRAINTS "fk" IMMEDIATE;',
        'CREATE INDEX CONCURRENTLY "job_ended" ON "job" ("queue", "state");',
        f'{OLD} ALTER COLUMN "note" DROP NOT NULL;',
        f"{OLD} ALTER COLUMN \"note\" SET DEFAULT 'a, b';",
        f"{OLD} SET (fillfactor = 75, autovacuum_vacuum_threshold = 500);",
        "CREATE FUNCTION tell() RETURNS trigger LANGUAGE sql AS $$ DROP TABLE job; END $$;",
        "-- DROP TABLE job\nCOMMENT ON TABLE job IS 'rows';",
    ],
)
def test_what_only_expands_the_schema_passes(sql):
    assert found(sql) == []


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ('DROP TABLE "job" CASCADE;', "drop-table"),
        (f'{OLD} DROP COLUMN "note" CASCADE;', "drop-column"),
        (f'{OLD} ADD COLUMN "a" text NULL, DROP COLUMN "b";', "drop-column"),
        (f'{OLD} DROP CONSTRAINT "known";', "drop-constraint"),
        ('DROP INDEX IF EXISTS "job_ended";', "drop-constraint"),
        (f'{OLD} RENAME TO "work";', "rename"),
        (f'{OLD} RENAME COLUMN "note" TO "remark";', "rename"),
        (f'{OLD} ALTER COLUMN "note" TYPE varchar(5);', "change-type"),
        (f'{OLD} ALTER COLUMN "note" SET NOT NULL;', "required-column"),
        (f'{OLD} ADD COLUMN "note" text NOT NULL;', "required-column"),
        (f'{OLD} ALTER COLUMN "note" DROP DEFAULT;', "drop-default"),
        (f'{OLD} ADD CONSTRAINT "c" CHECK ("attempt" < 9);', "tighter-constraint"),
        (f'{OLD} ADD CONSTRAINT "u" UNIQUE ("tenant_id");', "tighter-constraint"),
        ('CREATE UNIQUE INDEX CONCURRENTLY "u" ON "job" ("tenant_id");', "tighter-constraint"),
        ('CREATE INDEX "job_age" ON "job" ("created_at");', "blocking-index"),
        ("CREATE OR REPLACE FUNCTION job_guard() RETURNS trigger AS $$ x $$;", "trigger"),
        ("CREATE TRIGGER late BEFORE UPDATE ON job FOR EACH ROW EXECUTE FUNCTION x();", "trigger"),
        ("DROP TRIGGER job_guard ON job;", "trigger"),
        ("UPDATE job SET attempt = 0;", "data"),
        ("-- THIS OPERATION CANNOT BE WRITTEN AS SQL", "data"),
        ("LOCK TABLE job;", "unjudged"),
        (f"{OLD} OWNER TO somebody;", "unjudged"),
    ],
)
def test_what_the_previous_release_may_not_survive_is_found(sql, rule):
    assert found(sql) == [rule]


def test_the_default_that_django_drops_after_it_added_the_column_is_found():
    assert found(
        f"{OLD} ADD COLUMN \"note\" varchar(4) DEFAULT '' NOT NULL;",
        f'{OLD} ALTER COLUMN "note" DROP DEFAULT;',
    ) == ["drop-default"]
    nullable = f"{OLD} ADD COLUMN \"note\" jsonb DEFAULT '{{}}' NULL;"
    assert found(nullable, f'{OLD} ALTER COLUMN "note" DROP DEFAULT;') == []
    assert found(nullable, f'{OLD} ALTER COLUMN "note" SET NOT NULL;') == ["required-column"]


def test_tables_and_columns_that_are_new_themselves_may_have_any_rule():
    table = 'CREATE TABLE "exam" ("id" uuid NOT NULL PRIMARY KEY);'
    column = f'{OLD} ADD COLUMN "exam_id" uuid NULL;'
    assert found(table, 'ALTER TABLE "exam" ADD CONSTRAINT "c" CHECK ("id" IS NOT NULL);') == []
    assert found(table, 'CREATE UNIQUE INDEX "u" ON "exam" ("id");') == []
    assert found(column, f'{OLD} ADD CONSTRAINT "u" UNIQUE ("tenant_id", "exam_id");') == []
    assert found(column, f'{OLD} ADD CONSTRAINT "c" CHECK ("exam_id" <> "parent_id");') == [
        "tighter-constraint"
    ]


def test_a_contract_explains_its_own_rule_alone():
    sql = f'{OLD} DROP COLUMN "note";'
    assert found(sql, contract={"drop-column": "Nothing reads it since 0.3."}) == []
    assert found(sql, contract={"drop-column": " "}) == ["drop-column", "unjudged"]
    assert found(sql, contract={"rename": "It is not renamed."}) == ["drop-column", "unjudged"]


def test_a_contract_of_one_sentence_explains_the_whole_migration():
    sql = (f'{OLD} DROP COLUMN "note";', f'{OLD} ALTER COLUMN "kind" SET NOT NULL;')
    assert found(*sql, contract="Release 0.3 was the last to use them.") == []
    assert found(*sql, contract="") == ["drop-column", "required-column", "unjudged", "unjudged"]
    assert found(f'{OLD} ADD COLUMN "a" text NULL;', contract="Needless.") == ["unjudged"]


def test_a_finding_names_the_migration_the_reason_and_the_statement():
    text = str(Finding("jobs.0042_next", "rename", "ALTER TABLE job RENAME TO work"))
    assert text.startswith("jobs.0042_next: rename: the previous release knows the old name only")
    assert text.endswith("ALTER TABLE job RENAME TO work")
