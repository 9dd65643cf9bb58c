"""Settings of the test profile."""

from __future__ import annotations

import os

from academy.settings.base import *
from academy.settings.base import common, storages
from academy.settings.env import Profile, load

ENV = load(Profile.TEST, os.environ)

globals().update(common(ENV, process=os.environ.get("ACADEMY_PROCESS", "command")))
STORAGES = storages(
    ENV.objects, static_backend="django.contrib.staticfiles.storage.StaticFilesStorage"
)
