"""Whether the previous release can go on working while, and after, a migration runs.

During a rolling upgrade the schema is migrated first, and processes of the previous release stay at
work on it, for hours where a lecture is being encoded. So a release only expands the schema; what
nothing uses any more is taken away by a later one (expand, then contract).

The SQL that each new migration would run is read statement by statement. What is known to be
harmless passes; everything else is found, unless the migration says why it is safe::

    class Migration(migrations.Migration):
        contract = {"drop-column": "Nothing has read or written job.note since 0.3."}

A plain text instead of the rules explains the whole migration.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import sqlparse
from django.db import connection
from django.db.migrations import Migration, RunPython, RunSQL, SeparateDatabaseAndState
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

#: What each rule is about, for people.
RULES: Final = {
    "drop-table": "the previous release still reads and writes the table",
    "drop-column": "the previous release names every column that its models have",
    "drop-default": "the previous release leaves the column out and relies on the default",
    "drop-constraint": "an ON CONFLICT of the previous release may rest on it",
    "rename": "the previous release knows the old name only",
    "change-type": "the previous release writes the old type, and the table may be rewritten",
    "required-column": "rows of the previous release do not have the column (give it db_default)",
    "tighter-constraint": "what the previous release writes may be refused",
    "blocking-index": "writes wait until it is built (use AddIndexConcurrently, atomic = False)",
    "trigger": "it acts on what the previous release writes",
    "data": "rows change under the previous release",
    "unjudged": "nobody has said whether the previous release can live with it",
}

_PYTHON = "THIS OPERATION CANNOT BE WRITTEN AS SQL"
_BODY = re.compile(r"\$(\w*)\$.*?\$\1\$", re.DOTALL)
_LITERAL = re.compile(r"'(?:[^']|'')*'")
_NAME = r'(?:"?\w+"?\.)?"?(\w+)"?'


@dataclass(frozen=True)
class Finding:
    """One statement that the previous release may not survive."""

    migration: str
    rule: str
    statement: str

    def __str__(self) -> str:
        about = RULES.get(self.rule, "")
        return f"{self.migration}: {self.rule}: {about}\n    {self.statement}"


@dataclass
class _New:
    """What the checked migrations have made so far: the previous release never touches it."""

    tables: set[str] = field(default_factory=set)
    columns: set[tuple[str, str]] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)


def check(is_released: Callable[[Migration], bool]) -> list[Finding]:
    """Judge every migration for which *is_released* is false, in the order of the plan.

    Needs a database, which stays as it is, and no transaction around it.
    """
    loader = MigrationLoader(connection, replace_migrations=False)
    state = loader.project_state(())
    plan = [loader.graph.nodes[key] for key in _order(loader)]
    # All that is released first: models are built anew after every migration that is only noted.
    for migration in plan:
        if is_released(migration):
            state = migration.mutate_state(state, preserve=False)
    known = {migration.app_label for migration in plan if is_released(migration)}
    new = _New()
    found: list[Finding] = []
    for migration in plan:
        if not is_released(migration):
            whole = migration.app_label in known
            sql, state = _run(migration, state, new, whole=whole)
            found += judge(migration, sql, new, whole=whole)
    return found


def _run(
    migration: Migration, state: ProjectState, new: _New, *, whole: bool
) -> tuple[list[str], ProjectState]:
    """The SQL of one migration and the state after it.

    Where its whole app is new, only the hand-written SQL: everything else is about tables that the
    previous release does not have, and building the models for it takes seconds.
    """
    if whole:
        with connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
            after = migration.apply(state, editor, collect_sql=True)
        return editor.collected_sql, after
    state.__dict__.pop("apps", None)  # built models would be kept up with every change
    state = migration.mutate_state(state, preserve=False)
    new.tables |= {
        model.options.get("db_table") or f"{app}_{name}"
        for (app, name), model in state.models.items()
        if app == migration.app_label
    }
    return [line for step in migration.operations for line in _by_hand(step)], state


def _by_hand(step: Operation) -> Iterator[str]:
    if isinstance(step, RunPython):
        yield _PYTHON
    elif isinstance(step, RunSQL):
        given = [step.sql] if isinstance(step.sql, str) else step.sql
        yield from (line if isinstance(line, str) else line[0] for line in given)
    elif isinstance(step, SeparateDatabaseAndState):
        for inner in step.database_operations:
            yield from _by_hand(inner)


def unapplied() -> Callable[[Migration], bool]:
    """For `check`: released is what this database has already.

    That is everything in an empty one, on which nobody is at work. Other people's migrations
    (Django's own) cannot say why they are safe: they are read when their package is upgraded.
    """
    applied = set(MigrationLoader(connection).applied_migrations)
    return lambda migration: (
        not applied
        or not type(migration).__module__.startswith("academy.")
        or (migration.app_label, migration.name) in applied
    )


def _order(loader: MigrationLoader) -> Iterator[tuple[str, str]]:
    seen: set[tuple[str, str]] = set()
    for leaf in sorted(loader.graph.leaf_nodes()):
        for key in loader.graph.forwards_plan(leaf):
            if key not in seen:
                seen.add(key)
                yield key


def judge(
    migration: Migration, sql: Iterable[str], new: _New | None = None, *, whole: bool = True
) -> list[Finding]:
    """What is wrong with the statements of one migration, less what its ``contract`` explains.

    A ``contract`` that explains nothing, or without a reason, is itself found, where the statements
    are the ``whole`` of the migration.
    """
    name = f"{migration.app_label}.{migration.name}"
    new = _New() if new is None else new
    found = [
        Finding(name, rule, statement)
        for statement in _statements(sql)
        for rule in _rules(statement, new)
    ]
    given: dict[str, str] | str = getattr(migration, "contract", {})
    broken = dict.fromkeys(finding.rule for finding in found)
    reasons = given if isinstance(given, dict) else dict.fromkeys(broken or ["*"], given)
    stale = [
        Finding(name, "unjudged", f"contract[{rule!r}] explains nothing in this migration")
        for rule, reason in reasons.items()
        if whole and (rule not in broken or not reason.strip())
    ]
    return [finding for finding in found if not reasons.get(finding.rule, "").strip()] + stale


def _statements(sql: Iterable[str]) -> Iterator[str]:
    """Single statements in one line each, without comments and without function bodies."""
    for text in sql:
        if _PYTHON in text:
            yield _PYTHON
            continue
        plain = sqlparse.format(_BODY.sub("$$$$", text), strip_comments=True)
        for statement in sqlparse.split(plain):
            one_line = " ".join(statement.split()).rstrip("; ")
            if one_line:
                yield one_line


def _rules(statement: str, new: _New) -> Iterator[str]:
    """The rules that one statement breaks; notes what it makes."""
    if statement == _PYTHON:
        yield "data"
        return
    for pattern, rule in _READERS:
        if match := pattern.match(statement):
            yield from rule(match, new)
            return
    yield "unjudged"


def _create_table(match: re.Match[str], new: _New) -> Iterator[str]:
    new.tables.add(match[1])
    yield from ()


def _index(match: re.Match[str], new: _New) -> Iterator[str]:
    unique, concurrently, table, rest = match.groups()
    if table in new.tables:
        return
    if not concurrently:
        yield "blocking-index"
    # A null is equal to none, and the previous release leaves a new column null.
    if unique and not _named(rest.partition(")")[0], table, new.columns):
        yield "tighter-constraint"


def _named(text: str, table: str, columns: Collection[tuple[str, str]]) -> bool:
    return any((table, name) in columns for name in re.findall(r"\w+", text))


def _alter_table(match: re.Match[str], new: _New) -> Iterator[str]:
    table, change = match.groups()
    if table in new.tables:
        return
    for part in _parts(_LITERAL.sub("''", change)):
        yield from _change(table, part, new)


def _parts(change: str) -> Iterator[str]:
    """The comma-separated actions of an ALTER TABLE; commas inside parentheses part nothing."""
    depth, start = 0, 0
    for at, character in enumerate(change):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth:
            yield change[start:at].strip()
            start = at + 1
    yield change[start:].strip()


def _change(table: str, part: str, new: _New) -> Iterator[str]:
    upper = part.upper()
    if added := re.match(rf"ADD COLUMN (?:IF NOT EXISTS )?{_NAME} (.+)", part, re.IGNORECASE):
        yield from _add_column(table, added[1], added[2].upper(), new)
    elif upper.startswith("ADD CONSTRAINT"):
        yield from _add_constraint(table, part, new)
    elif upper.startswith("RENAME"):
        yield "rename"
    elif upper.startswith(("DROP COLUMN", "DROP CONSTRAINT")):
        yield "-".join(upper.split()[:2]).lower()
    elif altered := re.match(rf"ALTER COLUMN {_NAME} (.+)", part, re.IGNORECASE):
        is_new = (table, altered[1]) in new.columns
        yield from _alter_column(altered[2].upper(), is_new=is_new)
    elif not re.match(r"SET \(|VALIDATE CONSTRAINT|ENABLE TRIGGER", upper):
        yield "unjudged"


def _add_column(table: str, column: str, rest: str, new: _New) -> Iterator[str]:
    if "NOT NULL" in rest or "PRIMARY KEY" in rest:
        if not re.search(r"\bDEFAULT\b|\bGENERATED\b", rest):
            yield "required-column"
    else:
        new.columns.add((table, column))
    if " UNIQUE" in rest and (table, column) not in new.columns:
        yield "tighter-constraint"


def _add_constraint(table: str, part: str, new: _New) -> Iterator[str]:
    kind = re.match(r"ADD CONSTRAINT \S+ (\w+)(.*)", part, re.IGNORECASE)
    if kind is None:
        yield "unjudged"
        return
    text = kind[2].partition(" REFERENCES ")[0]
    names = re.findall(r'"(\w+)"', text)
    old = [name for name in names if (table, name) not in new.columns]
    # A check that speaks of any other column may refuse what the previous release writes.
    harmless = names and (not old or (kind[1].upper() != "CHECK" and len(old) < len(names)))
    if not harmless:
        yield "tighter-constraint"


def _alter_column(change: str, *, is_new: bool) -> Iterator[str]:
    """``is_new``: the checked migrations added the column, and it may be null."""
    if change == "SET NOT NULL":
        yield "required-column"
    elif change == "DROP DEFAULT":
        # Django gives a new column its default for the rows that are there, then drops it.
        yield from () if is_new else ("drop-default",)
    elif change.startswith(("TYPE", "SET DATA TYPE")):
        yield from () if is_new else ("change-type",)
    elif change != "DROP NOT NULL" and not change.startswith("SET DEFAULT"):
        yield "unjudged"


def _function(match: re.Match[str], new: _New) -> Iterator[str]:
    replaces, name = match.groups()
    if replaces and name not in new.functions:
        yield "trigger"
    new.functions.add(name)


def _trigger(match: re.Match[str], new: _New) -> Iterator[str]:
    if match[1] not in new.tables:
        yield "trigger"


def _written(match: re.Match[str], new: _New) -> Iterator[str]:
    if match[1] not in new.tables:
        yield "data"


def _always(rule: str) -> Callable[[re.Match[str], _New], Iterator[str]]:
    return lambda _match, _new: iter((rule,))


def _harmless(_match: re.Match[str], _new: _New) -> Iterator[str]:
    return iter(())


def _reader(
    pattern: str, rule: Callable[[re.Match[str], _New], Iterator[str]]
) -> tuple[re.Pattern[str], Callable[[re.Match[str], _New], Iterator[str]]]:
    return re.compile(pattern, re.IGNORECASE), rule


_READERS: Final = (
    _reader(rf"CREATE TABLE (?:IF NOT EXISTS )?{_NAME}", _create_table),
    _reader(
        rf"CREATE (UNIQUE )?INDEX (CONCURRENTLY )?(?:IF NOT EXISTS )?\S+ ON {_NAME}(.*)", _index
    ),
    _reader(rf"ALTER TABLE (?:IF EXISTS )?(?:ONLY )?{_NAME} (.+)", _alter_table),
    _reader(rf"CREATE (OR REPLACE )?FUNCTION {_NAME}", _function),
    _reader(rf"CREATE (?:OR REPLACE )?(?:CONSTRAINT )?TRIGGER \S+ .*? ON {_NAME} ", _trigger),
    _reader(rf"(?:UPDATE|INSERT INTO|DELETE FROM|TRUNCATE)(?: TABLE| ONLY)? {_NAME}", _written),
    _reader(r"DROP TABLE ", _always("drop-table")),
    _reader(r"DROP INDEX ", _always("drop-constraint")),
    _reader(r"DROP (?:TRIGGER|FUNCTION) ", _always("trigger")),
    _reader(r"(?:SET (?:CONSTRAINTS|LOCAL) |COMMENT ON |CREATE EXTENSION )", _harmless),
)
