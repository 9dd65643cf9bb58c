"""The environment of every role, by the names of docs/reference/environment.md.

Plain values stand in the template, secrets by their names in the parameter store.

A role is given what its process reads, and no more: the keys of a message provider are known to
those who talk to it. The platform's own secrets are shared by all, because every process checks the
whole environment as it starts, and phones sealed under one secret are opened under the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from deploy.aws.stack.cfn import Json, attribute, choose, ref, sized, sub
from deploy.aws.stack.messages import EVENTS, queue_id
from deploy.aws.stack.roles import Role
from tasks import queues

#: Wherever Django runs.
SHARED: Final = (
    "DATABASE_URL",
    "SECRET_KEY",
    "API_KEY_PEPPER",
    "PERSONAL_DATA_SECRET",
    "VIDEO_KEY_SECRET",
    "R2_ACCESS_KEY_ID",
    "R2_SECRET_ACCESS_KEY",
)
OWN: Final[dict[str, tuple[str, ...]]] = {
    "api": ("METRICS_TOKEN",),
    "flower": ("FLOWER_BASIC_AUTH",),
}
#: Of the tunnel beside a role, which is no part of the platform and reads no other variable.
TUNNEL_TOKENS: Final = {"api": "TUNNEL_TOKEN", "flower": "FLOWER_TUNNEL_TOKEN"}

_TALKS_TO_PROVIDER: Final = frozenset({"api", "relay", "messaging", "manage"})
_TALKS_TO_MODELS: Final = frozenset(
    {"api", "relay", "manage", "video", "ai-lite", "ai-basic", "ai-premium"}
)


@dataclass(frozen=True)
class Optional:
    """Secrets that are stored only where a condition of the template holds."""

    condition: str
    wants: Mapping[str, str]
    """The parameters' values that make the condition true; empty text: any value but none."""
    names: tuple[str, ...]
    roles: frozenset[str]

    def wanted(self, parameters: Mapping[str, str]) -> bool:
        """Whether the condition holds with these parameters."""
        return all(
            parameters.get(key, "") == value if value else bool(parameters.get(key))
            for key, value in self.wants.items()
        )


OPTIONAL: Final = (
    Optional("HasCdn", {"CdnBaseUrl": ""}, ("CDN_SIGNING_KEY",), frozenset({"api", "manage"})),
    Optional(
        "HasSolapi",
        {"MessagingProvider": "solapi"},
        ("SOLAPI_API_KEY", "SOLAPI_API_SECRET"),
        _TALKS_TO_PROVIDER,
    ),
    Optional(
        "HasSolapiWebhooks",
        {"MessagingProvider": "solapi", "ProviderWebhooks": "yes"},
        ("SOLAPI_WEBHOOK_SECRET",),
        frozenset({"api"}),
    ),
    Optional(
        "HasNhn",
        {"MessagingProvider": "nhn"},
        ("NHN_APP_KEY", "NHN_SECRET_KEY"),
        _TALKS_TO_PROVIDER,
    ),
    Optional(
        "HasNhnAlimTalk",
        {"MessagingProvider": "nhn", "AlimTalk": "yes"},
        ("NHN_ALIMTALK_APP_KEY", "NHN_ALIMTALK_SECRET_KEY"),
        _TALKS_TO_PROVIDER,
    ),
    Optional(
        "HasNhnWebhooks",
        {"MessagingProvider": "nhn", "ProviderWebhooks": "yes"},
        ("NHN_WEBHOOK_SECRET",),
        frozenset({"api"}),
    ),
    Optional(
        "HasLanguage",
        {"Language": "yes"},
        ("LLM_BASE_URL", "LLM_MODEL", "LLM_API_KEY", "LLM_INPUT_PRICE", "LLM_OUTPUT_PRICE"),
        _TALKS_TO_MODELS,
    ),
    Optional(
        "HasSpeech",
        {"Speech": "yes"},
        ("SPEECH_BASE_URL", "SPEECH_MODEL", "SPEECH_API_KEY", "SPEECH_MINUTE_PRICE"),
        _TALKS_TO_MODELS,
    ),
)
#: Ceilings on what language and speech models may cost, wherever there is either.
BUDGETS: Final = ("LANGUAGE_TENANT_BUDGET", "LANGUAGE_PLATFORM_BUDGET")


def stored(parameters: Mapping[str, str]) -> list[str]:
    """The names below ``/academy/ENV/`` that a deployment with these parameters needs."""
    names = [*SHARED, *(name for own in OWN.values() for name in own)]
    if parameters.get("Size", "start") == "start":
        names += TUNNEL_TOKENS.values()
    for optional in OPTIONAL:
        if optional.wanted(parameters):
            names += optional.names
    if "yes" in (parameters.get("Language"), parameters.get("Speech")):
        names += BUDGETS
    return names


def secrets(role: Role) -> list[Json]:
    """``Secrets`` of the role's container; each is read from the store when the task starts."""
    listed = [_secret(name) for name in (*SHARED, *OWN.get(role.name, ()))]
    for optional in OPTIONAL:
        if role.name in optional.roles:
            listed += [choose(optional.condition, _secret(name)) for name in optional.names]
    if role.name in _TALKS_TO_MODELS:
        listed += [choose("HasModelService", _secret(name)) for name in BUDGETS]
    return listed


def secret_names(role: Role) -> list[str]:
    """Everything that the role's task may read from the store, whatever is switched on."""
    names = [*SHARED, *OWN.get(role.name, ())]
    names += [name for one in OPTIONAL if role.name in one.roles for name in one.names]
    if role.name in _TALKS_TO_MODELS:
        names += BUDGETS
    if role.name in TUNNEL_TOKENS:
        names.append(TUNNEL_TOKENS[role.name])
    return names


def store_name(name: str) -> Json:
    """What one value is called in the parameter store."""
    return sub(f"/academy/${{Environment}}/{name}")


def store_address(name: str) -> Json:
    """The same as a resource for IAM."""
    return sub(
        "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter"
        f"/academy/${{Environment}}/{name}"
    )


def _secret(name: str) -> Json:
    return {"Name": name, "ValueFrom": store_name(name)}


def plain(role: Role) -> list[Json]:
    """``Environment`` of the role's container."""
    values: dict[str, object] = {
        "DJANGO_SETTINGS_MODULE": "academy.settings.production",
        "ACADEMY_PROCESS": role.process,
        "RELEASE": ref("ImageTag"),
        "LOG_FORMAT": "json",
        "ALLOWED_HOSTS": ref("PublicHost"),
        "PUBLIC_BASE_URL": sub("https://${PublicHost}"),
        "AWS_REGION": ref("AWS::Region"),
        **{queue.env: attribute(queue_id(queue), "QueueName") for queue in queues.table({})},
        "SQS_QUEUE_EVENTS": attribute(EVENTS, "QueueName"),
        "R2_ENDPOINT_URL": ref("R2EndpointUrl"),
        "R2_AI_BUCKET": ref("AiBucket"),
        "R2_VIDEO_BUCKET": ref("VideoBucket"),
        "R2_EXCEL_BUCKET": ref("ExcelBucket"),
        "R2_STORAGE_BUCKET": ref("StorageBucket"),
        **_own(role),
    }
    listed: list[Json] = [{"Name": name, "Value": value} for name, value in values.items()]
    for condition, name, value in _conditional(role):
        listed.append(choose(condition, {"Name": name, "Value": value}))
    return listed


def _own(role: Role) -> dict[str, object]:
    match role.name:
        case "api":
            return {
                "BIND": "0.0.0.0:8000",
                "WEB_CONCURRENCY": sized("WebProcesses"),
                # Cloudflare, and the load balancer where there is one.
                "TRUSTED_PROXIES": choose("HasBalancer", "2", "1"),
                "MESSAGING_PROVIDER": ref("MessagingProvider"),
            }
        case "relay":
            return {
                "CLOUDWATCH_METRICS": "1",
                "CLOUDWATCH_NAMESPACE": sub("academy-${Environment}"),
                "MESSAGING_PROVIDER": ref("MessagingProvider"),
            }
        case "flower":
            return {"FLOWER_ADDRESS": "0.0.0.0", "FLOWER_PORT": str(role.port)}  # noqa: S104
        case "messaging":
            return {**_of_worker(role), "MESSAGING_PROVIDER": ref("MessagingProvider")}
        case "manage":
            return {"MESSAGING_PROVIDER": ref("MessagingProvider")}
        case _:
            return _of_worker(role)


def _of_worker(role: Role) -> dict[str, object]:
    values: dict[str, object] = {
        "SCRATCH_DIR": "/scratch",
        # Half of what ECS grants: the rest is for flushing acknowledgements and the events.
        "WORKER_FINISH_SECONDS": str(role.stop_seconds // 2),
    }
    if role.runs == "gpu":
        values["HOST_KIND"] = "gpu"
    return values


def _conditional(role: Role) -> list[tuple[str, str, object]]:
    listed: list[tuple[str, str, object]] = []
    if role.name in ("api", "manage"):
        listed += [
            ("HasOrigins", "CORS_ORIGINS", ref("CorsOrigins")),
            ("HasCdn", "CDN_BASE_URL", ref("CdnBaseUrl")),
        ]
    if role.name in _TALKS_TO_MODELS:
        listed.append(("HasModels", "MODEL_REGISTRY", ref("ModelRegistry")))
    return listed
