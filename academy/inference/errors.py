"""What can go wrong with models, in the users' words."""

from __future__ import annotations

from academy.core.catalogue import Entry, register
from academy.jobs.errors import PermanentError

_OPERATOR_KO = (
    "운영자에게 이 모델의 이름과 함께 알려 주세요. 운영자는 MODEL_REGISTRY를 확인해 주세요."
)
_OPERATOR_EN = "Tell the operator, who sets models up in the registry (MODEL_REGISTRY)."
_WAIT_KO = "자동으로 다시 시도합니다. 기다려 주세요."
_WAIT_EN = "It is tried again by itself; please wait."

register(
    Entry(
        "model_not_configured", 503,
        "이 작업에 필요한 모델({model})이 이 서버에 설치되어 있지 않습니다.",
        "The model that this needs ({model}) is not set up on this server.",
        "운영자에게 이 이름과 함께 알려 주세요. 운영자는 MODEL_REGISTRY(모델 파일)나 "
        "LLM_BASE_URL, SPEECH_BASE_URL(언어 모델)을 확인해 주세요.",
        "Tell the operator this name, who sets up files of models (MODEL_REGISTRY) or language "
        "models (LLM_BASE_URL, SPEECH_BASE_URL).",
    ),
    Entry(
        "model_runtime_missing", 503,
        "이 서버에는 모델을 실행하는 프로그램({library})이 없습니다.",
        "This server lacks the library that runs the model ({library}).",
        "운영자에게 알려 주세요. 운영자는 `make setup`의 안내를 확인해 주세요.",
        "Tell the operator, who finds out why from `make setup`.",
    ),
    Entry(
        "model_wrong_hash", 500,
        "모델({model}) 파일이 등록된 파일과 달라 사용하지 않았습니다.",
        "The file of the model {model} is not the one that was registered, so it was not used.",
        _OPERATOR_KO, _OPERATOR_EN,
    ),
    Entry(
        "model_unusable", 500,
        "모델({model}) 파일의 내용을 사용할 수 없습니다.",
        "The file of the model {model} does not hold what it should.",
        _OPERATOR_KO, _OPERATOR_EN,
    ),
    Entry(
        "model_unavailable", 503,
        "모델({model}) 파일을 지금은 가져올 수 없습니다.",
        "The file of the model {model} cannot be fetched right now.",
        _WAIT_KO, _WAIT_EN, retryable=True,
    ),
    Entry(
        "model_needs_memory", 503,
        "모델({model})을 불러올 메모리가 서버에 부족합니다.",
        "This host has too little memory left for the model {model}.",
        _WAIT_KO, _WAIT_EN, retryable=True,
    ),
    Entry(
        "model_out_of_memory", 503,
        "모델을 실행하는 동안 서버의 메모리가 부족했습니다.",
        "The host ran out of memory while the model worked.",
        _WAIT_KO, _WAIT_EN, retryable=True,
    ),
    Entry(
        "gpu_busy", 503,
        "서버의 모든 GPU가 사용 중입니다.",
        "Every GPU of this host is in use.",
        _WAIT_KO, _WAIT_EN, retryable=True,
    ),
)  # fmt: skip


class NotConfiguredError(PermanentError):
    """No usable model of this name is registered; only an operator can change that."""

    def __init__(self, model: str) -> None:
        super().__init__("model_not_configured", model=model)
