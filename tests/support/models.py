"""Whether this host can run models, for the tests that need one."""

from __future__ import annotations

import importlib.util
import os

import pytest

needs_encoder = [
    pytest.mark.skipif(
        not os.environ.get("MODEL_REGISTRY"), reason="no local registry of models: make models"
    ),
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is not installed"),
]
