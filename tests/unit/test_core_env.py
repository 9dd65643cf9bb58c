"""A wrong environment refuses to boot, with one message that lists everything wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from academy.settings.database_url import DatabaseUrlError, parse
from academy.settings.env import Profile, load
from academy.settings.reader import EnvironmentInvalid

ROOT = Path(__file__).resolve().parents[2]

PRODUCTION = {
    "SECRET_KEY": "k" * 64,
    "API_KEY_PEPPER": "p" * 48,
    "ALLOWED_HOSTS": "api.example.kr, .example.kr",
    "PUBLIC_BASE_URL": "https://api.example.kr",
    "DATABASE_URL": "postgresql://academy:pw@db.example:5432/academy?sslmode=verify-full",
    "R2_ENDPOINT_URL": "https://account.r2.example",
    "R2_ACCESS_KEY_ID": "r2-id",
    "R2_SECRET_ACCESS_KEY": "r2-secret",
}


def problems(changes: dict[str, str | None], profile: Profile = Profile.PRODUCTION) -> list[str]:
    environ = {**PRODUCTION, **changes}
    given = {name: value for name, value in environ.items() if value is not None}
    with pytest.raises(EnvironmentInvalid) as caught:
        load(profile, given)
    assert all(problem in str(caught.value) for problem in caught.value.problems)
    return caught.value.problems


def test_a_complete_environment_boots() -> None:
    env = load(Profile.PRODUCTION, PRODUCTION)
    assert env.database.url.host == "db.example"
    assert env.objects.buckets["video"] == "academy-video"
    assert env.objects.public_endpoint_url == env.objects.endpoint_url
    assert env.log_format == "json"
    assert env.database.pool_size == 0


def test_the_api_gets_a_pool_and_other_processes_do_not() -> None:
    assert load(Profile.PRODUCTION, {**PRODUCTION, "ACADEMY_PROCESS": "api"}).database.pool_size > 0


def test_nothing_set_lists_every_required_variable_at_once() -> None:
    with pytest.raises(EnvironmentInvalid) as caught:
        load(Profile.PRODUCTION, {})
    for name in PRODUCTION:
        assert any(problem.startswith(f"{name} ") for problem in caught.value.problems), name


def test_a_command_says_what_to_repair_and_nothing_else() -> None:
    answer = subprocess.run(
        [sys.executable, ROOT / "manage.py", "check"],
        env={"DJANGO_SETTINGS_MODULE": "academy.settings.production"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    assert "SECRET_KEY is not set" in answer.stderr


def test_tests_need_no_variables_at_all() -> None:
    assert load(Profile.TEST, {}).database.url.name == "academy"


def test_a_local_platform_needs_its_addresses_but_no_secrets() -> None:
    with pytest.raises(EnvironmentInvalid) as caught:
        load(Profile.LOCAL, {})
    named = {problem.split()[0] for problem in caught.value.problems}
    assert named == {"DATABASE_URL", "R2_ENDPOINT_URL", "R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"SECRET_KEY": "short"}, "SECRET_KEY is too short"),
        ({"API_KEY_PEPPER": "k" * 64}, "API_KEY_PEPPER must differ"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS must name the hosts"),
        ({"ALLOWED_HOSTS": "exa mple"}, "ALLOWED_HOSTS holds something"),
        ({"PUBLIC_BASE_URL": "http://api.example.kr"}, "PUBLIC_BASE_URL must be https"),
        ({"PUBLIC_BASE_URL": "api.example.kr"}, "PUBLIC_BASE_URL must be an address"),
        ({"PUBLIC_BASE_URL": "https://u:p@host"}, "PUBLIC_BASE_URL must be an address"),
        ({"R2_ENDPOINT_URL": "https://host:port"}, "R2_ENDPOINT_URL must be an address"),
        ({"R2_ENDPOINT_URL": "http://r2"}, "R2_ENDPOINT_URL must be https"),
        ({"R2_ACCESS_KEY_ID": None}, "R2_ACCESS_KEY_ID is not set"),
        ({"R2_SECRET_ACCESS_KEY": ""}, "R2_SECRET_ACCESS_KEY is not set"),
        ({"AWS_ACCESS_KEY_ID": "r2-id"}, "AWS_ACCESS_KEY_ID holds the object store's key"),
        ({"AWS_SECRET_ACCESS_KEY": "r2-secret"}, "AWS_SECRET_ACCESS_KEY holds"),
        ({"R2_VIDEOS_BUCKET": "x"}, "R2_VIDEOS_BUCKET is unknown"),
        ({"R2_VIDEO_BUCKET": "Academy_Video"}, "R2_VIDEO_BUCKET is not a bucket name"),
        ({"R2_VIDEO_BUCKET": "academy-ai"}, "name the same bucket"),
        ({"DATABASE_URL": "postgresql://a:b@h/db"}, "?sslmode="),
        ({"DATABASE_URL": "mysql://a:b@h/db"}, "DATABASE_URL must start with postgresql://"),
        ({"SQS_ENDPOINT_URL": "localhost:1"}, "SQS_ENDPOINT_URL must be an address"),
        ({"CLOUDWATCH_METRICS": "on"}, "CLOUDWATCH_METRICS must be 0 or 1"),
        ({"CLOUDWATCH_ENDPOINT_URL": "monitoring"}, "CLOUDWATCH_ENDPOINT_URL must be an address"),
        ({"CDN_BASE_URL": "https://cdn.example.kr"}, "CDN_SIGNING_KEY is not set"),
        ({"CDN_SIGNING_KEY": "k1:" + "s" * 32}, "CDN_BASE_URL is not set"),
        ({"CDN_BASE_URL": "https://c", "CDN_SIGNING_KEY": "s" * 40}, "CDN_SIGNING_KEY must be ID"),
        ({"CDN_BASE_URL": "https://c", "CDN_SIGNING_KEY": "k1:short"}, "CDN_SIGNING_KEY must be"),
        ({"CDN_BASE_URL": "http://c", "CDN_SIGNING_KEY": "k1:" + "s" * 32}, "must be https"),
        ({"PLAYBACK_LINK_SECONDS": "1"}, "PLAYBACK_LINK_SECONDS must be a whole number"),
        ({"CLOUDWATCH_NAMESPACE": "AWS/SQS"}, "CLOUDWATCH_NAMESPACE must be 1 to 255"),
        ({"PLAYBACK_HEARTBEAT_SECONDS": "0"}, "PLAYBACK_HEARTBEAT_SECONDS must be a whole"),
        ({"RELEASE": "release of today"}, "RELEASE must be 1 to 40 letters, digits"),
        ({"RELEASE": "a" * 41}, "RELEASE must be"),
        ({"METRICS_TOKEN": "guessable"}, "METRICS_TOKEN is too short"),
        ({"JOB_LEASE_SECONDS": "soon"}, "JOB_LEASE_SECONDS must be a number of seconds"),
        ({"JOB_LEASE_SECONDS": "nan"}, "JOB_LEASE_SECONDS must be a number of seconds"),
        ({"JOB_MAX_LOSSES": "0"}, "JOB_MAX_LOSSES must be a whole number"),
        ({"HOST_KIND": "tpu"}, "HOST_KIND must be one of cpu, gpu"),
        ({"VIDEO_ENCODER": "qsv"}, "VIDEO_ENCODER must be one of auto, x264, nvenc"),
        ({"PREMIUM_ON_CPU": "yes"}, "PREMIUM_ON_CPU must be 0 or 1"),
        ({"SCRATCH_DIR": "relative/path"}, "SCRATCH_DIR must be an absolute path"),
        ({"LOG_FORMAT": "xml"}, "LOG_FORMAT must be one of"),
        ({"ACADEMY_PROCESS": "web"}, "ACADEMY_PROCESS must be one of"),
    ],
)
def test_each_mistake_is_named(changes: dict[str, str | None], expected: str) -> None:
    found = problems(changes)
    assert any(expected in problem for problem in found), found
    assert len(found) == 1, found


def test_several_mistakes_are_reported_together() -> None:
    assert len(problems({"SECRET_KEY": None, "LOG_LEVEL": "loud", "R2_AI_BUCKET": "a"})) == 3


def test_metrics_go_to_cloudwatch_only_where_that_is_asked_for() -> None:
    assert not load(Profile.PRODUCTION, PRODUCTION).cloudwatch_metrics
    asked = load(Profile.PRODUCTION, {**PRODUCTION, "CLOUDWATCH_METRICS": "1"})
    assert asked.cloudwatch_metrics
    assert asked.cloudwatch_endpoint_url is None


def test_no_value_is_ever_repeated_in_the_message() -> None:
    secret = "hunter2-hunter2"
    found = problems({"SECRET_KEY": secret, "DATABASE_URL": f"postgresql://a:{secret}@h:x/db"})
    assert len(found) == 2
    assert secret not in " ".join(found)


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1))
def test_any_printable_password_survives_raw_unless_it_looks_percent_encoded(password: str) -> None:
    if "%" in password:
        password = password.replace("%", "")
    if not password:
        return
    assert parse(f"postgresql://academy:{password}@db:5432/academy").password == password


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_password_survives_percent_encoded(password: str) -> None:
    url = parse(f"postgresql://academy:{quote(password, safe='')}@db/academy")
    assert (url.password, url.host, url.port) == (password, "db", 5432)


def test_the_password_of_the_outage_is_read_as_it_stands() -> None:
    url = parse("postgresql://academy:p$a#s/s?w@o:r&d%!@db.example:6432/prod_1?sslmode=require")
    assert url.password == "p$a#s/s?w@o:r&d%!"
    assert (url.host, url.port, url.name) == ("db.example", 6432, "prod_1")
    assert url.options == {"sslmode": "require"}
    assert "p$a" not in repr(url)


def test_sockets_and_ipv6_hosts_are_understood() -> None:
    assert parse("postgresql://a:b@/db?host=/run/postgresql").host == "/run/postgresql"
    url = parse("postgresql://a:b@[::1]:5433/db")
    assert (url.host, url.port) == ("::1", 5433)
    assert parse("postgresql://a:b@[::1]/db").port == 5432


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db/academy",
        "postgresql://:pw@db/academy",
        "postgresql://a:b@db",
        "postgresql://a:b@db:99999/academy",
        "postgresql://a:b@db:/academy",
        "postgresql://a:b@/academy",
        "postgresql://a:b@db/aca demy",
        "postgresql://a:b@db/academy?sslmode=maybe",
        "postgresql://a:b@db/academy?options=-c",
        "postgresql://a:b@db/academy?sslmode",
        "'postgresql://a:b@db/academy'",
        " postgresql://a:b@db/academy",
    ],
)
def test_a_malformed_address_is_refused(url: str) -> None:
    with pytest.raises(DatabaseUrlError):
        parse(url)


@pytest.mark.parametrize(
    "registry", ["models/registry.json", "s3://somebody-elses/registry.json", "s3://academy-ai/"]
)
def test_a_registry_of_models_lies_on_this_host_or_in_a_bucket_of_ours(registry: str) -> None:
    (problem,) = problems({"MODEL_REGISTRY": registry})
    assert problem.startswith("MODEL_REGISTRY ")


def test_a_registry_of_models_may_lie_in_a_renamed_bucket() -> None:
    changes = {"R2_AI_BUCKET": "ours-ai", "MODEL_REGISTRY": "s3://ours-ai/models/registry.json"}
    env = load(Profile.PRODUCTION, {**PRODUCTION, **changes})
    assert env.models.registry == "s3://ours-ai/models/registry.json"
    assert env.models.warm_start
