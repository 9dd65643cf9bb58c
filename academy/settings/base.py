"""Settings that every profile shares, made from a checked environment."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from academy.core.logs import logging_config
from academy.settings.env import DatabaseEnvironment, Environment, Profile

BASE_DIR = Path(__file__).resolve().parent.parent.parent

CONNECT_TIMEOUT_SECONDS = 3
STORAGE_CONNECT_TIMEOUT_SECONDS = 3
#: (read time-out in seconds, attempts): a client waits for the API, and nobody for a worker.
STORAGE_PATIENCE_API = (10, 2)
STORAGE_PATIENCE = (30, 4)


REPEATS_ITS_STATEMENTS = frozenset({"worker", "relay"})
"""Processes that run the same few statements all day: the server keeps their plans."""


def databases(database: DatabaseEnvironment, *, process: str) -> dict[str, Any]:
    """DATABASES: short time-outs everywhere, and a pool where the process is the API.

    A worker holds its connection between jobs and checks it before use (a long ffmpeg leaves it
    dead); the API's threads share a bounded pool, so that a flood waits instead of exhausting
    max_connections. Workers and relays prepare their statements, which halves what a short job
    costs the server.
    """
    url = database.url
    options: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_SECONDS,
        "tcp_user_timeout": 20_000,
        "keepalives_idle": 30,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "application_name": f"academy-{process}",
        "options": (
            f"-c statement_timeout={database.statement_timeout_ms}"
            f" -c lock_timeout={database.lock_timeout_ms}"
            " -c idle_in_transaction_session_timeout=60000"
        ),
        **url.options,
    }
    if process in REPEATS_ITS_STATEMENTS:
        options |= {"server_side_binding": True, "prepare_threshold": 3}
    if database.pool_size:
        options["pool"] = {
            "min_size": min(2, database.pool_size),
            "max_size": database.pool_size,
            "timeout": CONNECT_TIMEOUT_SECONDS,
            "max_waiting": database.pool_size * 8,
            "max_lifetime": 1_800,
            "max_idle": 300,
            "reconnect_timeout": 5,
        }
    return {
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": url.host,
            "PORT": url.port,
            "NAME": url.name,
            "USER": url.user,
            "PASSWORD": url.password,
            # Django refuses persistent connections beside a pool.
            "CONN_MAX_AGE": 0 if database.pool_size else 600,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": options,
        }
    }


def storages(env: Environment, *, static_backend: str) -> dict[str, Any]:
    """STORAGES: one alias a bucket, with keys, time-outs and retries said explicitly.

    django-storages falls back to AWS_* variables for whatever is not said here, and those belong
    to SQS.
    """
    from botocore.config import Config  # noqa: PLC0415 - slow to import, needed here alone

    objects = env.objects
    read_timeout, attempts = STORAGE_PATIENCE_API if env.process == "api" else STORAGE_PATIENCE
    client_config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        connect_timeout=STORAGE_CONNECT_TIMEOUT_SECONDS,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
        tcp_keepalive=True,
        # R2 and others refuse the trailing checksums that boto3 adds where none is required.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        max_pool_connections=32,
    )
    result: dict[str, Any] = {
        alias: {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                "bucket_name": bucket,
                "endpoint_url": objects.endpoint_url,
                "access_key": objects.access_key_id,
                "secret_key": objects.secret_access_key,
                "security_token": None,
                "session_profile": None,
                "region_name": objects.region,
                "client_config": client_config,
                "default_acl": None,
                "file_overwrite": True,
                "querystring_auth": True,
            },
        }
        for alias, bucket in objects.buckets.items()
    }
    result["default"] = result["storage"]
    result["staticfiles"] = {"BACKEND": static_backend}
    return result


def common(env: Environment) -> dict[str, Any]:
    """Every setting that follows from the environment alone."""
    return {
        "SECRET_KEY": env.secret_key,
        # The last one opens what was sealed before a secret of their own was given.
        "VIDEO_KEY_SECRETS": [*env.video_key_secrets, env.secret_key],
        "PERSONAL_DATA_SECRETS": [*env.messaging.personal_data_secrets, env.secret_key],
        "MESSAGING": env.messaging,
        "MESSAGING_PROVIDER": env.messaging.provider,
        "MESSAGING_PRICES": env.messaging.prices,
        "API_KEY_PEPPER": env.api_key_pepper,
        "ALLOWED_HOSTS": env.allowed_hosts,
        "PUBLIC_BASE_URL": env.public_base_url,
        "CORS_ORIGINS": env.cors_origins,
        "CSRF_TRUSTED_ORIGINS": [env.public_base_url],
        "TRUSTED_PROXIES": env.trusted_proxies,
        "API_PROCESSES": env.api_processes,
        "DATABASES": databases(env.database, process=env.process),
        "LOGGING": logging_config(log_format=env.log_format, level=env.log_level),
        "SERVICE_NAME": f"academy-{env.process}",
        "TRACES_ENDPOINT": env.traces_endpoint,
        "METRICS_TOKEN": env.metrics_token,
        "RELEASE": env.release,
        "METRICS_OPEN_ON_LOOPBACK": env.profile is not Profile.PRODUCTION,
        "AWS_REGION": env.aws_region,
        "SQS_ENDPOINT_URL": env.sqs_endpoint_url,
        "CLOUDWATCH_METRICS": env.cloudwatch_metrics,
        "CLOUDWATCH_NAMESPACE": env.cloudwatch_namespace,
        "CLOUDWATCH_ENDPOINT_URL": env.cloudwatch_endpoint_url,
        "R2_PUBLIC_ENDPOINT_URL": env.objects.public_endpoint_url,
        "CDN_BASE_URL": env.playback.cdn_base_url,
        "CDN_SIGNING_KEY": env.playback.cdn_signing_key,
        "PLAYBACK_LINK_SECONDS": env.playback.link_seconds,
        "PLAYBACK_HEARTBEAT_SECONDS": env.playback.heartbeat_seconds,
        "JOB_LEASE_SECONDS": env.jobs.lease_seconds,
        "JOB_MAX_LOSSES": env.jobs.max_losses,
        "JOB_REPUBLISH_SECONDS": env.jobs.republish_seconds,
        "JOB_LOG_DAYS": env.jobs.log_days,
        "DEEP_CHECK_DAYS": env.jobs.check_days,
        "DEAD_LETTER_DAYS": env.jobs.letter_days,
        "VIDEO_PURGE_DAYS": env.jobs.purge_days,
        "VIDEO_PIECE_DAYS": env.jobs.piece_days,
        "VIDEO_VIEWING_DAYS": env.jobs.viewing_days,
        "SHEET_PICTURE_DAYS": env.jobs.sheet_picture_days,
        "TABLE_FILE_DAYS": env.jobs.table_file_days,
        "RELAY_POLL_SECONDS": env.jobs.relay_poll_seconds,
        "RELAY_SWEEP_SECONDS": env.jobs.relay_sweep_seconds,
        "SCRATCH_DIR": env.jobs.scratch_dir,
        "SCRATCH_MIN_FREE_BYTES": env.jobs.scratch_min_free_mb << 20,
        "FFMPEG_BIN": env.jobs.ffmpeg_bin,
        "FFPROBE_BIN": env.jobs.ffprobe_bin,
        "TESSDATA_DIR": env.jobs.tessdata_dir,
        "MODEL_REGISTRY": env.models.registry,
        "MODEL_CACHE_DIR": env.models.cache_dir,
        "MODEL_WARM_START": env.models.warm_start,
        "LANGUAGE": env.language,
        "HOST_KIND": env.jobs.host_kind,
        "VIDEO_ENCODER": env.jobs.video_encoder,
        "PREMIUM_ON_CPU": env.jobs.premium_on_cpu,
    }


INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "academy.core",
    "academy.tenants",
    "academy.fleet",
    "academy.uploads",
    "academy.jobs",
    "academy.desk",
    "academy.roster",
    "academy.problems",
    "academy.tables",
    "academy.ai",
    "academy.ai.corrections",
    "academy.ai.language",
    "academy.messaging",
    "academy.sheets",
    "academy.video",
    "academy.deadletters",
    "academy.telemetry",
    "academy.ops",
    "django_celery_results",
    "tasks",
]

MIDDLEWARE = [
    "academy.core.http.middleware.RequestContextMiddleware",
    "academy.core.http.middleware.ProbeHostMiddleware",
    "academy.ops.console.middleware.ConsolePagesMiddleware",
    "academy.telemetry.requests.RequestMetricsMiddleware",
    "academy.core.http.middleware.RequestLimitsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "academy.core.http.middleware.ContentSecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "academy.ops.console.middleware.ConsoleAccessMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "academy.urls"
WSGI_APPLICATION = "academy.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

LANGUAGE_CODE = "ko"
LANGUAGES = [("ko", "한국어"), ("en", "English")]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# Requests hold JSON or a form of the admin; files go to the object store, never through here. A
# view that must take more says so (RequestLimitsMiddleware); Django refuses what none takes.
BODY_MAX_BYTES = 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * BODY_MAX_BYTES
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "academy.core.http.problems.csrf_failure"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "academy.tenants.authentication.ApiKeyAuthentication",
        "academy.tenants.authentication.TokenAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["academy.tenants.permissions.HasScope"],
    "DEFAULT_PARSER_CLASSES": ["academy.core.http.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "academy.core.http.openapi.ApiSchema",
    # Pages are asked for where they are wanted: a default once cut internal lists off at 20 rows.
    "DEFAULT_PAGINATION_CLASS": None,
    # OPTIONS would describe serializers to anybody; the OpenAPI document does it better.
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "academy.core.http.problems.exception_handler",
    # The Accept header decides; ?format= would be a second way, open to every address.
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "UNICODE_JSON": True,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "academy",
    "DESCRIPTION": (
        "The task platform of private academies: upload a file, submit a job, follow it, fetch "
        "what came out.\n\n"
        "Machines authenticate with an API key, people with a token from `POST /auth/token`; both "
        "go into `Authorization: Bearer …`. Times are UTC. Fields that an operation does not have "
        "are refused. Every error has the same body; branch on `error.code`."
    ),
    "VERSION": "1",
    "SERVERS": [{"url": "/", "description": "This server"}],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "AiTier": "academy.ai.api.serializers.TIERS",
        "CampaignState": "academy.messaging.api.serializers.CAMPAIGN_STATES",
        "CollectionOrigin": "academy.problems.api.serializers.ORIGINS",
        "Enrolment": "academy.roster.api.serializers.STATES",
        "ExamState": "academy.sheets.api.serializers.EXAM_STATES",
        "JobState": "academy.jobs.api.serializers.STATES",
        "LanguageCurrency": "academy.ai.api.usage.CURRENCIES",
        "PriceCurrency": "academy.ai.api.serializers.CURRENCIES",
        "LanguageService": "academy.ai.api.usage.SERVICES",
        "LetterSource": "academy.deadletters.api.serializers.SOURCES",
        "LetterState": "academy.deadletters.api.serializers.LETTER_STATES",
        "ReplayItemState": "academy.deadletters.api.answers.ITEM_STATES",
        "ReplayState": "academy.deadletters.api.answers.REPLAY_STATES",
        "MessagePurpose": "academy.messaging.asking.PURPOSES",
        "MessageRecipient": "academy.messaging.asking.RECIPIENTS",
        "MessageState": "academy.messaging.api.serializers.MESSAGE_STATES",
        "MessageType": "academy.messaging.api.serializers.MESSAGE_TYPES",
        "QueueName": "academy.jobs.api.serializers.QUEUES",
        "QuestionKind": "academy.sheets.api.serializers.QUESTION_KINDS",
        "UploadPurpose": "academy.uploads.api.serializers.PURPOSES",
        "UploadState": "academy.uploads.models.UploadState",
        "VideoState": "academy.video.api.serializers.STATES",
        "WorkerState": "academy.fleet.api.serializers.STATES",
    },
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "solapiSecret": {
                "type": "apiKey",
                "in": "header",
                "name": "X-Solapi-Secret",
                "description": "The SHA-1 of the webhook secret, as Solapi sends it.",
            },
            "nhnSignature": {
                "type": "apiKey",
                "in": "header",
                "name": "X-Toast-Webhook-Signature",
                "description": "The signature that was entered at NHN Cloud for the webhook.",
            },
        }
    },
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"persistAuthorization": True, "displayRequestDuration": True},
    "REDOC_DIST": "SIDECAR",
}

STATIC_URL = "/static/"
STATIC_ROOT: Path | None = BASE_DIR / "staticfiles"

AUTHENTICATION_BACKENDS = ["academy.tenants.backends.ThrottledBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

ACCESS_TOKEN_LIFETIME = timedelta(minutes=15)
REFRESH_TOKEN_LIFETIME = timedelta(days=14)
