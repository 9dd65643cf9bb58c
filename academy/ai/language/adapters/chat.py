"""``POST /chat/completions`` with a JSON schema as ``response_format``."""

from __future__ import annotations

import json
from typing import Any, Final

from academy.ai.language.adapters.http import Answer, Bounds, post
from academy.ai.language.money import most_read
from academy.ai.language.ports import ChatReply, ChatRequest, OnTick, ReplyError, Tokens
from academy.settings.language import Service

BOUNDS: Final = Bounds(total_seconds=240.0, answer_bytes=1 << 20)
_NAME_CHARS: Final = 100


class OpenAiChat:
    """A chat model behind an OpenAI-compatible address."""

    def __init__(self, service: Service, *, bounds: Bounds = BOUNDS) -> None:
        self._service = service
        self._bounds = bounds

    @property
    def name(self) -> str:
        """As the operator calls it."""
        return self._service.model

    def complete(self, request: ChatRequest, *, on_tick: OnTick) -> ChatReply:
        """Ask once. Raises ProviderError."""
        answer = post(
            self._service,
            "/chat/completions",
            bounds=self._bounds,
            on_tick=on_tick,
            json={
                "model": self._service.model,
                "messages": [{"role": one.role, "content": one.text} for one in request.messages],
                "max_completion_tokens": request.max_tokens,
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {
                        "name": request.name, "strict": True, "schema": request.schema,
                    },
                },
            },
        )  # fmt: skip
        return _reply(answer, request, self.name)


def _reply(answer: Answer, request: ChatRequest, name: str) -> ChatReply:
    tokens = _tokens(answer.body.get("usage"), request)

    def unusable(reason: str) -> ReplyError:
        return ReplyError(reason, request_id=answer.request_id, tokens=tokens)

    choices = answer.body.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise unusable("no message")
    if message.get("refusal") or choice.get("finish_reason") == "content_filter":
        raise unusable("the model declined")
    if choice.get("finish_reason") == "length":
        raise unusable("cut off at its limit")
    try:
        content = json.loads(message.get("content") or "")
    except (TypeError, ValueError, RecursionError):
        raise unusable("the message is no JSON") from None
    if not isinstance(content, dict):
        raise unusable("the message is no JSON object")
    model = answer.body.get("model")
    return ChatReply(
        content=content,
        model=model[:_NAME_CHARS] if isinstance(model, str) and model.isprintable() else name,
        request_id=answer.request_id,
        tokens=tokens,
    )


def _tokens(usage: Any, request: ChatRequest) -> Tokens | None:
    """What the provider counted, where it can be true: not negative, and not beyond what fits."""
    if not isinstance(usage, dict):
        return None
    read = _count(usage.get("prompt_tokens"), most_read(request))
    written = _count(usage.get("completion_tokens"), request.max_tokens)
    return None if read is None or written is None else Tokens(read, written)


def _count(value: Any, most: int) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= most:
        return None
    return value
