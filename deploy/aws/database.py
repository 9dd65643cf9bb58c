"""The environment's database, a stack of its own: made once, and never taken down from here.

Its password is made here and kept in the parameter store, where CloudFormation and the platform's
processes read it; nobody has to see it. Whoever has a PostgreSQL stores its DATABASE_URL instead.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from deploy.aws import changes
from deploy.aws.cloudformation import Stack
from deploy.aws.errors import Refused
from deploy.aws.lock import held
from deploy.aws.secrets import Secrets
from deploy.aws.site import Site
from deploy.aws.template import Template

TEMPLATE = Path(__file__).resolve().parents[1] / "database.yaml"
_PASSWORD, _ADDRESS = "DATABASE_PASSWORD", "DATABASE_URL"
_SHARED = ("VpcId", "SubnetIds")
#: For the environment's file: what the platform's stack has to be told.
_TOLD = ("DatabaseInstance", "DatabaseSecurityGroupId")


def ensure(site: Site, confirm: Callable[[str], bool]) -> dict[str, str]:
    """Make or change the database's stack, and store its address; returns the stack's outputs."""
    environment = site.environment
    template = Template.read(TEMPLATE)
    given = template.values(
        {"Environment": environment.name, "Size": environment.size}
        | {name: environment.parameters[name] for name in _SHARED if name in environment.parameters}
    )
    stack = Stack(site.aws, f"{environment.stack}-database", site.say)
    secrets = Secrets(site.aws, environment)
    site.store.ensure()
    with held(site.store, "database"):
        before, old = stack.parameters(), stack.template()
        # CloudFormation reads the password while it prepares the change.
        secrets.store({_PASSWORD}, site.say)
        change = stack.prepare(template, given, tags=site.tags, upload=site.store.template_address)
        if change is None:
            site.say("The database is as its template says.")
        else:
            for line in changes.plan_lines(change.changes, old, template, (before, given)):
                site.say(line)
            lost = [one.name for one in change.changes if one.loses_data]
            if lost or not confirm(f"Do this to {stack.name}?"):
                stack.discard(change)
                if lost:
                    raise Refused("The plan replaces or removes what holds the rows:", lost)
                raise Refused("Nothing was changed, but for the stored password.")
            stack.execute(change)
        outputs = stack.outputs()
        _store_address(site, secrets, outputs["DatabaseHost"])
    for name in _TOLD:
        if environment.parameters.get(name) != outputs[name]:
            site.say(f"Write into deploy/environments/{environment.name}.yaml, parameters:")
            site.say(f"  {name}: {outputs[name]}")
    return outputs


def _store_address(site: Site, secrets: Secrets, host: str) -> None:
    """Where none is stored: an address that was changed by hand stays."""
    stored = secrets.read()
    if stored.get(_ADDRESS):
        return
    password = quote(stored[_PASSWORD], safe="")
    secrets.put(_ADDRESS, f"postgresql://academy:{password}@{host}:5432/academy?sslmode=require")
    site.say(f"  {secrets.prefix}{_ADDRESS}: stored")
