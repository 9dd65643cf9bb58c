"""The releases of an environment: what was deployed, when, by whom, and how it ended.

Each release keeps the template and the values that it was made from, so going back is deploying
exactly what served before, not what a branch says today.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from deploy.aws.errors import DeployError
from deploy.aws.store import Store
from deploy.aws.template import Template

_PREFIX = "releases/"
Outcome = Literal["started", "serves", "failed", "rolled back"]


class Release(BaseModel):
    """One deployment of one environment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: int
    tag: str
    outcome: Outcome
    at: str
    by: str
    template: str
    parameters: dict[str, str]
    #: Address to digest.
    images: dict[str, str]
    #: The release whose template, values and images these are, where this was a way back.
    again: int | None = None
    why: str = ""

    def line(self) -> str:
        """The release in a list."""
        note = f" (again {self.again})" if self.again else ""
        why = f": {self.why.splitlines()[0]}" if self.why else ""
        return f"{self.number:>5}  {self.at}  {self.tag:<24} {self.outcome}{note}  {self.by}{why}"


class Releases:
    """The book of releases in the environment's store."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def all(self) -> list[Release]:
        """Every release, oldest first."""
        if not self.store.exists():
            return []
        found = (self.store.read(key) for key in self.store.keys(_PREFIX))
        return [Release.model_validate(one.value) for one in found if one is not None]

    def current(self) -> Release | None:
        """The one that serves."""
        return next((one for one in reversed(self.all()) if one.outcome == "serves"), None)

    def before(self, number: int | None = None) -> Release:
        """The one to go back to: the last that served before the current one, or a named one."""
        found = self.all()
        if number is not None:
            chosen = next((one for one in found if one.number == number), None)
            if chosen is None or chosen.outcome != "serves":
                raise DeployError(f"Release {number} never served; see `make releases`.")
            return chosen
        current = self.current()
        if current is None:
            raise DeployError("Nothing was ever deployed here, so there is nothing to go back to.")
        for one in reversed(found):
            if one.outcome == "serves" and one.tag != current.tag:
                return one
        raise DeployError(f"There is no release before {current.tag} to go back to.")

    def begin(
        self,
        tag: str,
        template: Template,
        parameters: Mapping[str, str],
        images: Mapping[str, str],
        *,
        by: str,
        again: int | None = None,
    ) -> Release:
        """Note that a release begins; its template is kept with it."""
        self.store.template_address(template)
        numbers = [one.number for one in self.all()]
        release = Release(
            number=max(numbers, default=0) + 1,
            tag=tag,
            outcome="started",
            at=time.strftime("%Y-%m-%d %H:%M", time.gmtime()),
            by=by,
            template=template.digest,
            parameters=dict(parameters),
            images=dict(images),
            again=again,
        )
        self._write(release)
        return release

    def end(self, release: Release, outcome: Outcome, why: str = "") -> Release:
        """Note how it ended."""
        ended = release.model_copy(update={"outcome": outcome, "why": why})
        self._write(ended)
        return ended

    def template(self, release: Release) -> Template:
        """What a release was made from."""
        return self.store.template(release.template)

    def _write(self, release: Release) -> None:
        self.store.write(f"{_PREFIX}{release.number:06}.json", release.model_dump())
