"""The four buckets: academy's own command sets them up, with this environment's values.

``manage.py ensure_buckets`` runs here, not in the account: to change CORS and lifecycle rules needs
a key of Cloudflare that administers buckets, which no process of the platform should have.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from deploy.aws.errors import DeployError, Refused
from deploy.aws.r2 import Cloudflare, CloudflareError
from deploy.aws.secrets import Secrets
from deploy.aws.site import Site, process_environment
from deploy.aws.values import Values

_MANAGE = Path(__file__).resolve().parents[2] / "manage.py"
_SECONDS = 180
#: Keys that may administer buckets; without them the platform's own are tried.
ADMIN = {"R2_ACCESS_KEY_ID": "BUCKETS_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY": "BUCKETS_SECRET_KEY"}
_INHERITED = ("PATH", "HOME", "LANG", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE")


def ensure(site: Site, values: Values, *, check: bool = False) -> None:
    """Bring the buckets to what the platform needs; with ``check`` only compare (DeployError)."""
    environment = _environment(site, values)
    arguments = ["ensure_buckets", *(["--check"] if check else [])]
    try:
        done = subprocess.run(
            [sys.executable, str(_MANAGE), *arguments],
            env=environment,
            check=False,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise DeployError(f"ensure_buckets took longer than {_SECONDS} s.") from None
    for line in done.stdout.splitlines():
        site.say(f"  {line}")
    if done.returncode:
        said = "\n".join(f"  | {line}" for line in done.stderr.strip().splitlines()[-8:])
        raise DeployError(
            f"ensure_buckets ended with status {done.returncode}:\n{said}".rstrip(":\n")
        )
    if not check:
        _make_private(site, environment)


def _environment(site: Site, values: Values) -> dict[str, str]:
    """The variables of the platform's own processes, and none of this shell's."""
    stored = Secrets(site.aws, site.environment).read()
    plain = process_environment(values)
    if missing := {"R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"} - stored.keys():
        raise Refused("The keys of the object store are not stored:", sorted(missing))
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    admin = {name: os.environ[key] for name, key in ADMIN.items() if os.environ.get(key)}
    wanted = {name for name in stored if not name.endswith("TUNNEL_TOKEN")}
    return inherited | plain | {name: stored[name] for name in wanted} | admin


def _make_private(site: Site, environment: dict[str, str]) -> None:
    cloudflare = Cloudflare.here(environment["R2_ENDPOINT_URL"])
    if cloudflare is None:
        return
    buckets = sorted(
        value
        for name, value in environment.items()
        if name.startswith("R2_") and name.endswith("_BUCKET")
    )
    try:
        for bucket in buckets:
            if cloudflare.is_public(bucket):
                cloudflare.make_private(bucket)
                site.say(f"  {bucket}: public at r2.dev, turned off")
    except CloudflareError as error:
        raise DeployError(
            f"Public access of the buckets could not be turned off: {error}"
        ) from None
