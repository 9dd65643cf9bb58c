"""Log lines say which attempt they belong to: in full as JSON, shortly for a person."""

from __future__ import annotations

import json
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest

from academy.core import logs

ATTEMPT = {
    "job": "0192f0c2-7d1e-7c44-9a51-9b1c30d4e2f1",
    "tenant": "haeorum",
    "attempt": 2,
    "kind": "video.transcode",
    "queue": "video",
    "request_id": "request-1",
    "trace": "4bf92f3577b34da6a3ce929d0e0e4736",
}


def line(formatter: logging.Formatter, **extra: Any) -> str:
    record = logging.LogRecord("academy.jobs.run", logging.INFO, __file__, 1, "hello", (), None)
    record.__dict__.update(extra)
    for each in (logs.ContextFilter(), logs.MaskFilter()):
        assert each.filter(record)
    return formatter.format(record)


def test_json_lines_carry_every_field() -> None:
    with logs.bound(**ATTEMPT):
        said = json.loads(line(logs.JsonFormatter(), _book=object()))
    assert {name: said[name] for name in ATTEMPT} == ATTEMPT
    assert not [name for name in said if name.startswith("_")]


def test_console_lines_name_an_attempt_shortly() -> None:
    with logs.bound(**ATTEMPT):
        said = line(logs.ConsoleFormatter(), rows=3)
    assert said.endswith("hello  attempt=video.transcode:9b1c30d4e2f1.2 rows=3 tenant=haeorum")


def test_console_lines_of_anything_else_keep_their_fields() -> None:
    with logs.bound(request_id="request-1", job=ATTEMPT["job"]):
        said = line(logs.ConsoleFormatter())
    assert said.endswith(f"hello  request_id=request-1 job={ATTEMPT['job']}")


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, as it was before afterwards."""
    logger = logging.getLogger()
    before = logger.level, list(logger.handlers)
    yield logger
    logger.setLevel(before[0])
    logger.handlers[:] = before[1]


@pytest.mark.parametrize(
    ("level", "made", "printed"),
    [
        ("DEBUG", logging.DEBUG, logging.DEBUG),
        ("INFO", logging.INFO, logging.INFO),
        ("ERROR", logging.INFO, logging.ERROR),
    ],
)
def test_records_exist_from_info_on_whatever_is_printed(root, level, made, printed) -> None:
    config = logs.logging_config(log_format="json", level=level)
    logging.config.dictConfig({**config, "loggers": {}})
    assert root.level == made
    assert [handler.level for handler in root.handlers] == [printed]
