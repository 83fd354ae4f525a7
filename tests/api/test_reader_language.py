"""The language of a reader: of the API's answers, of stored messages, and of mails."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from tests.api.browsing import Browser
from tests.api.console import post
from tests.living import Client, Living, living
from tests.mail_server import MailServer, text_of

ANNA = "anna@example.edu"
ENGLISH = {"Accept-Language": "en-GB,en;q=0.9"}
CHINESE = re.compile("[\u4e00-\u9fff]+")
NAMES = re.compile("北京工业大学图书馆|图书馆|二层中厅|[二三四]层[南北]\\w*机|张三")


@pytest.fixture
async def service(mongo_url: str, redis_url: str, mail: MailServer) -> AsyncIterator[Living]:
    url = f"smtp://127.0.0.1:{mail.port}"
    async with living(mongo_url, redis_url, SMTP_URL=url, MAIL_FROM="seats@lib.test") as running:
        yield running


def left_over(text: str) -> list[str]:
    return CHINESE.findall(NAMES.sub("", text))


async def inbox(reader: Client, **headers: str) -> list[tuple[str, str]]:
    """Titles and texts of the reader's messages, latest first."""
    page = await reader.ok("GET", "/messages", **headers)
    return [(m["title"], m["text"]) for m in page["items"]]


async def test_a_reader_with_an_english_phone_is_written_to_in_english(
    service: Living, mail: MailServer
) -> None:
    """WeChat's messages stay Chinese, and a later choice says old messages anew."""
    reader = await service.reader()
    signed_in = await reader.ok("POST", "/wx/login", {"code": f"demo-{reader.name}-1"}, **ENGLISH)
    assert signed_in["bound"]
    browser = Browser(await service.web_reader(reader))
    assert (await reader.ok("GET", "/me", **ENGLISH))["language"] is None, "learnt, not chosen"
    await reader.accept("CHECK_IN_REMINDER", "NO_SHOW")
    await reader.ok("POST", "/email-address", {"address": ANNA}, **ENGLISH)
    (code,) = mail.to(ANNA)
    assert code["Subject"].startswith("Your confirmation code · ")
    assert left_over(text_of(code)) == []
    await reader.ok("POST", "/email-address/confirm", {"code": mail.code_for(ANNA)})

    made = await reader.reserve()
    await service.move("14:00")
    here = f"/reservations/{made['id']}"
    await reader.ok("POST", f"{here}/check-in", {"qr": await service.qr()})
    await reader.ok("POST", f"{here}/finish")
    await reader.reserve(start="18:00", end="19:00")
    await service.move("18:31")

    subjects = [m["Subject"].partition(" · ")[0] for m in mail.to(ANNA)[1:]]
    assert subjects == ["Check-in reminder", "Check-in reminder", "Missed check-in"], subjects
    for letter in mail.to(ANNA)[1:]:
        html = letter.get_body(("html",))
        assert html is not None and '<html lang="en">' in html.get_content()
        assert letter["Content-Language"] == "en"
        assert left_over(text_of(letter)) == left_over(html.get_content()) == []
    sent = {
        m["template"]: [v["value"] for v in m["data"].values()] for m in await reader.messages()
    }
    assert "14:30前未签到将释放座位" in sent["CHECK_IN_REMINDER"]

    english, chinese = await inbox(reader, **ENGLISH), await inbox(reader)
    assert [line for pair in english for line in pair if left_over(line)] == []
    assert len(english) == len(chinese) == 7
    assert chinese[0][0] == "未签到通知" and "18:30 前签到，座位已释放" in chinese[0][1]
    page = (await browser.get("/me", **ENGLISH)).body
    assert all(title in page for title, _ in english) and "未签到通知" not in page

    answer = await post(service, browser, "/me/language", language="zh")
    assert "language=zh" in answer.headers["Set-Cookie"]
    assert (await reader.ok("GET", "/me"))["language"] == "zh"
    await reader.ok("POST", "/wx/login", {"code": f"demo-{reader.name}-2"}, **ENGLISH)
    await reader.reserve(start="20:00", end="21:00")
    await service.move("20:00")
    assert mail.to(ANNA)[-1]["Subject"].startswith("预约签到提醒 · "), "the choice holds"
    await reader.ok("POST", "/me/language", {"language": "en"})
    await service.move("20:31")
    assert mail.to(ANNA)[-1]["Subject"].startswith("Missed check-in · ")
    await reader.refused("400 malformed", "POST", "/me/language", {"language": "xx"})


async def test_a_message_without_facts_stays_as_it_was_written(service: Living) -> None:
    reader = await service.reader()
    await reader.reserve()
    await service.settle()
    await service.db["messages"].update_many({}, {"$unset": {"title_facts": "", "text_facts": ""}})
    assert await inbox(reader, **ENGLISH) == await inbox(reader)
