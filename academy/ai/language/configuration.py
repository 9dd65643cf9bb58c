"""What the operator configured; nothing, where nobody did."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from django.conf import settings

from academy.ai.language.models import ServiceName
from academy.settings.language import Chat, LanguageEnvironment, Speech

VARIABLES: Final[Mapping[ServiceName, str]] = MappingProxyType(
    {ServiceName.CHAT: "LLM_BASE_URL", ServiceName.SPEECH: "SPEECH_BASE_URL"}
)
"""What an operator sets to have the service."""


def language() -> LanguageEnvironment:
    """All of it."""
    found: LanguageEnvironment = settings.LANGUAGE
    return found


def of(service: ServiceName) -> Chat | Speech | None:
    """One service."""
    return language().chat if service is ServiceName.CHAT else language().speech
