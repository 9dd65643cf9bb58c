"""Settings of a platform on one's own machine (``make up``, ``make demo``)."""

from __future__ import annotations

import os

from academy.settings.base import *
from academy.settings.base import common, storages
from academy.settings.env import Profile, load

ENV = load(Profile.LOCAL, os.environ)

globals().update(common(ENV))
STORAGES = storages(ENV, static_backend="django.contrib.staticfiles.storage.StaticFilesStorage")
# Static files come straight from the packages: no collectstatic between an edit and a look.
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
