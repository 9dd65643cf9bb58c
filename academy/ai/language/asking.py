"""The one way from a handler to somebody else's model: guarded, budgeted, counted, and stopped.

In this order: the breaker lets the call through, its cost is reserved, the text is masked, the call
is made, and what it cost is entered. A provider's failure becomes the job's own: it waits where
waiting helps, and ends with a reason where it does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeVar

from academy.ai.language import breaker, configuration, guard, ledger, money, ports
from academy.ai.language.adapters.chat import OpenAiChat
from academy.ai.language.adapters.speech import OpenAiSpeech
from academy.ai.language.models import Call, ServiceName
from academy.ai.language.ports import ChatModel, SpeechToText
from academy.core.crash import crash_point
from academy.jobs.context import JobContext
from academy.jobs.errors import PermanentError, TransientError
from academy.jobs.execute import patiently
from academy.settings.language import Chat, Speech

SHORTEST_WAIT_SECONDS: Final = 5.0

R = TypeVar("R")


class UnusableReplyError(Exception):
    """The model answered with something that cannot be used; it has been paid for."""


@dataclass(frozen=True)
class Said:
    """What a model answered, and how many places of the question were masked."""

    reply: ports.ChatReply
    masked: int


def ask(context: JobContext[Any], purpose: str, request: ports.ChatRequest) -> Said:
    """Ask the chat model once.

    Raises UnusableReplyError; TransientError ``language_busy`` or ``language_unavailable``;
    UnsuitableHostError while the service is left alone; PermanentError ``model_not_configured``,
    ``language_refused``, ``language_budget_spent`` or ``language_budget_spent_by_all``; JobStopped.
    """
    model, prices = _chat()
    request, count = _masked(request)
    planned = ledger.Planned(
        ServiceName.CHAT, model.name, purpose, money.chat_most(prices, request)
    )

    def charged(reply: ports.ChatReply) -> ledger.Charged:
        return _of_tokens(prices, reply.tokens, reply.request_id)

    reply = _call(
        context,
        planned,
        lambda: model.complete(request, on_tick=context.raise_if_cancelled),
        charged,
        lambda error: _of_tokens(prices, error.tokens, error.request_id, str(error)),
    )
    return Said(reply, count)


def listen(
    context: JobContext[Any], purpose: str, request: ports.SpeechRequest
) -> ports.SpeechReply:
    """Have a sound file written down. Raises what `ask` raises."""
    model, prices = _speech()
    cost = money.speech_cost(prices, request.seconds)
    planned = ledger.Planned(ServiceName.SPEECH, model.name, purpose, cost, request.seconds)
    return _call(
        context,
        planned,
        lambda: model.transcribe(request, on_tick=context.raise_if_cancelled),
        lambda reply: ledger.Charged(cost, provider_id=reply.request_id),
        lambda error: ledger.Charged(cost, provider_id=error.request_id, problem=str(error)),
    )


def _call(
    context: JobContext[Any],
    planned: ledger.Planned,
    make: Callable[[], R],
    charged: Callable[[R], ledger.Charged],
    charged_anyway: Callable[[ports.ReplyError], ledger.Charged],
) -> R:
    context.raise_if_cancelled()
    with breaker.passage(planned.service) as passage:
        call = ledger.reserve(context, planned)
        crash_point("language.reserved")
        try:
            with context.span("language.call", {"academy.service": planned.service.value}):
                reply = make()
        except ports.ReplyError as error:
            _entered(partial(ledger.settle, call, charged_anyway(error)), passage.worked)
            context.log.warning("%s: unusable reply: %s", planned.purpose, error)
            raise UnusableReplyError(str(error)) from None
        except ports.ProviderError as error:
            _entered(partial(_enter_failure, call, error))
            context.log.warning("%s: %s", planned.purpose, error)
            raise _failure(error, passage) from None
        except BaseException:
            # Cancelled, out of time, or a mistake of ours: it was sent, and may be charged.
            _entered(partial(ledger.lose, call, "given up"))
            raise
        crash_point("language.answered")
        _entered(partial(ledger.settle, call, charged(reply)), passage.worked)
        return reply


def _entered(*steps: Callable[[], None]) -> None:
    """Enter what is known of a call, on a new connection where the old one has died meanwhile.

    A service may think for minutes; an answer that is paid for is not lost to an idle connection.
    """
    for step in steps:
        patiently(step)


def _enter_failure(call: Call, error: ports.ProviderError) -> None:
    enter = ledger.release if error.paid is False else ledger.lose
    enter(call, str(error), provider_id=error.request_id)


def _failure(
    error: ports.ProviderError, passage: breaker.Passage
) -> TransientError | PermanentError:
    """What a provider's failure means for the breaker and for the job."""
    match error:
        case ports.BusyError():
            passage.paused(error.retry_after)
            wait = max(SHORTEST_WAIT_SECONDS, error.retry_after or 0.0)
            return TransientError("language_busy", retry_after=wait)
        case ports.RefusedError():
            passage.worked()
            return PermanentError("language_refused", status=error.status)
    passage.failed()
    return TransientError("language_unavailable", retry_after=SHORTEST_WAIT_SECONDS)


def _masked(request: ports.ChatRequest) -> tuple[ports.ChatRequest, int]:
    clean = [(message, *guard.masked(message.text)) for message in request.messages]
    messages = [replace(message, text=text) for message, text, _ in clean]
    return replace(request, messages=messages), sum(count for _, _, count in clean)


def _of_tokens(
    prices: Chat, tokens: ports.Tokens | None, provider_id: str, problem: str = ""
) -> ledger.Charged:
    cost = None if tokens is None else money.chat_cost(prices, tokens)
    return ledger.Charged(cost, tokens, provider_id, problem)


def _chat() -> tuple[ChatModel, Chat]:
    configured = configuration.language().chat
    if configured is None:
        raise _missing(ServiceName.CHAT)
    return OpenAiChat(configured.service), configured


def _speech() -> tuple[SpeechToText, Speech]:
    configured = configuration.language().speech
    if configured is None:
        raise _missing(ServiceName.SPEECH)
    return OpenAiSpeech(configured.service), configured


def _missing(service: ServiceName) -> PermanentError:
    return PermanentError("model_not_configured", model=configuration.VARIABLES[service])
