"""Thin: parse, call one service, serialise."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from academy.core import logs
from academy.core.http.pagination import CursorPagination
from academy.core.http.serializers import NothingSerializer, parse_body, parse_query
from academy.deadletters import selectors, services
from academy.deadletters.api import docs, present, serializers
from academy.deadletters.models import Replay
from academy.deadletters.rerun import Edit
from academy.deadletters.selectors import LetterFilter
from academy.deadletters.story import letter_story
from academy.tenants.principal import principal_of
from academy.tenants.scopes import Scope

READ = {"GET": Scope.OPS_READ}
WRITE = {"POST": Scope.OPS_WRITE}


class LettersView(APIView):
    """The list."""

    required_scopes = READ
    pagination_class = CursorPagination

    @docs.letter_list
    def get(self, request: Request) -> Response:
        """Dead jobs and dead messages of every queue, the last collected first."""
        wanted = _filter(parse_query(request, serializers.LetterListQuerySerializer))
        pages = CursorPagination()
        rows = pages.paginate_queryset(selectors.letters(wanted), request)
        return pages.get_paginated_response([present.letter_body(letter) for letter in rows])


class GroupsView(APIView):
    """The causes."""

    required_scopes = READ

    @docs.group_list
    def get(self, request: Request) -> Response:
        """Dead letters by cause: kind, code and message without what differs."""
        query = parse_query(request, serializers.GroupListQuerySerializer, also=frozenset())
        found = selectors.groups(_filter(query))
        return Response({"items": [present.group_body(group) for group in found]})


class LetterView(APIView):
    """One letter."""

    required_scopes = READ

    @docs.letter_read
    def get(self, request: Request, letter_id: UUID) -> Response:
        """One dead letter with its whole story."""
        wanted = parse_query(request, serializers.LetterQuerySerializer, also=frozenset())
        story = letter_story(letter_id, with_links="links" in wanted["expand"])
        return Response(present.story_body(story))


class LetterReplayView(APIView):
    """Run one again."""

    required_scopes = WRITE

    @docs.letter_replay
    def post(self, request: Request, letter_id: UUID) -> Response:
        """Run one letter again, as it was or edited.

        A dead job is submitted anew for its academy; a part of a flow has the whole flow run
        again. A message whose job still waits has the job published again. Any other message is
        one that workers refuse: it is sent again only with `resend`.
        """
        body = parse_body(request, serializers.LetterReplaySerializer)
        edit = Edit(
            params=body.get("params"),
            patch=body.get("params_patch"),
            body=body.get("body"),
            resend=body["resend"],
        )
        if body["dry_run"]:
            seen = services.replay_preview(letter_id=letter_id, edit=edit)
            return Response(present.preview_body(seen))
        services.replay(
            letter_id=letter_id,
            by=principal_of(request).name,
            edit=edit,
            reason=body["reason"],
            request_id=str(logs.context().get("request_id") or ""),
        )
        letter = present.letter_body(selectors.letter_get(letter_id))
        return Response(letter, HTTPStatus.ACCEPTED)


class LetterDiscardView(APIView):
    """Discard one."""

    required_scopes = WRITE

    @docs.letter_discard
    def post(self, request: Request, letter_id: UUID) -> Response:
        """Say that nothing needs to be done about one letter, and why."""
        reason = parse_body(request, serializers.LetterDiscardSerializer)["reason"]
        services.discard(letter_id=letter_id, by=principal_of(request).name, reason=reason)
        return Response(present.letter_body(selectors.letter_get(letter_id)))


class GroupDiscardView(APIView):
    """Discard many."""

    required_scopes = WRITE

    @docs.group_discard
    def post(self, request: Request) -> Response:
        """Discard the open letters of a cause, or some by name, with one reason."""
        body = parse_body(request, serializers.GroupDiscardSerializer)
        ids = services.discard_group(
            group=serializers.group_of(body),
            by=principal_of(request).name,
            reason=body["reason"],
            dry_run=body["dry_run"],
        )
        found = [str(letter_id) for letter_id in ids]
        return Response({"dry_run": body["dry_run"], "count": len(found), "letters": found})


class ReplaysView(APIView):
    """Replays of groups."""

    required_scopes = {**READ, **WRITE}
    pagination_class = CursorPagination

    @docs.replay_list
    def get(self, request: Request) -> Response:
        """Replays of groups, the newest first."""
        parse_query(request, NothingSerializer)
        pages = CursorPagination()
        rows = pages.paginate_queryset(selectors.replays(), request)
        views = selectors.replay_views(rows)
        return pages.get_paginated_response([present.replay_body(view) for view in views])

    @docs.replay_begin
    def post(self, request: Request) -> Response:
        """Replay a group: the oldest letter as a canary, then the rest, throttled.

        The rest follows only if the canary's new run succeeds; five failures in a row end the
        replay. A dry run says exactly which letters would be run, and why others cannot be.
        """
        body = parse_body(request, serializers.GroupReplaySerializer)
        group, patch = serializers.group_of(body), body.get("params_patch")
        if body["dry_run"]:
            plan = services.replay_plan(group=group, patch=patch)
            return Response(present.plan_body(plan, per_minute=body["per_minute"]))
        replay = services.replay_group(
            group=group,
            by=principal_of(request).name,
            patch=patch,
            reason=body["reason"],
            per_minute=body["per_minute"],
            max_in_flight=body["max_in_flight"],
        )
        return Response(_replay(replay), HTTPStatus.CREATED)


class ReplayView(APIView):
    """One replay."""

    required_scopes = READ

    @docs.replay_read
    def get(self, request: Request, replay_id: UUID) -> Response:
        """How far a replay is, letter by letter."""
        parse_query(request, NothingSerializer, also=frozenset())
        body = present.replay_body(selectors.replay_get(replay_id))
        items = present.items_body(selectors.replay_items(replay_id))
        return Response({**body, "items": items})


class ReplayPauseView(APIView):
    """Pause one."""

    required_scopes = WRITE

    @docs.replay_pause
    def post(self, request: Request, replay_id: UUID) -> Response:
        """Run nothing more until it is resumed."""
        parse_body(request, NothingSerializer)
        by = principal_of(request).name
        return Response(_replay(services.replay_pause(replay_id=replay_id, by=by)))


class ReplayResumeView(APIView):
    """Resume one."""

    required_scopes = WRITE

    @docs.replay_resume
    def post(self, request: Request, replay_id: UUID) -> Response:
        """Go on where it was paused."""
        parse_body(request, NothingSerializer)
        by = principal_of(request).name
        return Response(_replay(services.replay_resume(replay_id=replay_id, by=by)))


class ReplayStopView(APIView):
    """Stop one."""

    required_scopes = WRITE

    @docs.replay_stop
    def post(self, request: Request, replay_id: UUID) -> Response:
        """End it; letters whose turn has not come are open as before."""
        reason = parse_body(request, serializers.StopSerializer)["reason"]
        by = principal_of(request).name
        return Response(_replay(services.replay_stop(replay_id=replay_id, by=by, reason=reason)))


def _replay(replay: Replay) -> dict[str, Any]:
    (view,) = selectors.replay_views([replay])
    return present.replay_body(view)


def _filter(query: dict[str, Any]) -> LetterFilter:
    return LetterFilter(
        queue=query.get("queue"),
        kind=query.get("kind"),
        states=tuple(query["state"]),
        fingerprint=query.get("fingerprint"),
        tenant=query.get("tenant"),
        source=query.get("source"),
    )
