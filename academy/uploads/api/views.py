"""Uploads over REST: declare, send to the store, complete."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core.http.openapi import example
from academy.core.http.serializers import parse_body
from academy.core.http.views import PagedView
from academy.core.storage import SignedRequest
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope
from academy.uploads.api.serializers import (
    OpenUploadSerializer,
    PartsToSignSerializer,
    SignedPartsSerializer,
    UploadCompleteSerializer,
    UploadCreateSerializer,
    UploadSerializer,
)
from academy.uploads.models import Upload, UploadState
from academy.uploads.purposes import Purpose
from academy.uploads.services import (
    SIGNATURE_SECONDS,
    sign_parts,
    sign_put,
    stored_parts,
    upload_complete,
    upload_create,
    upload_delete,
    upload_get,
    uploads_of,
)


def _request_body(request: SignedRequest | None) -> dict[str, Any] | None:
    if request is None:
        return None
    return {
        "method": "PUT",
        "url": request.url,
        "headers": request.headers,
        "expires_in": SIGNATURE_SECONDS,
    }


def _open_body(upload: Upload) -> dict[str, Any]:
    plan = upload.parts if upload.state == UploadState.PENDING else None
    multipart = plan and {
        "part_size": plan.part_size,
        "count": plan.count,
        "stored": stored_parts(upload),
    }
    body = {
        **UploadSerializer(upload).data,
        "put": _request_body(sign_put(upload)),
        "multipart": multipart,
    }
    return dict(OpenUploadSerializer(body).data)


class UploadsView(PagedView):
    """The academy's uploads."""

    required_scopes = {"GET": Scope.UPLOADS_READ, "POST": Scope.UPLOADS_WRITE}

    @extend_schema(
        operation_id="uploads_list",
        tags=["uploads"],
        responses={200: UploadSerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        """List the academy's uploads, newest first."""
        return self.page(request, uploads_of(principal_of(request).tenant), UploadSerializer)

    @extend_schema(
        operation_id="uploads_create",
        tags=["uploads"],
        request=UploadCreateSerializer,
        responses={201: OpenUploadSerializer},
        examples=[
            example(
                "A lecture",
                {
                    "filename": "calculus-12.mp4",
                    "size": 734003200,
                    "content_type": "video/mp4",
                    "purpose": "video",
                },
            ),
            example(
                "A scan with its checksum",
                {
                    "filename": "omr-2026-03.pdf",
                    "size": 5242880,
                    "content_type": "application/pdf",
                    "purpose": "pdf",
                    "sha256": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
                },
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        """Declare a file and get the signed request (or the cut into parts) to send it with."""
        data = parse_body(request, UploadCreateSerializer)
        upload = upload_create(
            tenant=principal_of(request).tenant,
            filename=data["filename"],
            size=data["size"],
            content_type=data["content_type"],
            purpose=Purpose(data["purpose"]),
            sha256=data.get("sha256"),
            multipart=data.get("multipart"),
        )
        location = request.build_absolute_uri(f"/api/v1/uploads/{upload.pk}")
        return Response(
            _open_body(upload), status=status.HTTP_201_CREATED, headers={"Location": location}
        )


class UploadView(APIView):
    """One upload."""

    required_scopes = {"GET": Scope.UPLOADS_READ, "DELETE": Scope.UPLOADS_WRITE}

    @extend_schema(
        operation_id="uploads_get", tags=["uploads"], responses={200: OpenUploadSerializer}
    )
    def get(self, request: Request, upload_id: UUID) -> Response:
        """Read an upload; while it is open, with all that is needed to resume it."""
        upload = upload_get(tenant=principal_of(request).tenant, upload_id=upload_id)
        return Response(_open_body(upload))

    @extend_schema(
        operation_id="uploads_delete",
        tags=["uploads"],
        responses={204: OpenApiResponse(description="Done.")},
    )
    def delete(self, request: Request, upload_id: UUID) -> Response:
        """Drop an upload that is not complete."""
        upload_delete(tenant=principal_of(request).tenant, upload_id=upload_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class UploadPartsView(APIView):
    """Parts."""

    required_scopes = {"POST": Scope.UPLOADS_WRITE}

    @extend_schema(
        operation_id="uploads_sign_parts",
        tags=["uploads"],
        request=PartsToSignSerializer,
        responses={200: SignedPartsSerializer},
        examples=[example("Two parts", {"parts": [{"number": 1}, {"number": 2}]})],
    )
    def post(self, request: Request, upload_id: UUID) -> Response:
        """Sign the requests of up to a hundred parts."""
        data = parse_body(request, PartsToSignSerializer)
        signed = sign_parts(
            tenant=principal_of(request).tenant,
            upload_id=upload_id,
            parts={part["number"]: part.get("sha256") for part in data["parts"]},
        )
        parts = [
            {**(_request_body(part.request) or {}), "number": part.number, "size": part.size}
            for part in signed
        ]
        return Response(SignedPartsSerializer({"parts": parts}).data)


class UploadCompleteView(APIView):
    """Completion."""

    required_scopes = {"POST": Scope.UPLOADS_WRITE}

    @extend_schema(
        operation_id="uploads_complete",
        tags=["uploads"],
        request=UploadCompleteSerializer,
        responses={200: UploadSerializer},
        examples=[example("All that is stored", {})],
    )
    def post(self, request: Request, upload_id: UUID) -> Response:
        """Verify size, checksum and content; only then may a job use the file.

        Doing it again gives the same answer. A file that is not what was declared is removed and
        the upload rejected for good.
        """
        data = parse_body(request, UploadCompleteSerializer)
        parts = data.get("parts")
        upload = upload_complete(
            tenant=principal_of(request).tenant,
            upload_id=upload_id,
            parts=None if parts is None else [(part["number"], part["etag"]) for part in parts],
        )
        return Response(UploadSerializer(upload).data)
