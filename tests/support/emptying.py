"""Empties the test database between tests that commit, at a small part of what a flush costs.

Flush truncates every table, which makes hundreds of files, and then fills the content types and
permissions in again, for every such test. Here rows are deleted, and those two tables are left as
the migrations made them.
"""

from __future__ import annotations

from django.db import connection
from django.test import TransactionTestCase

_MADE_BY_MIGRATIONS = frozenset({"django_content_type", "auth_permission"})
# Like TRUNCATE it waits for whoever still writes. As a replica no trigger and no foreign key
# objects, in whatever order tables come and however much they forbid deleting.
_EMPTY = """
DO $$
DECLARE one text;
BEGIN
    SET LOCAL session_replication_role = replica;
    LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE;
    FOREACH one IN ARRAY ARRAY[{names}] LOOP
        EXECUTE format('DELETE FROM %I', one);
    END LOOP;
END $$
"""


def empty() -> None:
    """Delete every row that a test may have left."""
    found = connection.introspection.django_table_names(only_existing=True, include_views=False)
    tables = sorted({*found} - _MADE_BY_MIGRATIONS)
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(
            _EMPTY.format(
                tables=", ".join(map(quote, tables)),
                names=", ".join(f"'{table}'" for table in tables),
            )
        )


def install() -> None:
    """From now on a TransactionTestCase of this process, and so ``transaction=True``, ends so."""
    TransactionTestCase._fixture_teardown = lambda _: empty()
