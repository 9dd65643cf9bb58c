"""Translate the user's pip configuration into uv's environment.

uv does not read pip.conf or PIP_* variables. A machine that reaches packages through a mirror, a
wheel folder or its own certificate authority has told pip about it, so what pip knows is handed on.
Standard library only: this runs before anything is installed.
"""

from __future__ import annotations

import ast
import os
import shlex
import subprocess
from pathlib import Path
from typing import Mapping

# pip's option -> uv's variable, for the options whose values mean the same to both.
_SAME_MEANING = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT",
}
_SECTIONS = ("global", "install", ":env:")  # later ones win, as in pip
_TRUE = frozenset({"1", "true", "yes", "on", "y", "t"})


def parse_pip_config(listing: str) -> dict[str, str]:
    """Options from the output of `pip config list`, merged with pip's own precedence."""
    sections: dict[str, dict[str, str]] = {name: {} for name in _SECTIONS}
    for line in listing.splitlines():
        name, separator, value = line.partition("=")
        section, dot, option = name.strip().partition(".")
        if not separator or not dot or section not in sections:
            continue
        try:
            text = str(ast.literal_eval(value.strip()))
        except (SyntaxError, ValueError):
            text = value.strip()
        sections[section][option] = text
    merged: dict[str, str] = {}
    for name in _SECTIONS:
        merged.update(sections[name])
    return merged


def uv_variables(pip_options: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    """Translate options for uv; a variable that is already set stays as it is."""
    result: dict[str, str] = {}
    for option, variable in _SAME_MEANING.items():
        value = pip_options.get(option)
        if value and variable not in present:
            separator = "," if variable == "UV_FIND_LINKS" else " "
            result[variable] = separator.join(shlex.split(value))
    if pip_options.get("no-index", "").lower() in _TRUE and "UV_NO_INDEX" not in present:
        result["UV_NO_INDEX"] = "1"
    several = "UV_INDEX" in result or "UV_INDEX" in present
    if several and "UV_INDEX_STRATEGY" not in present:
        # pip looks at all indexes alike; every file is checked against its recorded hash anyway.
        result["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return result


def uv_environment(python: Path) -> dict[str, str]:
    """The environment in which to run uv: this process's own plus what `python -m pip` knows."""
    listing = subprocess.run(
        [str(python), "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    options = parse_pip_config(listing.stdout) if listing.returncode == 0 else {}
    environment = {**os.environ, **uv_variables(options, os.environ)}
    environment.pop("VIRTUAL_ENV", None)
    return environment
