"""客服: answers to texts written in WeChat, and their display in the console."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from handlers.http.keys import service_key
from handlers.texts.wechat import REPLY_TEXT
from models.feedback.entities import Feedback, FeedbackQuery
from models.feedback.service import FeedbackService
from tests.api.browsing import Browser
from tests.api.console import post, staff
from tests.api.deliveries import misbehave
from tests.api.wechat_callbacks import push
from tests.living import Client, Living

HERE = "/console/questions"
ANSWER = "周末照常开放。"
ACKNOWLEDGED = "已收到您的留言"
_ALL = FeedbackQuery()


def message(openid: str, id: int, kind: str = "text", more: str = "") -> str:
    return (
        f"<xml><ToUserName>gh_1</ToUserName><FromUserName>{openid}</FromUserName>"
        f"<CreateTime>1714112445</CreateTime><MsgType>{kind}</MsgType>{more}"
        f"<MsgId>{id}</MsgId></xml>"
    )


async def writes(
    service: Living, openid: str, words: str = "", account: str = "mini", **other: Any
) -> Feedback:
    """Sends a text of the user by WeChat's callback."""
    await service.anonymous.ok("POST", "//sandbox/wechat/_wrote", {"openid": openid})
    count = await service.db["feedback"].count_documents({})
    more = other.get("more", f"<Content>{words}</Content>")
    xml = message(openid, 1000 + count, other.get("kind", "text"), more)
    assert (await push(service, account, xml)).status == 200
    (entry,), _ = await service.app[service_key(FeedbackService)].archive(_ALL, 0, 1)
    return entry


async def heard(service: Living, openid: str) -> list[str]:
    answer = await service.anonymous.ok("GET", f"//sandbox/wechat/_heard?openid={openid}")
    return list(answer["items"])


async def answered(service: Living, desk: Browser, f: Feedback, text: str = ANSWER) -> str:
    """The console's message after the answer was sent."""
    sent = await post(service, desk, f"{HERE}/{f.id}", text=text)
    assert sent.status == 303, sent.body
    body = str((await desk.get(sent.headers["Location"])).body)
    return body.split('<p class="done" role="status">')[1].split("</p>")[0]


async def test_a_mini_program_reader_is_answered_in_the_conversation(service: Living) -> None:
    desk, reader = await staff(service), await service.reader()
    question = await writes(service, reader.openid, "周末开门吗？")
    assert (question.channel, question.openid) == ("mini", reader.openid)
    assert question.reader_id == reader.reader_id
    (ack,) = await heard(service, reader.openid)
    assert ack.startswith(ACKNOWLEDGED)
    page = (await desk.get(HERE)).body
    assert "答复会发到小程序的客服对话，也会在读者的消息里。" in page
    assert await answered(service, desk, question) == ("已发到小程序的客服对话；已在读者的消息里。")
    assert await heard(service, reader.openid) == [ack, ANSWER]
    assert (await reader.ok("GET", "/messages"))["items"][0]["text"].endswith(ANSWER)
    # The same answer once more is none.
    await answered(service, desk, question)
    assert await heard(service, reader.openid) == [ack, ANSWER]
    assert reader.openid not in await service.all_documents(), "sealed"


@pytest.mark.whole
async def test_opening_a_conversation_sends_one_greeting(service: Living) -> None:
    entering = {"openid": "o-nobodyx", "entered": True}
    await service.anonymous.ok("POST", "//sandbox/wechat/_wrote", entering)
    event = "<Event><![CDATA[user_enter_tempsession]]></Event>"
    for _ in range(2):  # WeChat sends a push again where it met no answer
        assert (await push(service, "mini", message("o-nobodyx", 7, "event", event))).status == 200
    assert await heard(service, "o-nobodyx") == [REPLY_TEXT["mini_greeting"]]
    # WeChat takes no second greeting for one opening; a question is acknowledged as ever.
    assert (await push(service, "mini", message("o-nobodyx", 8, "event", event))).status == 200
    assert len(await heard(service, "o-nobodyx")) == 1
    await writes(service, "o-nobodyx", "怎么绑定？")
    _, acknowledged = await heard(service, "o-nobodyx")
    assert acknowledged.startswith(ACKNOWLEDGED)
    assert await service.db["feedback"].count_documents({}) == 1, "the question alone"


async def test_after_48_hours_only_bound_readers_can_be_answered(service: Living) -> None:
    desk, reader = await staff(service), await service.reader()
    known_question = await writes(service, reader.openid, "几点关门？")
    nobody = await writes(service, "o-nobodyx", "怎么绑定？")
    assert nobody.reader_id is None
    page = (await desk.get(HERE)).body
    assert "小程序用户（未绑定）" in page and "公众号" not in page
    assert "答复会发到小程序的客服对话，9月9日 08:00 前可以发；对方没有绑定" in page
    await service.leap(timedelta(hours=49))
    desk = await staff(service)  # the session of the day before yesterday is over
    page = (await desk.get(HERE)).body
    assert page.count("答复会在读者的消息里。") == 1, "the one, by the app"
    assert "距来信也已超过 48 小时" in page and page.count("<textarea") == 3, "and no form"
    late = await post(service, desk, f"{HERE}/{nobody.id}", text=ANSWER)
    assert late.status == 400 and 'role="alert"' in late.body
    assert await answered(service, desk, known_question) == "已在读者的消息里。"
    assert len(await heard(service, reader.openid)) == 1, "the acknowledgement"
    closed = await post(service, desk, f"{HERE}/{nobody.id}", close="1")
    assert closed.status == 303
    assert "已处理，没有发送答复" in (await desk.get(closed.headers["Location"])).body
    assert len(await heard(service, "o-nobodyx")) == 1
    assert not await service.inside.stored.feedback.waiting(9)


async def test_an_answer_that_wechat_refuses_is_not_shown_as_sent(service: Living) -> None:
    desk = await staff(service)
    outdated = "距来信超过 48 小时，或已发满 5 条。"
    lost = "已发往小程序的客服对话，没有收到微信的答复，可能已经送达。"
    modes: tuple[tuple[dict[str, object], str, bool], ...] = (
        ({"errcode": 45015}, f"微信没有接收（45015）：{outdated}", False),
        ({"errcode": 45047}, f"微信没有接收（45047）：{outdated}", False),
        ({"errcode": 40003}, "微信没有接收（40003）。", False),
        ({"status": 503}, "还没有发到小程序的客服对话：微信暂时没有接收。", True),
        ({"status": 502, "after": True}, lost, False),
    )
    for number, (mode, says, again) in enumerate(modes):
        openid = f"o-nobody{number}"
        question = await writes(service, openid, "怎么绑定？")
        await misbehave(service, custom_send={**mode, "times": 1})
        assert await answered(service, desk, question) == says
        await misbehave(service)
        page = (await desk.get(f"{HERE}?state=all")).body
        assert ("再发一次" in page) is again, mode
        sent = await answered(service, desk, question)
        assert (sent == "已发到小程序的客服对话。") is again
        assert (await heard(service, openid)).count(ANSWER) == (
            1 if again or "after" in mode else 0
        )


@pytest.mark.whole
async def test_the_stand_in_accepts_messages_by_wechats_rules(service: Living) -> None:
    """The stand-in's rules are those of message/custom/send."""
    send, official = service.resources.mini_program.send_text, service.resources.official_account
    assert official is not None
    assert await send("o-li", "您好") == 45015, "who has not written is not written to"
    await service.anonymous.ok("POST", "//sandbox/wechat/_wrote", {"openid": "o-li"})
    assert await send("mp-li", "您好") == 40003, "another account's user"
    assert await official.send_text("o-li", "您好") == 40003
    assert await send("o-li", "答" * 683) == 45002
    assert [await send("o-li", f"{n}") for n in range(6)] == [0] * 5 + [45047]
    await service.anonymous.ok("POST", "//sandbox/wechat/_wrote", {"openid": "o-li"})
    assert await send("o-li", "5") == 0
    await service.leap(timedelta(hours=48))
    assert await send("o-li", "6") == 45015
    assert await heard(service, "o-li") == [f"{n}" for n in range(6)]


@pytest.mark.whole
async def test_incoming_texts_are_kept_while_wechat_is_unavailable(service: Living) -> None:
    await misbehave(service, custom_send={"errcode": -1, "times": 1})
    question = await writes(service, "o-nobodyx", "在吗？")
    assert question.text == "在吗？" and await heard(service, "o-nobodyx") == []


async def test_a_follower_is_recognised_by_unionid(service: Living) -> None:
    """The answer goes to the official account, by its own token, in as many texts as needed."""
    desk, reader = await staff(service), await follower(service)
    openid = f"mp-{reader.name}"
    question = await writes(service, openid, "周末开门吗？", "mp")
    assert (question.reader_id, question.openid) == (reader.reader_id, openid)
    assert await heard(service, openid) == [], "the account answers the push itself"
    long = "答" * 1000
    assert await answered(service, desk, question, long) == "已发到公众号对话；已在读者的消息里。"
    parts = await heard(service, openid)
    assert "".join(parts) == long and [len(p) for p in parts] == [682, 318]
    stranger = await writes(service, "mp-stranger", "在吗？", "mp")
    page = (await desk.get(HERE)).body
    assert stranger.reader_id is None and "公众号读者（未绑定）" in page
    assert await answered(service, desk, stranger) == "已发到公众号对话。"


@pytest.mark.whole
async def test_a_picture_is_stored_as_its_url(service: Living) -> None:
    url = "http://mmbiz.qpic.cn/mmbiz_jpg/abc/0"
    picture = f"<PicUrl><![CDATA[{url}]]></PicUrl><MediaId>m1</MediaId>"
    for account, openid in (("mini", "o-nobodyx"), ("mp", "mp-stranger")):
        question = await writes(service, openid, account=account, kind="image", more=picture)
        assert question.text == f"（图片）{url}"
    page = "<Title><![CDATA[座位 065]]></Title><AppId>wx</AppId>"
    question = await writes(service, "o-nobodyx", kind="miniprogrampage", more=page)
    assert question.text == "（小程序页面）座位 065"
    question = await writes(service, "o-nobodyx", kind="location", more="<Label>图书馆</Label>")
    assert question.text == "（位置）", "what it was, at least"


async def follower(service: Living) -> Client:
    """A bound reader whom the official account's unionid names."""
    client, now = service.stranger(), service.clock.now()
    stored = service.inside.stored
    reader = await stored.readers.upsert_from_login(client.number, "张三", "student", now)
    await stored.bindings.bind(reader.id, client.openid, f"u-{client.name}", now)
    client.token = (await service.sessions.open_wx(client.openid, None, now)).token
    client.reader_id = reader.id
    return client
