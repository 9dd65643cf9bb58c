"""A kind may need rights of its own: to submit it, and to see what it was given and made."""

from __future__ import annotations

import json
from typing import Any

import pytest

from academy.core.errors import AppError
from academy.jobs import replay
from academy.jobs.context import Artifact, Done, JobContext
from academy.jobs.errors import PermanentError
from academy.jobs.submit import Submitter
from academy.tenants.scopes import DEFAULT_KEY_SCOPES, Scope
from tests.integration.jobs_api.conftest import JOBS
from tests.support.jobs import AnyParams, Handlers, make_job, run

pytestmark = pytest.mark.django_db

JOBS_ONLY = frozenset({Scope.JOBS_READ, Scope.JOBS_WRITE})


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> Handlers:
    return Handlers(monkeypatch)


@pytest.fixture
def guarded(handlers: Handlers) -> str:
    """A kind whose jobs are about students."""

    def make(context: JobContext[AnyParams]) -> Done:
        file = Artifact("list.csv", context.output_prefix + "list.csv", "text/csv", 3, "00" * 32)
        return Done(result={"about": "students"}, artifacts=[file])

    return handlers.kind(make, reads=Scope.STUDENTS_READ, writes=Scope.STUDENTS_WRITE)


def test_a_key_without_the_kinds_right_cannot_submit_it(
    client: Any, client_of: Any, tenant: Any, guarded: str
) -> None:
    without = client_of(tenant, JOBS_ONLY)
    for path, body in (
        (JOBS, {"kind": guarded}),
        (f"{JOBS}/batch", {"jobs": [{"kind": "test.ok"}, {"kind": guarded}]}),
    ):
        answer = without.post(path, body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "scope_missing")
        assert answer.json()["error"]["details"]["scope"] == "students:write"
    assert client.get(JOBS).json()["items"] == []
    assert without.submit("test.ok")["withheld"] is None
    assert client.submit(guarded)["withheld"] is None


def test_a_key_without_the_kinds_right_cannot_run_one_again(
    client_of: Any, tenant: Any, guarded: str
) -> None:
    job = make_job(tenant, guarded)
    client_of(tenant).post(f"{JOBS}/{job.pk}/cancel")
    answer = client_of(tenant, JOBS_ONLY).post(f"{JOBS}/{job.pk}/replay")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "scope_missing")
    assert client_of(tenant).post(f"{JOBS}/{job.pk}/replay").status_code == 202


def test_what_it_was_given_and_made_is_withheld_without_the_right(
    client: Any, client_of: Any, tenant: Any, guarded: str
) -> None:
    job = make_job(tenant, guarded, params={"n": 7})
    run(job)
    shown = client.get(f"{JOBS}/{job.pk}").json()
    assert (shown["params"], shown["result"]) == ({"n": 7}, {"about": "students"})
    assert ([item["name"] for item in shown["artifacts"]], shown["withheld"]) == (
        ["list.csv"],
        None,
    )
    without = client_of(tenant, JOBS_ONLY)
    hidden = without.get(f"{JOBS}/{job.pk}").json()
    assert (hidden["params"], hidden["result"], hidden["artifacts"]) == ({}, None, [])
    assert (hidden["withheld"], hidden["state"]) == ("students:read", "succeeded")
    stream = without.get(f"{JOBS}/{job.pk}/events", headers={"Accept": "text/event-stream"})
    frames = b"".join(stream.streaming_content).decode()
    (end,) = [part for part in frames.split("\n\n") if part.startswith("event: end")]
    told = json.loads(end.partition("data: ")[2])
    assert (told["params"], told["result"], told["withheld"]) == ({}, None, "students:read")


def test_kinds_say_the_rights_they_need(client: Any, guarded: str) -> None:
    told = {one["name"]: one["scopes"] for one in client.get("/api/v1/kinds").json()["items"]}
    assert told[guarded] == {"read": "students:read", "write": "students:write"}
    assert told["test.ok"] == {"read": None, "write": None}
    assert told["roster.import"] == {"read": "students:read", "write": "students:write"}
    assert told["sheets.read"] == {"read": "sheets:read", "write": "sheets:write"}


def test_staff_may_run_again_what_only_the_platform_submits(
    tenant: Any, handlers: Handlers
) -> None:
    def give_up(context: JobContext[AnyParams]) -> Done:
        raise PermanentError("internal_error")

    kind = handlers.kind(give_up, internal=True)
    job = make_job(tenant, kind)
    run(job)
    with pytest.raises(AppError) as caught:
        replay.job_replay(by=Submitter(tenant, "key:x", "", DEFAULT_KEY_SCOPES), job_id=job.pk)
    assert caught.value.code == "kind_unknown"
    again = replay.job_replay(by=Submitter(tenant, "user:1"), job_id=job.pk)
    assert (again.kind, again.replay_of_id, again.state) == (kind, job.pk, "queued")
