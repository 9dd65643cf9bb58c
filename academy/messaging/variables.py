"""`#{variables}` of templates, as Kakao writes them. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from academy.messaging.text import TextError, normal

_VARIABLE: Final = re.compile(r"#\{([^{}#\n]{1,40})\}")
_LOOKS_LIKE_ONE: Final = re.compile(r"[#$]\s*\{[^}\n]*\}?|\{\{[^}\n]*\}\}")
VALUE_CHARS: Final = 500
MOST_VARIABLES: Final = 30


@lru_cache(maxsize=64)
def names(text: str) -> tuple[str, ...]:
    """The variables of a text, each once, in its order.

    Raises TextError message_variable_malformed for what was meant as one and is not, such as
    ``${이름}`` or ``#{이름``: it would go out as it stands. message_variables_too_many.
    """
    found = tuple(dict.fromkeys(match[1].strip() for match in _VARIABLE.finditer(text)))
    # Typed in full width it looks the same on a phone.
    rest = unicodedata.normalize("NFKC", _VARIABLE.sub("", text))
    wrong = _LOOKS_LIKE_ONE.search(rest)
    if wrong is not None or "" in found:
        raise TextError("message_variable_malformed", text=wrong[0] if wrong else "#{ }")
    if len(found) > MOST_VARIABLES:
        raise TextError("message_variables_too_many", limit=MOST_VARIABLES)
    return found


def render(text: str, values: Mapping[str, str]) -> str:
    """The text with its variables filled in.

    A value is never looked into for variables, so that a name cannot bring in another. Raises
    TextError: message_variable_missing (there is none, or it is empty), message_value_too_long,
    and what `names` raises.
    """
    wanted = names(text)
    filled = {name: normal(str(values.get(name, ""))) for name in wanted}
    missing = [name for name in wanted if not filled[name]]
    if missing:
        raise TextError("message_variable_missing", names=", ".join(missing))
    for name in wanted:
        if len(filled[name]) > VALUE_CHARS:
            raise TextError("message_value_too_long", name=name, limit=VALUE_CHARS)
    return _VARIABLE.sub(lambda match: filled[match[1].strip()], text)
