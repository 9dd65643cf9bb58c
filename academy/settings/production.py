"""Settings of production: https everywhere, static files collected and named by their hash."""

from __future__ import annotations

import os

from academy.settings.base import *
from academy.settings.base import common, storages
from academy.settings.env import Profile, load

ENV = load(Profile.PRODUCTION, os.environ)

globals().update(common(ENV))
STORAGES = storages(ENV, static_backend="whitenoise.storage.CompressedManifestStaticFilesStorage")

SECURE_HSTS_SECONDS = 365 * 24 * 3600
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_SSL_REDIRECT = True
# The load balancer asks over plain http, from inside.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
LANGUAGE_COOKIE_SECURE = True
if ENV.trusted_proxies:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
