"""Solapi's own SDK as the judge of its double: what it sends is taken, what it gets it can read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from solapi import SolapiMessageService
from solapi.error.MessageNotReceiveError import MessageNotReceivedError
from solapi.model import KakaoOption, RequestMessage, SendRequestConfig

from academy.messaging.fields import MessageType
from academy.messaging.providers.port import OutBatch, Outcome, Outgoing
from academy.messaging.providers.solapi import SolapiProvider
from academy.settings.messaging import Account
from tests.support.messages import phone
from tests.support.solapi_double import KEY, PROFILE, SECRET, SENDER, TEMPLATE, SolapiDouble, serve

pytestmark = [pytest.mark.integration]


@pytest.fixture
def double() -> Iterator[SolapiDouble]:
    with serve() as made:
        yield made


@pytest.fixture
def sdk(double: SolapiDouble) -> SolapiMessageService:
    made = SolapiMessageService(KEY, SECRET)
    made.base_url = double.url
    return made


def short(number: int, text: str = "안내") -> RequestMessage:
    return RequestMessage(from_=SENDER, to=phone(number), text=text)


def test_the_sdk_sends_and_reads_what_became_of_it(
    sdk: SolapiMessageService, double: SolapiDouble
) -> None:
    kakao = KakaoOption(pf_id=PROFILE, template_id=TEMPLATE, variables={"이름": "보기"})
    alimtalk = RequestMessage(
        from_=SENDER, to=phone(3), text="보기 등원", type="ATA", kakao_options=kakao
    )
    answer = sdk.send(
        [short(1), short(2, "가" * 50), alimtalk], SendRequestConfig(show_message_list=True)
    )
    assert answer.group_info.count.registered_success == 3
    assert len(answer.message_list or []) == 3
    assert double.sends == {phone(1): 1, phone(2): 1, phone(3): 1}
    double.deliver()
    group = sdk.get_group(answer.group_info.group_id)
    assert (group.status, group.count.total) == ("COMPLETE", 3)
    listed = sdk.get_group_messages(group.group_id).message_list
    assert {one.to: (one.type and one.type.value, one.status_code) for one in listed.values()} == {
        phone(1): ("SMS", "4000"), phone(2): ("LMS", "4000"), phone(3): ("ATA", "4000"),
    }  # fmt: skip


def test_the_sdk_sees_who_was_refused(sdk: SolapiMessageService, double: SolapiDouble) -> None:
    answer = sdk.send([short(1), short(2, "😀")])
    assert [(one.to, one.status_code) for one in answer.failed_message_list or []] == [
        (phone(2), "1029")
    ]
    assert double.sends == {phone(1): 1}
    with pytest.raises(MessageNotReceivedError):
        sdk.send(short(3, "😀"))
    assert double.sends == {phone(1): 1}


def test_the_sdk_reads_the_balance_and_groups_of_our_own_client(
    sdk: SolapiMessageService, double: SolapiDouble
) -> None:
    provider = SolapiProvider(Account(double.url, KEY, SECRET), timeout_seconds=5)
    before = sdk.get_balance().balance
    out = OutBatch("batch", [Outgoing("key-1", MessageType.SMS, phone(1), SENDER, "안내")])
    handle = provider.prepare(out).handle
    assert sdk.get_group(handle).status == "PENDING"
    provider.commit(handle, out)
    assert sdk.get_group(handle).status == "SENDING"
    (message,) = sdk.get_group_messages(handle).message_list.values()
    assert (message.custom_fields, message.group_id) == ({"key": "key-1"}, handle)
    assert sdk.get_balance().balance == provider.balance() != before
    theirs = sdk.send([short(2)]).group_info.group_id
    assert provider.lookup(theirs).progress.value == "sending"
    assert Outcome.FAILED not in {one.outcome for one in provider.lookup(theirs).statuses}
    provider.close()


def test_the_double_refuses_the_sdk_a_wrong_key(double: SolapiDouble) -> None:
    stranger = SolapiMessageService(KEY, "x" * 32)
    stranger.base_url = double.url
    with pytest.raises(Exception, match="SignatureDoesNotMatch"):
        stranger.get_balance()
