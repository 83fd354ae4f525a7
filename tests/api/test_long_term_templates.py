"""A long-term template (长期订阅): one consent lasts until WeChat refuses."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from miniapp_server.sandbox.defaults import SANDBOX_TEMPLATES
from models.messages.entities import Template
from tests.api.browsing import Browser
from tests.api.console import staff
from tests.api.deliveries import AN_HOUR, MANY, calls, misbehave, templates_of, warm_up, way_of
from tests.api.wechat_callbacks import event, listed, push
from tests.living import Client, Living, living

LONG = {**SANDBOX_TEMPLATES, "RESERVED": {**SANDBOX_TEMPLATES["RESERVED"], "type": "long"}}
ID = "sandbox-reserved"


@pytest.fixture
async def service(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    async with living(mongo_url, redis_url, WECHAT_TEMPLATES=json.dumps(LONG)) as running:
        yield running


async def stands(reader: Client) -> bool:
    me = await reader.ok("GET", "/me")
    assert me["long_term"] == ["RESERVED"]
    return {0: False, 1: True}[me["subscriptions"]["RESERVED"]]


async def book(service: Living, reader: Client, n: int) -> str:
    """Books and returns the state of the message about it."""
    start, end = AN_HOUR[n]
    made = await reader.reserve("2f-hall-001", start, end)
    await service.settle()
    return (await way_of(service, made)).state


async def refuses_on_the_phone(service: Living, reader: Client) -> None:
    """The reader withdraws the consent at WeChat, before the service knows."""
    none = {"openid": reader.openid, "template_id": ID, "n": 0}
    await service.anonymous.ok("POST", "//sandbox/wechat/_grant", none)


async def test_one_accept_allows_any_number_of_messages(service: Living) -> None:
    reader = await service.reader()
    assert not await stands(reader) and await book(service, reader, 0) == "no_consent"
    accepted = {"results": {"RESERVED": "accept", "LEAVE": "accept"}}
    answer = await reader.ok("POST", "/subscriptions", accepted)
    assert answer["long_term"] == ["RESERVED"]
    assert (answer["subscriptions"]["RESERVED"], answer["subscriptions"]["LEAVE"]) == (1, 1)
    for n in (1, 2, 3):
        assert await book(service, reader, n) == "sent"
        assert await stands(reader), "no message uses it up"
    assert [m["template"] for m in await reader.messages()] == ["RESERVED"] * 3
    await reader.accept("RESERVED")
    assert await stands(reader), "once more is no more"
    page = (await Browser(await service.web_reader(reader)).get("/me")).body
    assert '<span class="soft">长期</span>' in page and "还可收 1 条" in page
    console = (await (await staff(service)).get("/console/deliveries")).body
    assert '<td class="n">长期</td><td class="n">1</td>' in console


@pytest.mark.whole
async def test_a_refused_consent_ends_sending_until_it_is_accepted_again(service: Living) -> None:
    """WeChat answers 43101 once; afterwards no message is queued."""
    await warm_up(service)
    reader = await service.reader()
    await reader.accept("RESERVED")
    assert await book(service, reader, 0) == "sent"
    await refuses_on_the_phone(service, reader)
    await misbehave(service, subscribe_send={"times": MANY})
    assert await book(service, reader, 1) == "no_consent" and not await stands(reader)
    assert await calls(service, "subscribe_send") == 1
    assert await book(service, reader, 2) == "no_consent"
    assert await calls(service, "subscribe_send") == 1, "not asked again"
    assert await templates_of(reader) == ["RESERVED"] * 3, "in the app all the same"
    await reader.accept("RESERVED")
    assert await book(service, reader, 3) == "sent" and len(await reader.messages()) == 2


@pytest.mark.whole
async def test_a_busy_wechat_does_not_end_the_consent(service: Living) -> None:
    reader = await service.reader()
    await reader.accept("RESERVED")
    await misbehave(service, subscribe_send={"status": 503, "times": 2})
    start, end = AN_HOUR[0]
    made = await reader.reserve("2f-hall-001", start, end)
    await service.settle()
    assert await stands(reader)
    for _ in range(2):  # the first repeat is due before the clock is moved, where that takes long
        await service.move(timedelta(minutes=2))
    assert (await way_of(service, made)).state == "sent" and await stands(reader)


@pytest.mark.whole
async def test_consent_follows_wechats_subscription_events(service: Living) -> None:
    reader = await service.reader()
    popup, changed = "subscribe_msg_popup_event", "subscribe_msg_change_event"
    await push(service, "mini", event(reader.openid, popup, more=listed("accept", ID)))
    assert await stands(reader)
    refusal = listed("reject", ID).replace("PopupEvent", "ChangeEvent")
    await push(service, "mini", event(reader.openid, changed, more=refusal))
    assert not await stands(reader)
    await reader.accept("RESERVED")
    await reader.ok("DELETE", "/bindings/current")
    left = await service.inside.stored.consents.remaining(reader.reader_id, {Template.RESERVED})
    assert left[Template.RESERVED] == 0, "it went with the binding"


@pytest.mark.whole
async def test_consent_for_the_previous_template_does_not_count(service: Living) -> None:
    """A template of another type is a new one at WeChat and needs a consent of its own."""
    reader = await service.reader()
    await service.inside.stored.consents.add(reader.reader_id, Template.RESERVED)
    assert not await stands(reader) and await book(service, reader, 0) == "no_consent"
