"""Settings of the tests: everything has a default, so that pure tests need no service."""

from __future__ import annotations

import os

from academy.settings.base import *
from academy.settings.base import common, storages
from academy.settings.env import Profile, load

ENV = load(Profile.TEST, os.environ)

globals().update(common(ENV))
STORAGES = storages(ENV, static_backend="django.contrib.staticfiles.storage.StaticFilesStorage")
ALLOWED_HOSTS = [*ENV.allowed_hosts, "testserver"]
STATIC_ROOT = None
WHITENOISE_USE_FINDERS = True
# One test signs in dozens of times; production's hash takes a third of a second each.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Kinds that fail, hang and fan out on demand, for the chaos harness and its workers.
if os.environ.get("ACADEMY_TEST_KINDS") == "1":
    INSTALLED_APPS = [*INSTALLED_APPS, "tests.support.kinds"]
