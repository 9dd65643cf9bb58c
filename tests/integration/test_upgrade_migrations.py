"""The migrations since the previous release, as the processes of that release meet them."""

import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from academy.core import migrations_check
from deploy.upgrade import previous

MIGRATIONS = "*/migrations/[0-9]*.py"


@pytest.fixture(scope="module")
def release():
    return previous.previous()


def _path(migration):
    module = Path(sys.modules[type(migration).__module__].__file__)
    return module.relative_to(previous.ROOT).as_posix()


@pytest.mark.django_db(transaction=True)
def test_the_previous_release_lives_with_every_migration_since(release):
    """Expand, then contract: docs/how-to/upgrade.md says what to do with a finding."""
    released = previous.files(release, MIGRATIONS)
    ours = {path.as_posix() for path in Path("academy").rglob("migrations/[0-9]*.py")}
    assert len(released) > 10
    assert released <= ours
    found = migrations_check.check(
        lambda migration: (
            not type(migration).__module__.startswith("academy.") or _path(migration) in released
        )
    )
    assert not found, "\n".join(map(str, found))


def test_no_released_migration_was_edited(release):
    assert previous.changed(release, MIGRATIONS) == set()


@pytest.mark.django_db(transaction=True)
def test_the_command_judges_what_a_database_does_not_have_yet(capsys):
    call_command("check_migrations")
    assert "only expands" in capsys.readouterr().out
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'uploads' AND name LIKE '0002%%'")
    try:
        with pytest.raises(SystemExit):
            call_command("check_migrations")
    finally:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied)"
                " VALUES ('uploads', '0002_deleted', now())"
            )
    said = capsys.readouterr().err
    assert "uploads.0002_deleted: drop-constraint" in said
    assert "uploads.0002_deleted: tighter-constraint" in said
