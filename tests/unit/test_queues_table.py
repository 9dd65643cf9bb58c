"""The table of queues, and everything that is derived from it."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import celeryconfig
from tasks import queues
from tasks.worker import hosts

NAMES = ["video", "ai-lite", "ai-basic", "ai-premium", "messaging"]


def test_the_five_queues_have_their_production_names() -> None:
    assert {row.name: (row.sqs_name, row.dlq_name) for row in queues.table({})} == {
        "video": ("academy-video-jobs", "academy-video-jobs-dlq"),
        "ai-lite": ("academy-ai-jobs-lite", "academy-ai-jobs-lite-dlq"),
        "ai-basic": ("academy-ai-jobs-basic", "academy-ai-jobs-basic-dlq"),
        "ai-premium": ("academy-ai-jobs-premium", "academy-ai-jobs-premium-dlq"),
        "messaging": ("academy-messaging-jobs", "academy-messaging-jobs-dlq"),
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_name_can_be_overridden_and_its_dlq_follows(name: str) -> None:
    variable = queues.by_name(name, {}).env

    row = queues.by_name(name, {variable: "elsewhere"})

    assert (row.sqs_name, row.dlq_name) == ("elsewhere", "elsewhere-dlq")


@pytest.mark.parametrize(
    "environ",
    [
        {"SQS_QUEUE_VIDEO": "not a name"},
        {"SQS_QUEUE_VIDEO": "x" * 77},
        {"SQS_QUEUE_VIDEO": "academy-messaging-jobs"},
        {"SQS_QUEUE_VIDEO": "academy-messaging-jobs-dlq"},
        {"SQS_VISIBILITY_SECONDS": "soon"},
        {"SQS_VISIBILITY_SECONDS": "1"},
        {"SQS_VISIBILITY_SECONDS": "43201"},
        {"PREMIUM_ON_CPU": "yes"},
    ],
    ids=str,
)
def test_an_override_that_cannot_work_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(queues.QueueConfigError):
        queues.table(environ)


def test_an_unknown_queue_is_refused_with_the_known_ones() -> None:
    with pytest.raises(queues.QueueConfigError, match="ai-premium, messaging"):
        queues.by_name("gpu", {})


@pytest.mark.parametrize("row", queues.table({}), ids=lambda row: row.name)
def test_every_row_holds_the_limits_of_sqs_and_of_shutdowns(row: queues.Queue) -> None:
    assert row.max_receive_count >= 5  # every release counts as a receive
    assert row.prefetch_multiplier == 1
    assert row.dlq_retention_seconds > row.retention_seconds
    assert row.dlq_retention_seconds <= 14 * queues.DAY
    assert (row.time_limit or 0) < queues.MAX_INVISIBLE_SECONDS
    if row.pool == "prefork":
        assert row.soft_time_limit is not None
        assert row.time_limit is not None
        assert row.soft_time_limit < row.time_limit
    else:
        assert row.time_limit is None  # a thread cannot be stopped


@pytest.mark.parametrize(
    ("environ", "allowed"),
    [
        ({}, False),
        ({"HOST_KIND": "cpu"}, False),
        ({"HOST_KIND": "gpu"}, True),
        ({"HOST_KIND": "cpu", "PREMIUM_ON_CPU": "1"}, True),
    ],
    ids=str,
)
def test_premium_runs_on_gpu_hosts_or_where_the_operator_says_so(
    environ: dict[str, str], allowed: bool
) -> None:
    premium = queues.by_name("ai-premium", environ)

    assert (hosts.refusal(premium, environ) is None) is allowed


@pytest.mark.parametrize("name", ["video", "ai-lite", "ai-basic", "messaging"])
@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_every_other_queue_runs_on_both(name: str, kind: str) -> None:
    assert hosts.refusal(queues.by_name(name, {}), {"HOST_KIND": kind}) is None


def test_an_unknown_host_kind_is_refused() -> None:
    with pytest.raises(queues.QueueConfigError, match="HOST_KIND"):
        queues.host_kind({"HOST_KIND": "tpu"})


@pytest.mark.parametrize("row", queues.table({}), ids=lambda row: row.name)
def test_the_command_line_says_what_the_row_says(row: queues.Queue) -> None:
    argv = queues.worker_argv(row.name)

    assert argv[:6] == ["celery", "-A", "tasks.app", "worker", "-Q", row.name]
    assert argv[argv.index("--pool") + 1] == row.pool
    assert argv[argv.index("--concurrency") + 1] == str(row.concurrency)
    assert argv[argv.index("--prefetch-multiplier") + 1] == "1"
    assert {"--without-gossip", "--without-mingle"} <= set(argv)
    limit = [int(argv[n + 1]) for n, word in enumerate(argv) if word == "--max-memory-per-child"]
    assert limit == ([] if row.child_memory_mb is None else [row.child_memory_mb * 1024])


def test_celerys_settings_are_the_table() -> None:
    rows = queues.table()

    assert [queue.name for queue in celeryconfig.task_queues] == [row.name for row in rows]
    assert celeryconfig.task_routes == {row.task: {"queue": row.name} for row in rows}
    predefined = celeryconfig.broker_transport_options["predefined_queues"]
    assert predefined == {row.name: {"name": row.sqs_name} for row in rows}
    assert celeryconfig.accept_content == ["json"]
    assert celeryconfig.task_acks_late
    assert celeryconfig.task_reject_on_worker_lost
    assert not celeryconfig.task_acks_on_failure
    assert not celeryconfig.task_acks_on_timeout
    assert not celeryconfig.task_create_missing_queues


def test_the_endpoint_is_an_option_and_aws_the_default() -> None:
    local = queues.transport_options({"SQS_ENDPOINT_URL": "https://sqs.test:1"})

    assert local["endpoint_url"] == "https://sqs.test:1"
    assert queues.transport_options({})["endpoint_url"] is None
    assert queues.client_options({}) == {"region_name": "ap-northeast-2"}


def test_the_table_needs_the_standard_library_alone() -> None:
    tree = ast.parse(Path(queues.__file__).read_text())
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
        )
    }

    assert imported <= sys.stdlib_module_names
