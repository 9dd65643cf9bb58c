"""Flower refuses to start open, and says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.flower.config import FlowerConfigError, read
from tasks.flower.links import job_page
from tasks.flower.server import main

LOCAL = {"DJANGO_SETTINGS_MODULE": "academy.settings.local"}
OAUTH = {
    "FLOWER_AUTH": r".*@academy.example",
    "FLOWER_OAUTH2_KEY": "key",
    "FLOWER_OAUTH2_SECRET": "secret",
    "FLOWER_OAUTH2_REDIRECT_URI": "https://flower.academy.example/login",
}


@pytest.mark.parametrize(
    ("environ", "word"),
    [
        ({}, "no password"),
        ({"DJANGO_SETTINGS_MODULE": "academy.settings.production"}, "no password"),
        (LOCAL | {"FLOWER_ADDRESS": "0.0.0.0"}, "127.0.0.1 only"),
        (LOCAL | {"FLOWER_ADDRESS": "flower.example"}, "127.0.0.1 only"),
        ({"FLOWER_BASIC_AUTH": "ops"}, "user:password"),
        ({"FLOWER_BASIC_AUTH": "ops:short"}, "user:password"),
        ({"FLOWER_BASIC_AUTH": ":long-enough-1"}, "user:password"),
        ({"FLOWER_BASIC_AUTH": "ops:비밀번호비밀번호"}, "ASCII"),
        ({"FLOWER_BASIC_AUTH": "ops:long-enough-1"} | OAUTH, "not both"),
        ({"FLOWER_AUTH": ".*@academy.example"}, "FLOWER_OAUTH2_KEY"),
        (OAUTH | {"FLOWER_AUTH": ".*"}, "who may come in"),
        (OAUTH | {"FLOWER_AUTH": ".*@.*"}, "who may come in"),
        (OAUTH | {"FLOWER_AUTH_PROVIDER": "mailbox"}, "one of"),
        (LOCAL | {"FLOWER_PORT": "http"}, "FLOWER_PORT"),
        (LOCAL | {"FLOWER_DB": "/nowhere/flower"}, "no folder"),
        (LOCAL | {"FLOWER_QUEUE": "elsewhere"}, "SQS_QUEUE_EVENTS"),
        (LOCAL | {"PUBLIC_BASE_URL": "javascript:alert(1)"}, "PUBLIC_BASE_URL"),
    ],
)
def test_an_environment_that_is_wrong_is_refused(environ: dict[str, str], word: str) -> None:
    with pytest.raises(FlowerConfigError, match=word):
        read(environ)


@pytest.mark.parametrize("settings", ["academy.settings.local", "academy.settings.test"])
def test_a_local_flower_may_be_open_to_this_machine(settings: str) -> None:
    config = read({"DJANGO_SETTINGS_MODULE": settings})

    assert config.is_open
    assert config.address == "127.0.0.1"


def test_switches_need_the_database_and_somebody_to_name() -> None:
    login, database = {"FLOWER_BASIC_AUTH": "ops:long-enough-1"}, {"DATABASE_URL": "postgresql://d"}

    assert read(LOCAL | login | database).controls
    assert read(OAUTH | database).controls
    assert not read(LOCAL | login).controls
    assert not read(LOCAL | database).controls


def test_a_task_leads_to_its_jobs_page_where_there_is_a_console() -> None:
    job = "01890a5d-ac96-774b-bcce-b302099a8057"
    base = read(LOCAL | {"PUBLIC_BASE_URL": "https://academy.example/"}).public_base_url

    assert job_page(base, job) == f"https://academy.example/console/jobs/{job}"
    assert job_page(read(LOCAL).public_base_url, job) == ""
    assert job_page(base, "../../login") == ""


def test_a_login_opens_it_to_the_network() -> None:
    config = read({"FLOWER_BASIC_AUTH": "ops:long-enough-1,eve:longer-still:2"})

    assert not config.is_open
    assert config.basic_auth == ("ops:long-enough-1", "eve:longer-still:2")


def test_a_provider_opens_it_to_the_named_addresses() -> None:
    config = read(OAUTH | {"FLOWER_AUTH_PROVIDER": "github", "FLOWER_ADDRESS": "0.0.0.0"})

    assert config.oauth is not None
    assert config.oauth.provider.endswith("GithubLoginHandler")


def test_each_flower_may_read_a_queue_of_its_own(tmp_path: Path) -> None:
    environ = LOCAL | {"SQS_QUEUE_EVENTS": "events-a,events-b", "FLOWER_DB": str(tmp_path / "f")}

    assert read(environ).queue == "events-a"
    assert read(environ | {"FLOWER_QUEUE": "events-b"}).queue == "events-b"


def test_the_process_ends_with_a_sentence_where_it_would_be_open(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "academy.settings.production")
    monkeypatch.delenv("FLOWER_BASIC_AUTH", raising=False)

    assert main() == 2

    said = capsys.readouterr().err
    assert said.startswith("Flower must not start.")
    assert "FLOWER_BASIC_AUTH=user:password" in said
