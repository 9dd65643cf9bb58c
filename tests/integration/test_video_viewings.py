"""Viewings, watch progress and player links, over HTTP and against a real database."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from academy.core import clock
from academy.core.masking import mask
from academy.tenants.models import Tenant
from academy.video import playback, viewings
from academy.video.models import Video, Viewing, Watched
from academy.video.playback import Audience
from tests.integration.test_video_playback import client_of, code_of, path_of, video_of
from tests.support.jobs import in_threads, make_tenant
from tests.support.openapi import Document

pytestmark = [
    pytest.mark.integration("postgres", "s3"),
    pytest.mark.django_db,
    pytest.mark.usefixtures("buckets"),
]


@pytest.fixture
def tenant() -> Tenant:
    """On the plan `start`: one viewing at once, three devices."""
    return make_tenant(plan="start")


class Player:
    """The page of one viewer on one device, as its script speaks."""

    def __init__(self, video: Video, viewer: str = "student-17", device: str = "phone") -> None:
        self.video = video
        self.device = device.ljust(16, "-")
        link = playback.player_link(video, Audience(viewer))
        self.path, _, self.query = path_of(link.url).partition("?")
        self.viewing: str | None = None

    def post(self, what: str, **body: Any) -> Any:
        return Client().post(
            f"{self.path}/{what}?{self.query}", body, content_type="application/json"
        )

    def start(self) -> Any:
        answer = self.post("viewings", device=self.device)
        if answer.status_code == 201:
            self.viewing = answer.json()["viewing"]
            self.master = path_of(answer.json()["master_url"])
        return answer

    def beat(self, *watched: tuple[float, float], **fields: Any) -> Any:
        position = watched[-1][1] if watched else 0.0
        return self.post(
            "heartbeats",
            **{"viewing": self.viewing, "watched": watched, "position": position, **fields},
        )

    def state(self) -> Any:
        return Client().get(f"{self.path}/state?{self.query}").json()


def ended(player: Player) -> str:
    return Viewing.unscoped.get(pk=player.viewing).ended_because


def watched_of(player: Player) -> Watched:
    return Watched.unscoped.get(video=player.video)


def later(seconds: float) -> Any:
    return clock.shifted(timedelta(seconds=seconds))


# ---------------------------------------------------------------- viewings


def test_the_newest_viewing_wins_and_the_oldest_says_why_it_ended(tenant: Tenant) -> None:
    phone = Player(video_of(tenant))
    laptop = Player(video_of(tenant), device="laptop")
    assert phone.start().status_code == laptop.start().status_code == 201
    refused = phone.beat()
    assert (refused.status_code, code_of(refused)) == (409, "playback_viewing_ended")
    assert refused.json()["error"]["details"] == {"because": "replaced"}
    assert code_of(Client().get(phone.master)) == "playback_viewing_ended"
    assert laptop.beat().status_code == 200
    assert Client().get(laptop.master).status_code == 200


def test_a_larger_plan_lets_two_play_and_no_third() -> None:
    video = video_of(make_tenant(plan="grow"))
    players = [Player(video, device=name) for name in ("phone", "tablet", "laptop")]
    for player in players:
        player.start()
    assert [ended(player) for player in players] == ["replaced", "", ""]


def test_viewers_do_not_count_against_each_other(tenant: Tenant) -> None:
    video = video_of(tenant)
    players = [Player(video, viewer=f"student-{number}") for number in range(3)]
    for player in players:
        assert player.start().status_code == 201
    assert all(player.beat().status_code == 200 for player in players)


@pytest.mark.django_db(transaction=True)
def test_two_starts_at_once_leave_one_viewing(tenant: Tenant) -> None:
    video = video_of(tenant)
    players = [Player(video, device=f"device-{number % 3}") for number in range(6)]
    in_threads(6, lambda number: players[number].start())
    assert Viewing.unscoped.filter(ended_at=None).count() == 1


def test_a_reloaded_page_takes_its_own_place(tenant: Tenant) -> None:
    player = Player(video_of(tenant))
    player.start()
    first = player.viewing
    player.start()
    assert Viewing.unscoped.get(pk=first).ended_because == "reopened"
    assert player.beat().status_code == 200


def test_a_new_device_beyond_the_plan_is_refused_and_known_ones_are_not(tenant: Tenant) -> None:
    video = video_of(tenant)
    known = [Player(video, device=name) for name in ("phone", "tablet", "laptop")]
    for player in known:
        assert player.start().status_code == 201
    refused = Player(video, device="friend").start()
    assert (refused.status_code, code_of(refused)) == (403, "playback_devices_exceeded")
    assert "(3)" in refused.json()["error"]["message"]["en"]
    assert known[0].start().status_code == 201
    with later(31 * 86_400):
        late = Player(video, device="friend")
        assert late.start().status_code == 201, "a device is forgotten a month after its last use"


def test_the_academy_can_have_devices_forgotten(tenant: Tenant) -> None:
    video = video_of(tenant)
    for name in ("phone", "tablet", "laptop"):
        last = Player(video, device=name)
        last.start()
    path = "/api/v1/viewers/student-17/devices"
    assert client_of(tenant, "videos:read").delete(path).status_code == 403
    assert client_of(make_tenant(), "videos:write").delete(path).json() == {"devices": 0}
    assert client_of(tenant, "videos:write").delete(path).json() == {"devices": 3}
    assert ended(last) == "forgotten"
    assert Player(video, device="new phone".replace(" ", "-")).start().status_code == 201


def test_a_viewing_that_fell_silent_has_ended_for_the_media(tenant: Tenant) -> None:
    player = Player(video_of(tenant))
    player.start()
    with later(89):
        assert Client().get(player.master).status_code == 200
    with later(95):
        assert code_of(Client().get(player.master)) == "playback_viewing_ended"


def test_a_laptop_that_wakes_up_goes_on_unless_another_device_plays(tenant: Tenant) -> None:
    video = video_of(tenant)
    laptop, phone = Player(video, device="laptop"), Player(video)
    laptop.start()
    with later(3600):
        assert laptop.beat().status_code == 200
        assert Client().get(laptop.master).status_code == 200
    with later(7200):
        phone.start()
        assert ended(laptop) == "missed"
        assert code_of(laptop.beat()) == "playback_viewing_ended"
        assert phone.beat().status_code == 200


def test_a_page_that_is_closed_ends_its_viewing(tenant: Tenant) -> None:
    player = Player(video_of(tenant))
    player.start()
    assert player.beat(leaving=True).status_code == 200
    assert ended(player) == "left"
    assert code_of(Client().get(player.master)) == "playback_viewing_ended"


def test_a_revocation_ends_running_viewings(tenant: Tenant) -> None:
    player = Player(video_of(tenant))
    player.start()
    other = Player(video_of(tenant), viewer="student-18")
    other.start()
    path = f"/api/v1/videos/{player.video.pk}/revoke"
    assert client_of(tenant, "videos:read").post(path).status_code == 403
    assert client_of(make_tenant(), "videos:write").post(path).status_code == 404
    answer = client_of(tenant, "videos:write").post(path)
    assert answer.json() == {"policy_version": 2, "viewings_ended": 1}
    assert (ended(player), ended(other)) == ("revoked", "")
    assert code_of(player.beat()) == "playback_revoked"
    assert code_of(player.start()) == "playback_revoked"
    assert code_of(Client().get(player.master)) == "playback_revoked"
    assert other.beat().status_code == 200


def test_nobody_speaks_for_the_viewing_of_another(tenant: Tenant) -> None:
    video = video_of(tenant)
    player, thief = Player(video), Player(video, viewer="student-18")
    player.start()
    thief.start()
    thief.viewing = player.viewing
    assert code_of(thief.beat((0, 2))) == "not_found"
    assert not Watched.unscoped.exists()


def test_a_link_without_a_viewer_is_not_recorded_and_still_ends(tenant: Tenant) -> None:
    player = Player(video_of(tenant), viewer="")
    assert player.start().json()["viewing"] is None
    assert player.beat((0, 2)).json() == {"watched": None}
    assert not Viewing.unscoped.exists()
    assert not Watched.unscoped.exists()
    viewings.video_revoke(tenant=tenant, video_id=player.video.pk)
    assert code_of(player.beat()) == "playback_revoked"


def test_a_video_that_is_not_ready_begins_no_viewing(tenant: Tenant) -> None:
    player = Player(video_of(tenant, ready=False))
    assert code_of(player.start()) == "video_not_ready"
    assert not Viewing.unscoped.exists()


@pytest.mark.parametrize(
    "body",
    [
        {"watched": [[0]]}, {"watched": [[0, "1"]]}, {"watched": [[0, 1, 2]]}, {"watched": 1},
        {"watched": [[0, 1]] * 201}, {"position": -1}, {"position": True}, {"rate": "fast"},
        {"viewing": "x"}, {"leaving": 1}, {"extra": 1},
    ],
)  # fmt: skip
def test_a_malformed_report_is_refused_whole(tenant: Tenant, body: dict[str, Any]) -> None:
    player = Player(video_of(tenant))
    player.start()
    assert player.beat((0, 1), **body).status_code == 400
    assert not Watched.unscoped.exists()


@pytest.mark.parametrize("device", ["", "short", "x" * 65, "with space 123456", 17, None])
def test_a_device_is_an_opaque_word(tenant: Tenant, device: Any) -> None:
    player = Player(video_of(tenant))
    player.device = device
    assert player.start().status_code == 400


# ---------------------------------------------------------------- watch progress


def test_what_was_watched_adds_up_and_twice_counts_once(tenant: Tenant) -> None:
    player = Player(video_of(tenant))
    player.start()
    with later(10):
        assert player.beat((0, 8)).json()["watched"] == {"seconds": 8.0, "completed": False}
    with later(25):
        player.beat((4, 12), (30, 35))
    row = watched_of(player)
    assert (row.intervals, row.seconds, row.position) == ([[0, 12], [30, 35]], 17.0, 35.0)


def test_a_report_is_believed_as_far_as_the_clock_allows(tenant: Tenant) -> None:
    player = Player(video_of(tenant))
    player.start()
    with later(8):
        player.beat((0, 60), rate=1)
        assert watched_of(player).seconds == pytest.approx(10, abs=1), "8 s and the first 2"
        player.beat((0, 60), rate=16)
        player.beat((0, 60), rate=16)
    assert watched_of(player).seconds == pytest.approx(10, abs=1)


def test_double_speed_counts_and_more_does_not(tenant: Tenant) -> None:
    player = Player(video_of(tenant))
    player.start()
    with later(10):
        player.beat((0, 20), rate=2)
        assert watched_of(player).seconds == pytest.approx(20, abs=0.5)
    with later(20):
        player.beat((20, 60), rate=4)
    assert watched_of(player).seconds == pytest.approx(42, abs=1)


def test_nine_tenths_complete_a_lecture_once(tenant: Tenant) -> None:
    player = Player(video_of(tenant))
    player.start()
    with later(53):
        assert not player.beat((0, 53)).json()["watched"]["completed"]
    with later(55):
        assert player.beat((53, 55)).json()["watched"]["completed"]
    completed = watched_of(player).completed_at
    with later(60):
        player.beat((55, 60))
    assert watched_of(player).completed_at == completed
    assert player.state()["resume"] == {"position": 0.0, "seconds": 60.0, "completed": True}


def test_a_viewer_goes_on_where_any_device_left_off(tenant: Tenant) -> None:
    video = video_of(tenant)
    phone, laptop = Player(video), Player(video, device="laptop")
    phone.start()
    with later(20):
        phone.beat((0, 20), leaving=True)
        assert laptop.state()["resume"]["position"] == 20.0
        assert laptop.start().json()["resume"]["position"] == 20.0
    assert Player(video, viewer="student-18").state()["resume"]["position"] == 0.0
    assert Player(video, viewer="").state()["resume"] is None


def test_the_teacher_sees_who_has_watched_how_much(tenant: Tenant) -> None:
    video = video_of(tenant)
    for number in range(3):
        player = Player(video, viewer=f"student-{number}")
        player.start()
        with later(30):
            player.beat((0, 10 * number))
    path = f"/api/v1/videos/{video.pk}/watch"
    client = client_of(tenant)
    page = client.get(f"{path}?limit=2").json()
    rest = client.get(f"{path}?limit=2&cursor={page['next_cursor']}").json()
    items = [*page["items"], *rest["items"]]
    assert [item["viewer"] for item in items] == ["student-2", "student-1", "student-0"]
    assert [item["percent"] for item in items] == [33.3, 16.7, 0.0]
    assert items[0]["intervals"] == [[0, 20]]
    one = client.get(f"{path}?viewer=student-1").json()["items"]
    assert [item["seconds"] for item in one] == [10.0]
    assert client_of(make_tenant()).get(path).status_code == 404
    assert client_of(tenant, "jobs:read").get(path).status_code == 403


# ---------------------------------------------------------------- player links


def test_a_link_carries_viewer_and_watermark_signed_and_is_masked_in_logs(tenant: Tenant) -> None:
    video = video_of(tenant)
    path = f"/api/v1/videos/{video.pk}/player-link"
    query = f"?viewer=student-17&watermark={quote('한빛학원 17번')}&expires_in=3600"
    body = client_of(tenant).get(path + query).json()
    page, _, token = path_of(body["url"]).partition("?")
    state = Client().get(f"{page}/state?{token}").json()
    assert state["watermark"] == "한빛학원 17번"
    assert state["resume"] is not None
    lasts = datetime.fromisoformat(body["expires_at"]) - clock.now()
    assert timedelta(minutes=59) < lasts <= timedelta(hours=1, minutes=15)
    assert "student-17" not in mask(f"GET {path}{query} {body['url']}")
    assert token.partition("=")[2] not in mask(body["url"])


@pytest.mark.parametrize(
    "query",
    ["viewer=a+b", "viewer=" + "x" * 65, "viewer=010-1234-5678", "viewer=a%40b.kr",
     "watermark=" + "x" * 61, "expires_in=59", "expires_in=7776001", "expires_in=soon", "who=me",
     "viewer=a&viewer=b"],
)  # fmt: skip
def test_a_link_is_not_made_for_what_it_cannot_carry(tenant: Tenant, query: str) -> None:
    video = video_of(tenant)
    answer = client_of(tenant).get(f"/api/v1/videos/{video.pk}/player-link?{query}")
    assert answer.status_code == 400


def test_a_changed_viewer_or_watermark_is_noticed(tenant: Tenant) -> None:
    video = video_of(tenant)
    link = path_of(playback.player_link(video, Audience("student-17", "한빛")).url)
    page, _, token = link.partition("?token=")
    for position, letter in enumerate(token):
        other = "A" if letter != "A" else "B"
        changed = f"{token[:position]}{other}{token[position + 1 :]}"
        assert Client().get(f"{page}/state?token={changed}").status_code == 403, position


def test_the_longest_texts_fit_a_link(tenant: Tenant) -> None:
    audience = Audience("x" * playback.VIEWER_CHARS, "\U0001f600" * playback.WATERMARK_CHARS)
    video = video_of(tenant)
    token = playback.player_link(video, audience).url.partition("token=")[2]
    assert playback.player_open(video.pk, token)[1] == audience


def test_the_answers_are_what_the_openapi_document_says(tenant: Tenant) -> None:
    document = Document()
    player = Player(video_of(tenant))
    player.start()
    player.beat((0, 2))
    for path in ("player-link?viewer=a", "watch"):
        full = f"/api/v1/videos/{player.video.pk}/{path}"
        body = client_of(tenant).get(full).json()
        document.check_answer("GET", full.partition("?")[0], 200, "application/json", body)
