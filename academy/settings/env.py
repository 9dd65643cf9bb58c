"""The environment, typed and checked once, at boot.

Settings read ``os.environ`` here and nowhere else. When anything is wrong it raises
one EnvironmentInvalid that lists everything wrong, so that an operator repairs a host in one go.
Values never appear in the message: only the names of variables.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from academy.settings import database_url, models
from academy.settings.database_url import DatabaseUrl, DatabaseUrlError
from academy.settings.language import LanguageEnvironment, read_language
from academy.settings.messaging import MessagingEnvironment, read_messaging
from academy.settings.models import ModelsEnvironment
from academy.settings.reader import MISSING, EnvironmentInvalid, Reader

_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]\Z")
_RELEASE = re.compile(r"[A-Za-z0-9._+-]{1,40}")
_NAMESPACE = re.compile(r"[A-Za-z0-9._/#:-]{1,255}")
_CDN_KEY = re.compile(r"[a-z0-9]{1,16}:[A-Za-z0-9_-]{32,128}\Z")
_HOST_NAME = re.compile(r"\.?[A-Za-z0-9*]([A-Za-z0-9.-]*[A-Za-z0-9])?\Z|\[[0-9A-Fa-f:]+\]\Z")

PROCESSES = ("api", "worker", "relay", "command")
#: Threads of the API share this many connections, unless DATABASE_POOL_SIZE says otherwise.
API_POOL_SIZE = 8

_SAMPLERS = (
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
    "always_on",
    "always_off",
    "traceidratio",
)

BUCKET_VARIABLES = {
    "ai": ("R2_AI_BUCKET", "academy-ai"),
    "video": ("R2_VIDEO_BUCKET", "academy-video"),
    "excel": ("R2_EXCEL_BUCKET", "academy-excel"),
    "storage": ("R2_STORAGE_BUCKET", "academy-storage"),
}
_R2_VARIABLES = frozenset(
    {
        "R2_ENDPOINT_URL",
        "R2_PUBLIC_ENDPOINT_URL",
        "R2_ACCESS_KEY_ID",
        "R2_SECRET_ACCESS_KEY",
        "R2_REGION",
        *(name for name, _ in BUCKET_VARIABLES.values()),
    }
)


class Profile(StrEnum):
    """Which settings module is in use."""

    LOCAL = "local"
    TEST = "test"
    PRODUCTION = "production"


class HostKind(StrEnum):
    """What a host computes on."""

    CPU = "cpu"
    GPU = "gpu"


class VideoEncoder(StrEnum):
    """With what this host plans to encode lectures."""

    AUTO = "auto"
    X264 = "x264"
    NVENC = "nvenc"


@dataclass(frozen=True, slots=True)
class ObjectStoreEnvironment:
    """Where the four buckets are and how to sign for them (R2, or any S3)."""

    endpoint_url: str
    public_endpoint_url: str
    access_key_id: str
    secret_access_key: str
    region: str
    buckets: dict[str, str]


@dataclass(frozen=True, slots=True)
class PlaybackEnvironment:
    """How browsers get at the media, in seconds unless named otherwise."""

    cdn_base_url: str
    """Empty: browsers read from the object store."""
    cdn_signing_key: str
    """``ID:SECRET``."""
    link_seconds: int
    heartbeat_seconds: int


@dataclass(frozen=True, slots=True)
class DatabaseEnvironment:
    """Where PostgreSQL is, and how patient to be with it (milliseconds)."""

    url: DatabaseUrl
    pool_size: int
    statement_timeout_ms: int
    lock_timeout_ms: int


@dataclass(frozen=True, slots=True)
class JobsEnvironment:
    """Pace of the job core, in seconds unless named otherwise."""

    lease_seconds: float
    max_losses: int
    republish_seconds: float
    relay_poll_seconds: float
    relay_sweep_seconds: float
    scratch_dir: Path
    scratch_min_free_mb: int
    ffmpeg_bin: str | None
    ffprobe_bin: str | None
    tessdata_dir: Path | None
    host_kind: HostKind
    video_encoder: VideoEncoder
    premium_on_cpu: bool
    log_days: int
    check_days: int
    letter_days: int
    purge_days: int
    piece_days: int
    viewing_days: int
    sheet_picture_days: int
    table_file_days: int


@dataclass(frozen=True, slots=True)
class Environment:
    """Everything the settings take from outside."""

    profile: Profile
    process: str
    release: str
    secret_key: str
    video_key_secrets: list[str]
    api_key_pepper: str
    allowed_hosts: list[str]
    public_base_url: str
    cors_origins: list[str]
    trusted_proxies: int
    api_processes: int
    database: DatabaseEnvironment
    aws_region: str
    sqs_endpoint_url: str | None
    cloudwatch_metrics: bool
    cloudwatch_namespace: str
    cloudwatch_endpoint_url: str | None
    objects: ObjectStoreEnvironment
    playback: PlaybackEnvironment
    messaging: MessagingEnvironment
    models: ModelsEnvironment
    language: LanguageEnvironment
    jobs: JobsEnvironment
    log_format: str
    log_level: str
    metrics_token: str
    traces_endpoint: str | None


def load(profile: Profile, environ: Mapping[str, str]) -> Environment:
    """Read and check everything. Raises EnvironmentInvalid listing all that is wrong."""
    read = Reader(environ)
    objects = _objects(read, profile)
    public_base_url = read.url("PUBLIC_BASE_URL", _default(profile, "http://127.0.0.1:8000"))
    environment = Environment(
        profile=profile,
        process=read.choice("ACADEMY_PROCESS", "command", PROCESSES),
        release=read.parsed(
            "RELEASE", "dev", _release, "1 to 40 letters, digits and . _ + - (a version, a commit)"
        ),
        secret_key=_secret(read, profile, "SECRET_KEY", least=50),
        video_key_secrets=_video_key_secrets(read),
        api_key_pepper=_secret(read, profile, "API_KEY_PEPPER", least=32),
        allowed_hosts=_hosts(read, profile),
        public_base_url=public_base_url,
        cors_origins=read.listed("CORS_ORIGINS", public_base_url),
        trusted_proxies=read.integer("TRUSTED_PROXIES", 0, 0, 5),
        api_processes=read.integer("WEB_CONCURRENCY", 2, 1, 64),
        database=_database(read, profile),
        aws_region=read.text("AWS_REGION", "ap-northeast-2"),
        sqs_endpoint_url=read.url("SQS_ENDPOINT_URL", "") or None,
        cloudwatch_metrics=read.flag("CLOUDWATCH_METRICS", default=False),
        cloudwatch_namespace=read.parsed(
            "CLOUDWATCH_NAMESPACE", "Academy", _namespace, "1 to 255 of A-Za-z0-9._/#:-, not AWS/…"
        ),
        cloudwatch_endpoint_url=read.url("CLOUDWATCH_ENDPOINT_URL", "") or None,
        objects=objects,
        playback=_playback(read),
        messaging=read_messaging(read, production=profile is Profile.PRODUCTION),
        models=models.read(read, objects.buckets.values()),
        language=read_language(read, https_only=profile is Profile.PRODUCTION),
        jobs=_jobs(read),
        log_format=read.choice("LOG_FORMAT", _log_format(profile), ("console", "json")),
        log_level=read.choice(
            "LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
        ),
        metrics_token=_metrics_token(read),
        traces_endpoint=_traces_endpoint(read),
    )
    if profile is Profile.PRODUCTION:
        _check_production(read, environment)
    if read.problems:
        raise EnvironmentInvalid(read.problems)
    return environment


def _default(profile: Profile, value: str) -> object:
    """Outside production a setting has a default; in production it must be given."""
    return MISSING if profile is Profile.PRODUCTION else value


def _log_format(profile: Profile) -> str:
    return "json" if profile is Profile.PRODUCTION else "console"


def _secret(read: Reader, profile: Profile, name: str, *, least: int) -> str:
    value = read.text(name, _default(profile, f"{profile}-only-{name.lower()}-".ljust(64, "x")))
    if value and len(value) < least:
        read.problem(name, f"is too short: at least {least} random characters")
    return value


def _video_key_secrets(read: Reader) -> list[str]:
    """What content keys are sealed under, the current secret first; empty: SECRET_KEY."""
    secrets = read.listed("VIDEO_KEY_SECRET", "")
    if any(len(secret) < 32 for secret in secrets):
        read.problem("VIDEO_KEY_SECRET", "is too short: at least 32 random characters each")
    return secrets


def _release(value: str) -> str:
    if not _RELEASE.fullmatch(value):
        raise ValueError
    return value


def _namespace(value: str) -> str:
    if not _NAMESPACE.fullmatch(value) or value.startswith("AWS/"):
        raise ValueError
    return value


def _metrics_token(read: Reader) -> str:
    value = read.text("METRICS_TOKEN", "")
    if value and len(value) < 32:
        read.problem("METRICS_TOKEN", "is too short: at least 32 random characters")
    return value


def _hosts(read: Reader, profile: Profile) -> list[str]:
    hosts = read.listed(
        "ALLOWED_HOSTS", "" if profile is Profile.PRODUCTION else "127.0.0.1,localhost"
    )
    if not hosts:
        read.problem("ALLOWED_HOSTS", "is not set: the host names of the API, comma-separated")
    if any(not _HOST_NAME.match(host) for host in hosts):
        read.problem("ALLOWED_HOSTS", "holds something that is not a host name")
    return hosts


def _database(read: Reader, profile: Profile) -> DatabaseEnvironment:
    fallback = "postgresql://academy@127.0.0.1:5432/academy"
    text = read.text("DATABASE_URL", fallback if profile is Profile.TEST else MISSING)
    try:
        url = database_url.parse(text or fallback)
    except DatabaseUrlError as error:
        read.problem("DATABASE_URL", str(error))
        url = database_url.parse(fallback)
    pool = API_POOL_SIZE if read.environ.get("ACADEMY_PROCESS") == "api" else 0
    return DatabaseEnvironment(
        url=url,
        pool_size=read.integer("DATABASE_POOL_SIZE", pool, 0, 100),
        statement_timeout_ms=read.integer("DATABASE_STATEMENT_TIMEOUT_MS", 15_000, 100, 3_600_000),
        lock_timeout_ms=read.integer("DATABASE_LOCK_TIMEOUT_MS", 5_000, 100, 600_000),
    )


def _objects(read: Reader, profile: Profile) -> ObjectStoreEnvironment:
    test = profile is Profile.TEST
    endpoint = read.url("R2_ENDPOINT_URL", "http://127.0.0.1:8333" if test else MISSING)
    buckets = {}
    for alias, (name, default) in BUCKET_VARIABLES.items():
        buckets[alias] = read.text(name, default)
        if not _BUCKET_NAME.match(buckets[alias]):
            read.problem(name, "is not a bucket name: 3 to 63 of a-z, 0-9 and -")
    if len(set(buckets.values())) != len(buckets):
        read.problem("R2_*_BUCKET", "name the same bucket for two purposes")
    for name in sorted(read.environ):
        if name.startswith("R2_") and name not in _R2_VARIABLES:
            read.problem(name, f"is unknown: one of {', '.join(sorted(_R2_VARIABLES))}")
    return ObjectStoreEnvironment(
        endpoint_url=endpoint,
        public_endpoint_url=read.url("R2_PUBLIC_ENDPOINT_URL", "") or endpoint,
        access_key_id=read.text("R2_ACCESS_KEY_ID", "test" if test else MISSING),
        secret_access_key=read.text("R2_SECRET_ACCESS_KEY", "test" if test else MISSING),
        region=read.text("R2_REGION", "auto"),
        buckets=buckets,
    )


def _playback(read: Reader) -> PlaybackEnvironment:
    base_url = read.url("CDN_BASE_URL", "")
    key = read.text("CDN_SIGNING_KEY", "")
    # One without the other would serve links that nobody checks, or that nobody can follow.
    if base_url and not key:
        read.problem("CDN_SIGNING_KEY", "is not set, and CDN_BASE_URL is: links are never unsigned")
    if key and not base_url:
        read.problem("CDN_BASE_URL", "is not set, and CDN_SIGNING_KEY is")
    if key and not _CDN_KEY.match(key):
        read.problem(
            "CDN_SIGNING_KEY",
            "must be ID:SECRET: 1 to 16 of a-z, 0-9, and 32 to 128 of A-Za-z0-9_-",
        )
    return PlaybackEnvironment(
        cdn_base_url=base_url,
        cdn_signing_key=key,
        link_seconds=read.integer("PLAYBACK_LINK_SECONDS", 600, 2, 43_200),
        heartbeat_seconds=read.integer("PLAYBACK_HEARTBEAT_SECONDS", 15, 1, 300),
    )


def _jobs(read: Reader) -> JobsEnvironment:
    scratch = Path(read.text("SCRATCH_DIR", Path(tempfile.gettempdir()) / "academy-scratch"))
    if not scratch.is_absolute():
        read.problem("SCRATCH_DIR", "must be an absolute path")
    tessdata = read.optional("TESSDATA_DIR")
    if tessdata is not None and not Path(tessdata).is_absolute():
        read.problem("TESSDATA_DIR", "must be an absolute path")
    return JobsEnvironment(
        lease_seconds=read.seconds("JOB_LEASE_SECONDS", 30, 1, 3_600),
        max_losses=read.integer("JOB_MAX_LOSSES", 3, 1, 100),
        republish_seconds=read.seconds("JOB_REPUBLISH_SECONDS", 900, 1, 86_400),
        relay_poll_seconds=read.seconds("RELAY_POLL_SECONDS", 1, 0.01, 60),
        relay_sweep_seconds=read.seconds("RELAY_SWEEP_SECONDS", 5, 0.05, 600),
        scratch_dir=scratch,
        scratch_min_free_mb=read.integer("SCRATCH_MIN_FREE_MB", 256, 0, 1_000_000),
        ffmpeg_bin=read.optional("FFMPEG_BIN"),
        ffprobe_bin=read.optional("FFPROBE_BIN"),
        tessdata_dir=None if tessdata is None else Path(tessdata),
        host_kind=HostKind(read.choice("HOST_KIND", "cpu", ("cpu", "gpu"))),
        video_encoder=VideoEncoder(
            read.choice("VIDEO_ENCODER", VideoEncoder.AUTO, tuple(VideoEncoder))
        ),
        premium_on_cpu=read.flag("PREMIUM_ON_CPU", default=False),
        log_days=read.integer("JOB_LOG_DAYS", 30, 1, 3_650),
        check_days=read.integer("DEEP_CHECK_DAYS", 7, 1, 3_650),
        # SQS keeps a dead letter for 14 days: until then it may come once more.
        letter_days=read.integer("DEAD_LETTER_DAYS", 180, 15, 3_650),
        purge_days=read.integer("VIDEO_PURGE_DAYS", 7, 0, 365),
        piece_days=read.integer("VIDEO_PIECE_DAYS", 3, 1, 365),
        # A device counts against its viewer's limit for 30 days.
        viewing_days=read.integer("VIDEO_VIEWING_DAYS", 180, 31, 3_650),
        sheet_picture_days=read.integer("SHEET_PICTURE_DAYS", 365, 1, 3_650),
        table_file_days=read.integer("TABLE_FILE_DAYS", 90, 1, 3_650),
    )


def _traces_endpoint(read: Reader) -> str | None:
    """Where spans go, or None. OpenTelemetry reads its other variables itself, and only warns."""
    base = read.url("OTEL_EXPORTER_OTLP_ENDPOINT", "", path=True)
    own = read.url("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "", path=True)
    read.choice("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", ("http/protobuf",))
    read.choice("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf", ("http/protobuf",))
    read.choice("OTEL_TRACES_SAMPLER", _SAMPLERS[0], _SAMPLERS)
    read.parsed("OTEL_TRACES_SAMPLER_ARG", 1.0, _share, "a share from 0 to 1")
    wanted = read.choice("OTEL_TRACES_EXPORTER", "otlp", ("otlp", "none")) == "otlp"
    off = read.choice("OTEL_SDK_DISABLED", "false", ("false", "true")) == "true"
    endpoint = own or (f"{base}/v1/traces" if base else None)
    return endpoint if wanted and not off else None


def _share(value: str) -> float:
    share = float(value)
    if not 0 <= share <= 1:
        raise ValueError
    return share


def _check_production(read: Reader, environment: Environment) -> None:
    """What is harmless on one's own machine and a hole, or an outage, in production."""
    if "*" in environment.allowed_hosts:
        read.problem("ALLOWED_HOSTS", "must name the hosts: * accepts any Host header")
    if environment.secret_key and environment.secret_key == environment.api_key_pepper:
        read.problem("API_KEY_PEPPER", "must differ from SECRET_KEY")
    for name, url in (
        ("PUBLIC_BASE_URL", environment.public_base_url),
        ("R2_ENDPOINT_URL", environment.objects.endpoint_url),
        ("R2_PUBLIC_ENDPOINT_URL", read.environ.get("R2_PUBLIC_ENDPOINT_URL", "")),
        ("CDN_BASE_URL", environment.playback.cdn_base_url),
    ):
        if url.startswith("http://"):
            read.problem(name, "must be https in production")
    for aws, r2 in (
        ("AWS_ACCESS_KEY_ID", "R2_ACCESS_KEY_ID"),
        ("AWS_SECRET_ACCESS_KEY", "R2_SECRET_ACCESS_KEY"),
    ):
        if read.environ.get(aws) and read.environ.get(aws) == read.environ.get(r2):
            read.problem(aws, f"holds the object store's key: it belongs in {r2} alone")
    readable = not any(problem.startswith("DATABASE_URL ") for problem in read.problems)
    sslmode = environment.database.url.options.get("sslmode", "prefer")
    if readable and sslmode in ("disable", "allow", "prefer"):
        read.problem("DATABASE_URL", "must end with ?sslmode=require, verify-ca or verify-full")
