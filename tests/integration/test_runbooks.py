"""What a runbook tells a tired person to type is understood: every command and every query."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.db import connection

RUNBOOKS = Path(__file__).resolve().parents[2] / "deploy" / "runbooks"
PAGES = sorted(RUNBOOKS.glob("*.md"))
_STANDS_FOR = {"$FINGERPRINT": "0123456789abcdef", "$PID": "0"}

pytestmark = [pytest.mark.integration("postgres"), pytest.mark.django_db]


def lines(page: Path) -> list[str]:
    """Every line of the page's shell blocks, with values for what it leaves open."""
    blocks = re.findall(r"^[ ]*```bash\n(.*?)^[ ]*```", page.read_text(), re.MULTILINE | re.DOTALL)
    text = "".join(blocks)
    for name, value in _STANDS_FOR.items():
        text = text.replace(name, value)
    return [line.strip() for line in text.splitlines()]


def commands() -> list[tuple[str, str]]:
    return [
        (page.stem, line)
        for page in PAGES
        for line in lines(page)
        if line.startswith("python manage.py ")
    ]


def queries() -> list[tuple[str, str]]:
    return [
        (page.stem, shlex.split(line)[1])
        for page in PAGES
        for line in lines(page)
        if line.startswith('sql "')
    ]


@pytest.mark.parametrize(("page", "line"), sorted(set(commands())))
def test_a_command_of_a_page_is_understood(page: str, line: str) -> None:
    name, *arguments = shlex.split(line, comments=True)[2:]
    command = load_command_class(get_commands()[name], name)

    # Ends with exit status 2 where an option or an action does not exist.
    command.create_parser("manage.py", name).parse_args(arguments)


@pytest.mark.parametrize(("page", "query"), sorted(set(queries())))
def test_a_query_of_a_page_is_understood(page: str, query: str) -> None:
    with connection.cursor() as cursor:
        if not query.startswith("SELECT"):
            assert query == "ANALYZE job"
        else:
            query = f"EXPLAIN {query}"
        cursor.execute(query)


def test_pages_have_commands_and_queries() -> None:
    assert len(commands()) > 40
    assert len(queries()) > 12
