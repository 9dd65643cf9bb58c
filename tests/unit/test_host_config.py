"""The host agent refuses an environment that it cannot use, and says which variable is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tasks.host.config import HostConfigError, read

ROOT = Path(__file__).resolve().parents[2]


def test_without_a_word_no_host_is_ever_given_up() -> None:
    config = read({})
    assert config.idle_stop_seconds == 0
    assert config.metadata_url == "http://169.254.169.254"
    assert not config.in_ecs


def test_metadata_can_be_turned_off_as_for_every_aws_client() -> None:
    assert read({"AWS_EC2_METADATA_DISABLED": "TRUE"}).metadata_url is None


def test_a_container_of_ecs_is_one_with_or_without_protection() -> None:
    both = read({"ECS_AGENT_URI": "http://169.254.170.2/api/x", "AWS_REGION": "ap-northeast-2"})
    assert (both.in_ecs, both.ecs_agent_uri) == (True, "http://169.254.170.2/api/x")
    bare = read({"ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4/x"})
    assert (bare.in_ecs, bare.ecs_agent_uri) == (True, None)


@pytest.mark.parametrize(
    "environ",
    [
        {"HOST_IDLE_STOP_SECONDS": "soon"},
        {"HOST_IDLE_STOP_SECONDS": "-1"},
        {"HOST_IDLE_STOP_SECONDS": "nan"},
        {"HOST_RELEASE_SECONDS": "1e9"},
        {"HOST_POLL_SECONDS": "0"},
        {"HOST_REFRESH_SECONDS": "never"},
        {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "169.254.169.254"},
        {"ECS_AGENT_URI": "ftp://169.254.170.2"},
        {"LOG_LEVEL": "loud"},
    ],
)
def test_each_mistake_is_named(environ: dict[str, str]) -> None:
    (name,) = environ
    with pytest.raises(HostConfigError, match=name):
        read(environ)


def test_a_wrong_environment_ends_the_process_with_a_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tasks.host"],
        cwd=ROOT,
        env={"HOST_IDLE_STOP_SECONDS": "soon"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 2
    assert "must not start. HOST_IDLE_STOP_SECONDS" in done.stderr
    assert "Traceback" not in done.stderr
