"""Uploads over REST on a real store: nothing a client declares is believed."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.core.management import call_command
from django.db import connection
from rest_framework.test import APIClient

from academy.core import clock
from academy.core.errors import AppError
from academy.core.ids import new_id
from academy.core.storage import MIB, ObjectStore, StorageError
from academy.tenants.models import Tenant
from academy.tenants.plans import UploadLimits
from academy.tenants.scopes import Scope
from academy.uploads.models import Upload
from academy.uploads.purposes import Purpose
from academy.uploads.services import UPLOAD_LIFETIME, upload_complete, upload_create, upload_ready
from academy.uploads.sweep import CLEAN_AFTER, uploads_sweep
from tests.support.rest import error_of, key_client, new_tenant

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db,
    pytest.mark.usefixtures("buckets"),
]

MP4 = b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2avc1mp41"


def video(size: int = 5_000) -> bytes:
    return MP4 + os.urandom(size - len(MP4))


def sha256_of(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    made = new_tenant().tenant
    yield made
    for row in Upload.objects.for_tenant(made):
        row.store.delete(row.key)


@pytest.fixture
def client(tenant: Tenant) -> APIClient:
    return key_client(tenant)


def begin(client: APIClient, body: bytes, **fields: Any) -> Any:
    declared = {
        "filename": "미적분 12강.mp4",
        "size": len(body),
        "content_type": "video/mp4",
        "purpose": "video",
        **fields,
    }
    return client.post("/api/v1/uploads", declared, format="json")


def send(request: dict[str, Any], body: bytes) -> httpx.Response:
    headers = {k: v for k, v in request["headers"].items() if k != "Content-Length"}
    return httpx.put(request["url"], content=body, headers=headers, timeout=30)


def complete(client: APIClient, upload_id: str, **fields: Any) -> Any:
    return client.post(f"/api/v1/uploads/{upload_id}/complete", fields, format="json")


def row_of(upload_id: str) -> Upload:
    return Upload.unscoped.get(pk=upload_id)


def test_a_file_goes_up_is_verified_and_stays_verified(client: APIClient, tenant: Tenant) -> None:
    body = video()
    answer = begin(client, body, sha256=sha256_of(body))
    assert answer.status_code == 201, answer.content
    opened = answer.json()
    assert answer.headers["Location"].endswith(f"/api/v1/uploads/{opened['id']}")
    assert opened["multipart"] is None
    assert send(opened["put"], body).status_code == 200
    done = complete(client, opened["id"]).json()
    assert (done["state"], done["sniffed_type"]) == ("complete", "video/mp4")
    assert complete(client, opened["id"]).json() == done
    upload = upload_ready(
        tenant=tenant.pk, upload_id=row_of(opened["id"]).pk, purposes={Purpose.VIDEO}
    )
    assert upload.key == f"t/{tenant.pk}/uploads/{upload.pk}/source"
    assert upload.store.read(upload.key) == body
    shown = client.get(f"/api/v1/uploads/{opened['id']}").json()
    assert (shown["put"], shown["multipart"]) == (None, None)


def test_the_users_file_name_is_in_no_key(client: APIClient) -> None:
    opened = begin(client, video(), filename="../../etc/passwd").json()
    assert opened["filename"] == "../../etc/passwd"
    assert "passwd" not in row_of(opened["id"]).key
    assert "passwd" not in opened["put"]["url"]


def test_completing_before_the_file_arrived_changes_nothing(client: APIClient) -> None:
    body = video()
    opened = begin(client, body).json()
    error = error_of(complete(client, opened["id"]), 409)
    assert (error["code"], error["retryable"]) == ("upload_incomplete", True)
    send(opened["put"], body)
    assert complete(client, opened["id"]).status_code == 200


@pytest.mark.parametrize(
    ("stored", "fields", "code"),
    [
        (b"MZ\x90\x00" + b"\0" * 4_996, {}, "upload_type_mismatch"),
        (b"<svg>" + b" " * 4_995, {}, "upload_type_mismatch"),
        (MP4 + b"\0" * 10, {}, "upload_size_mismatch"),
    ],
    ids=["program", "markup", "size"],
)
def test_a_file_that_is_not_what_was_declared_is_removed_for_good(
    client: APIClient, stored: bytes, fields: dict[str, Any], code: str
) -> None:
    opened = begin(client, video(), **fields).json()
    row = row_of(opened["id"])
    # The signature would refuse another size: put it there as a faulty store might.
    row.store.put_bytes(row.key, stored, "video/mp4")
    assert error_of(complete(client, opened["id"]), 422)["code"] == code
    assert row.store.head(row.key) is None
    assert error_of(complete(client, opened["id"]), 422)["code"] == code
    shown = client.get(f"/api/v1/uploads/{opened['id']}").json()
    assert (shown["state"], shown["error_code"], shown["put"]) == ("rejected", code, None)


def test_another_body_of_the_right_size_is_refused_by_the_store_and_by_us(
    client: APIClient,
) -> None:
    body = video()
    opened = begin(client, body, sha256=sha256_of(body)).json()
    other = video()
    assert send(opened["put"], other).status_code == 400
    row = row_of(opened["id"])
    row.store.put_bytes(row.key, other, "video/mp4")
    error = error_of(complete(client, opened["id"]), 422)
    assert error["code"] == "upload_checksum_mismatch"


def test_a_verified_file_cannot_be_exchanged_with_the_old_signature(client: APIClient) -> None:
    body = video()
    opened = begin(client, body).json()
    send(opened["put"], body)
    complete(client, opened["id"])
    assert send(opened["put"], video()).status_code == 412


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"content_type": "text/html"}, 400, "upload_type_refused"),
        ({"content_type": "image/svg+xml", "purpose": "image"}, 400, "upload_type_refused"),
        ({"size": 21 * 1024**3}, 413, "upload_too_large"),
        ({"size": 0}, 400, "validation_failed"),
        ({"size": "5"}, 400, "validation_failed"),
        ({"size": 2**63}, 400, "validation_failed"),
        ({"purpose": "backup"}, 400, "validation_failed"),
        ({"sha256": "x" * 44}, 400, "validation_failed"),
        ({"sha256": sha256_of(b""), "multipart": True}, 400, "validation_failed"),
        ({"size": 6 * 1024**3, "multipart": False}, 400, "validation_failed"),
        ({"filename": "a\u0000b"}, 400, "malformed_request"),
        ({"key": "t/other/source"}, 400, "unknown_field"),
    ],
)
def test_what_cannot_be_uploaded_is_refused_and_nothing_stored(
    client: APIClient, fields: dict[str, Any], status: int, code: str
) -> None:
    assert error_of(begin(client, video(), **fields), status)["code"] == code
    assert Upload.unscoped.count() == 0


def test_a_large_file_goes_up_in_parts_and_resumes_where_it_stopped(
    client: APIClient, tenant: Tenant
) -> None:
    size = 17 * MIB
    body = video(size)
    opened = begin(client, body, multipart=True).json()
    assert opened["put"] is None
    assert (opened["multipart"]["part_size"], opened["multipart"]["count"]) == (16 * MIB, 2)
    path = f"/api/v1/uploads/{opened['id']}"
    pieces = [body[: 16 * MIB], body[16 * MIB :]]
    wanted = [{"number": 1, "sha256": sha256_of(pieces[0])}, {"number": 2}]
    first, second = client.post(f"{path}/parts", {"parts": wanted}, format="json").json()["parts"]
    assert (first["size"], second["size"]) == (16 * MIB, MIB)
    assert send(first, os.urandom(16 * MIB)).status_code == 400
    assert send(second, pieces[1] + b"x").status_code == 403
    assert send(first, pieces[0]).status_code == 200

    resumed = client.get(path).json()["multipart"]
    assert [part["number"] for part in resumed["stored"]] == [1]
    error = error_of(complete(client, opened["id"]), 409)
    assert (error["code"], error["details"]) == ("upload_incomplete", {"missing": [2], "count": 1})
    assert send(second, pieces[1]).status_code == 200

    etags = {
        part["number"]: part["etag"] for part in client.get(path).json()["multipart"]["stored"]
    }
    wrong = [{"number": 1, "etag": etags[1]}, {"number": 2, "etag": "0" * 32}]
    error = error_of(complete(client, opened["id"], parts=wrong), 409)
    assert (error["code"], error["details"]) == ("upload_parts_mismatch", {"parts": [2]})
    right = [{"number": number, "etag": f'"{etag}"'} for number, etag in etags.items()]
    assert complete(client, opened["id"], parts=right).json()["state"] == "complete"
    row = row_of(opened["id"])
    assert hashlib.sha256(row.store.read(row.key)).digest() == hashlib.sha256(body).digest()


def test_a_completion_whose_answer_was_lost_is_taken_up_again(
    client: APIClient, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = video()
    opened = begin(client, body, multipart=True).json()
    path = f"/api/v1/uploads/{opened['id']}"
    signed = client.post(f"{path}/parts", {"parts": [{"number": 1}]}, format="json").json()
    send(signed["parts"][0], body)
    genuine = ObjectStore.multipart_complete

    def lost(self: ObjectStore, *arguments: Any) -> None:
        genuine(self, *arguments)
        raise StorageError("storage_unavailable", "multipart_complete", "")

    monkeypatch.setattr(ObjectStore, "multipart_complete", lost)
    answer = complete(client, opened["id"])
    assert error_of(answer, 503)["code"] == "storage_unavailable"
    assert answer.headers["Retry-After"]
    monkeypatch.setattr(ObjectStore, "multipart_complete", genuine)
    assert complete(client, opened["id"]).json()["state"] == "complete"


@pytest.mark.parametrize(
    ("parts", "status", "code"),
    [
        ([], 400, "validation_failed"),
        ([{"number": 2}], 400, "validation_failed"),
        ([{"number": 0}], 400, "validation_failed"),
        ([{"number": 1}, {"number": 1}], 400, "validation_failed"),
        ([{"number": 1, "size": 3}], 400, "unknown_field"),
        ([{"number": 1}] * 101, 400, "validation_failed"),
    ],
)
def test_parts_outside_the_plan_are_not_signed(
    client: APIClient, parts: list[Any], status: int, code: str
) -> None:
    opened = begin(client, video(), multipart=True).json()
    answer = client.post(f"/api/v1/uploads/{opened['id']}/parts", {"parts": parts}, format="json")
    assert error_of(answer, status)["code"] == code


def test_a_single_put_has_no_parts(client: APIClient) -> None:
    opened = begin(client, video()).json()
    body = {"parts": [{"number": 1}]}
    answer = client.post(f"/api/v1/uploads/{opened['id']}/parts", body, format="json")
    assert error_of(answer, 409)["code"] == "upload_single_put"


def test_a_store_that_is_away_leaves_no_row_behind(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> str:
        raise StorageError("storage_unavailable", "multipart_start", "")

    monkeypatch.setattr(ObjectStore, "multipart_start", away)
    error_of(begin(client, video(), multipart=True), 503)
    assert Upload.unscoped.count() == 0


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = UploadLimits(open_uploads=2, open_bytes=12_000, file_bytes=8_000)
    monkeypatch.setattr("academy.uploads.services.upload_limits_of", lambda _tenant: limits)


@pytest.mark.usefixtures("small_limits")
def test_open_uploads_and_their_bytes_are_limited_and_ending_one_makes_room(
    client: APIClient,
) -> None:
    assert error_of(begin(client, video(9_000)), 413)["details"] == {"limit_bytes": 8_000}
    first = begin(client, video(8_000)).json()
    assert error_of(begin(client, video(5_000)), 429)["details"] == {"open_bytes": 12_000}
    assert begin(client, video(1_000)).status_code == 201
    assert error_of(begin(client, video(1_000)), 429)["details"] == {"open_uploads": 2}
    assert client.delete(f"/api/v1/uploads/{first['id']}").status_code == 204
    assert begin(client, video(5_000)).status_code == 201


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small_limits")
def test_declarations_side_by_side_keep_to_the_limit(tenant: Tenant) -> None:
    def declare(_: int) -> bool:
        try:
            upload_create(
                tenant=tenant,
                filename="a",
                size=1_000,
                content_type="video/mp4",
                purpose=Purpose.VIDEO,
            )
        except AppError as error:
            return {"upload_limit": False}[error.code]
        else:
            return True
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(declare, range(6))) == 2


@pytest.mark.django_db(transaction=True)
def test_completions_side_by_side_agree(tenant: Tenant, client: APIClient) -> None:
    body = video()
    opened = begin(client, body).json()
    send(opened["put"], body)
    upload_id = row_of(opened["id"]).pk

    def finish(_: int) -> Any:
        try:
            return upload_complete(tenant=tenant, upload_id=upload_id).completed_at
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(finish, range(4)))) == 1


def test_another_academys_upload_does_not_exist(client: APIClient) -> None:
    opened = begin(client, video()).json()
    stranger = key_client(new_tenant().tenant)
    path = f"/api/v1/uploads/{opened['id']}"
    for answer in (
        stranger.get(path),
        stranger.delete(path),
        stranger.post(f"{path}/complete", {}, format="json"),
        stranger.post(f"{path}/parts", {"parts": [{"number": 1}]}, format="json"),
        client.get(f"/api/v1/uploads/{new_id()}"),
    ):
        assert error_of(answer, 404)["code"] == "not_found"
    assert stranger.get("/api/v1/uploads").json()["items"] == []
    assert [item["id"] for item in client.get("/api/v1/uploads").json()["items"]] == [opened["id"]]


def test_reading_needs_less_than_writing(tenant: Tenant) -> None:
    reader = key_client(tenant, Scope.UPLOADS_READ)
    assert reader.get("/api/v1/uploads").status_code == 200
    assert error_of(begin(reader, video()), 403)["code"] == "scope_missing"


def test_a_job_takes_only_a_complete_upload_of_its_purpose(
    client: APIClient, tenant: Tenant
) -> None:
    body = video()
    opened = begin(client, body).json()
    upload_id = row_of(opened["id"]).pk

    def refusal(purpose: Purpose, whose: Tenant = tenant) -> str:
        with pytest.raises(AppError) as caught:
            upload_ready(tenant=whose, upload_id=upload_id, purposes={purpose})
        return caught.value.code

    assert refusal(Purpose.VIDEO) == "upload_not_complete"
    assert refusal(Purpose.PDF) == "upload_wrong_purpose"
    assert refusal(Purpose.VIDEO, new_tenant().tenant) == "upload_not_found"


def test_a_complete_upload_cannot_be_deleted_as_one(client: APIClient) -> None:
    body = video()
    opened = begin(client, body).json()
    send(opened["put"], body)
    complete(client, opened["id"])
    answer = client.delete(f"/api/v1/uploads/{opened['id']}")
    assert error_of(answer, 409)["code"] == "upload_already_complete"
    row = row_of(opened["id"])
    assert row.store.head(row.key) is not None


def test_an_abandoned_upload_expires_and_its_leftovers_go(client: APIClient) -> None:
    single, cut = begin(client, video()).json(), begin(client, video(), multipart=True).json()
    body = video()
    signed = client.post(
        f"/api/v1/uploads/{cut['id']}/parts", {"parts": [{"number": 1}]}, format="json"
    ).json()
    send(signed["parts"][0], body)
    single_row, cut_row = row_of(single["id"]), row_of(cut["id"])
    assert uploads_sweep() == 0

    with clock.shifted(UPLOAD_LIFETIME + timedelta(minutes=1)):
        assert uploads_sweep() == 2
        error = error_of(complete(client, single["id"]), 409)
        assert error["code"] == "upload_expired"
        # A PUT that began in time arrives late.
        single_row.store.put_bytes(single_row.key, body, "video/mp4")
        assert uploads_sweep() == 0
    with clock.shifted(UPLOAD_LIFETIME + CLEAN_AFTER + timedelta(minutes=1)):
        assert uploads_sweep() == 2
        assert uploads_sweep() == 0
    assert single_row.store.head(single_row.key) is None
    with pytest.raises(StorageError) as caught:
        cut_row.store.multipart_parts(cut_row.key, cut_row.multipart_id)
    assert caught.value.code == "object_missing"


def test_a_sweep_that_meets_a_silent_store_tries_again_later(
    client: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = begin(client, video()).json()
    genuine = ObjectStore.delete

    def silent(self: ObjectStore, key: str) -> None:
        raise StorageError("storage_unavailable", "delete", key)

    with clock.shifted(UPLOAD_LIFETIME + CLEAN_AFTER + timedelta(minutes=1)):
        monkeypatch.setattr(ObjectStore, "delete", silent)
        assert uploads_sweep() == 1
        assert row_of(opened["id"]).cleaned_at is None
        monkeypatch.setattr(ObjectStore, "delete", genuine)
        call_command("uploads_sweep")
    assert row_of(opened["id"]).cleaned_at is not None


def test_complete_uploads_are_never_swept(client: APIClient) -> None:
    body = video()
    opened = begin(client, body).json()
    send(opened["put"], body)
    complete(client, opened["id"])
    with clock.shifted(timedelta(days=400)):
        assert uploads_sweep() == 0
    row = row_of(opened["id"])
    assert row.store.head(row.key) is not None
