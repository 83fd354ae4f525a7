"""邮件通知 over a real mail server: addresses, mailed messages, and unsubscribing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from bind.login_service import LoginService, SignIn
from handlers.http.keys import service_key
from models.identity.roles import Role
from models.messages.entities import Channel, Template
from models.messages.staff import StaffDeliveries
from tests.api.browsing import Browser
from tests.api.console import post, staff
from tests.api.deliveries import MANY, misbehave, way_of
from tests.living import Client, Living, living
from tests.mail_server import MailServer, text_of

ANNA = "anna@example.edu"


@pytest.fixture
async def service(mongo_url: str, redis_url: str, mail: MailServer) -> AsyncIterator[Living]:
    async with living(
        mongo_url,
        redis_url,
        SMTP_URL=f"smtp://127.0.0.1:{mail.port}",
        MAIL_FROM="seats@lib.test",
        CAS_EMAIL_ATTRIBUTE="mail",
    ) as running:
        yield running


async def with_address(service: Living, mail: MailServer, address: str = ANNA) -> Client:
    """A reader on the web who has confirmed the address."""
    reader = await service.web_reader()
    waiting = await reader.ok("POST", "/email-address", {"address": address})
    assert (waiting["address"], waiting["pending"]) == (None, f"a***@{address.split('@')[1]}")
    code = mail.code_for(address)
    confirmed = await reader.ok("POST", "/email-address/confirm", {"code": code})
    assert (confirmed["address"], confirmed["pending"]) == (f"a***@{address.split('@')[1]}", None)
    return reader


async def mail_way(service: Living, reader: Client) -> list[tuple[str, str]]:
    rows = service.db["deliveries"].find({"reader": reader.reader_id, "channel": "email"})
    return [(row["template"], row["state"]) async for row in rows.sort("order")]


async def test_a_reader_without_wechat_is_reminded_by_mail(
    service: Living, mail: MailServer
) -> None:
    reader = await with_address(service, mail)
    made = await reader.reserve()
    await service.settle()
    assert len(mail.to(ANNA)) == 1, "the code only: what was just done is not mailed"
    await service.move("14:00")
    (reminder,) = mail.to(ANNA)[1:]
    assert reminder["Subject"].startswith("预约签到提醒 · ")
    assert "seats@lib.test" in reminder["From"] and reminder["Auto-Submitted"] == "auto-generated"
    body = text_of(reminder)
    assert "14:00 开始" in body and f"{service.base}/reservations/{made['id']}" in body
    html = reminder.get_body(("html",))
    assert html is not None and "14:00 开始" in html.get_content()
    await service.move("14:31")
    assert await mail_way(service, reader) == [("CHECK_IN_REMINDER", "sent"), ("NO_SHOW", "sent")]
    # Each once in the app, and unread once, however many channels there are.
    inbox = (await reader.ok("GET", "/messages?unread=true"))["items"]
    assert [m["template"] for m in inbox] == ["NO_SHOW", "CHECK_IN_REMINDER", "RESERVED"]
    assert ANNA not in await service.all_documents(), "sealed"
    ids = [m["Message-ID"] for m in mail.to(ANNA)[1:]]
    assert len(set(ids)) == 2 and all(re.fullmatch(r"<[0-9a-f]{32}@127\.0\.0\.1>", i) for i in ids)


async def test_an_email_code_expires_after_ten_minutes(service: Living, mail: MailServer) -> None:
    reader, confirm = await service.web_reader(), "/email-address/confirm"
    await reader.refused("422 email_code_invalid", "POST", confirm, {"code": "1" * 6})
    await reader.ok("POST", "/email-address", {"address": ANNA})
    await service.leap(timedelta(minutes=10, seconds=1))
    code = {"code": mail.code_for(ANNA)}
    await reader.refused("422 email_code_invalid", "POST", confirm, code)
    assert (await reader.ok("GET", "/email-address"))["pending"] is None
    kinds = {"kinds": {"ENDED": True}}
    await reader.refused("404 not_found", "POST", "/email-address/kinds", kinds)


async def test_codes_to_one_address_are_limited_across_readers(
    mongo_url: str, redis_url: str, mail: MailServer
) -> None:
    async with living(
        mongo_url,
        redis_url,
        SMTP_URL=f"smtp://127.0.0.1:{mail.port}",
        MAIL_FROM="seats@lib.test",
        RATE_LIMIT_SCALE="1",
    ) as strict:
        for n in range(3):
            who = await strict.web_reader()
            await who.ok("POST", "/email-address", {"address": ANNA if n else ANNA.upper()})
        one_more = await strict.web_reader()
        path = "/email-address"
        await one_more.refused("429 too_many_attempts", "POST", path, {"address": ANNA})
        assert len(mail.mails) == 3
        for n in range(6):
            await one_more.ok("POST", path, {"address": f"b{n}@example.edu"})
        await one_more.refused("429 too_many_attempts", "POST", path, {"address": "c@example.edu"})


async def test_an_invalid_or_refused_address_gets_no_code(
    service: Living, mail: MailServer
) -> None:
    """The address syntax is in tests/unit/test_email_addresses."""
    reader, path = await service.web_reader(), "/email-address"
    for address, refuses, greeting, refusal in (
        ("a@example.edu\r\nBcc: b@example.edu", {}, "", "422 email_address_refused"),
        (ANNA, {ANNA: "550 no such user"}, "", "422 email_address_refused"),
        (ANNA, {ANNA: "452 full"}, "", "503 mail_unavailable"),
        (ANNA, {}, "421 closed", "503 mail_unavailable"),
    ):
        mail.refuses, mail.greeting = refuses, greeting
        await mail.end_connections()
        await reader.refused(refusal, "POST", path, {"address": address})
        await service.db["attempt_limits"].delete_many({})
    assert (await reader.ok("GET", path))["pending"] is None and not mail.mails


@pytest.mark.whole
async def test_the_reader_chooses_which_messages_are_mailed(
    service: Living, mail: MailServer
) -> None:
    reader = await with_address(service, mail)
    kinds = {k["template"]: k["on"] for k in (await reader.ok("GET", "/email-address"))["kinds"]}
    assert list(kinds) == [t.value for t in Template]
    assert not kinds["RESERVED"] and kinds["CHECK_IN_REMINDER"] and kinds["ANSWER"]
    await reader.refused("400 malformed", "POST", "/email-address/kinds", {"kinds": {"NONE": True}})
    choice = {"RESERVED": True, "CHECK_IN_REMINDER": False}
    await reader.ok("POST", "/email-address/kinds", {"kinds": choice})
    await reader.reserve()
    await service.settle()
    await service.move("14:10")
    assert await mail_way(service, reader) == [("RESERVED", "sent")]
    await reader.ok("DELETE", "/email-address")
    assert (await reader.ok("GET", "/email-address"))["address"] is None
    await service.move("14:40")
    assert len(await mail_way(service, reader)) == 1, "the missed booking is not mailed"


async def test_one_click_unsubscribe_ends_one_kind_of_mail(
    service: Living, mail: MailServer
) -> None:
    reader = await with_address(service, mail)
    await reader.reserve()
    await service.settle()
    await service.move("14:00")
    reminder = mail.to(ANNA)[-1]
    link = reminder["List-Unsubscribe"].strip("<>")
    assert reminder["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"\r\nList-Unsubscribe: <{link}>\r\n".encode() in mail.raw[-1], "as programs read it"
    path = "/" + link.removeprefix(service.base)
    stranger = service.stranger()
    # A program that looks through the mail opens the link: nothing happens by that.
    question = await stranger.get(path, Accept="text/html")
    assert question.status == 200 and "预约签到提醒" in question.body
    before = await service.books()
    assert (await stranger.get(f"//email/unsubscribe?t={'x' * 40}")).status == 404
    assert (await stranger.post("//email/unsubscribe?t=1:junk")).status == 404
    assert await service.books() == before
    one_click = b"List-Unsubscribe=One-Click"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(2):
        answer = await stranger.call("POST", path, one_click, **form)
        assert answer.status == 200 and "不再发送" in answer.body
    kinds = {k["template"]: k["on"] for k in (await reader.ok("GET", "/email-address"))["kinds"]}
    assert not kinds["CHECK_IN_REMINDER"] and kinds["NO_SHOW"]
    assert urlsplit(link).path == "/email/unsubscribe" and reader.number not in link


@pytest.mark.whole
async def test_an_unavailable_channel_does_not_delay_the_others(
    service: Living, mail: MailServer
) -> None:
    """First WeChat refuses and mail works; then mail is unavailable and WeChat works."""
    phone = await service.reader()
    await phone.ok("POST", "/email-address", {"address": ANNA})
    await phone.ok("POST", "/email-address/confirm", {"code": mail.code_for(ANNA)})
    await phone.ok("POST", "/email-address/kinds", {"kinds": {"RESERVED": True}})
    for _ in range(2):
        await phone.accept("RESERVED")
    await misbehave(service, subscribe_send={"errcode": 48001, "times": MANY})
    first = await phone.reserve("2f-hall-001", "10:00", "11:00")
    await service.settle()
    assert (await way_of(service, first)).state == "queued"
    assert await mail_way(service, phone) == [("RESERVED", "sent")] and len(mail.to(ANNA)) == 2
    await misbehave(service)
    mail.greeting = "421 closed"
    await mail.end_connections()
    second = await phone.reserve("2f-hall-002", "12:00", "13:00")
    await service.settle()
    await service.move(timedelta(minutes=20))
    states = await mail_way(service, phone)
    assert states == [("RESERVED", "sent"), ("RESERVED", "queued")], states
    assert (await way_of(service, first)).state == "sent"
    ready = (await service.anonymous.get("//readyz")).body
    assert "wechat" not in ready["troubles"] and "away" in ready["troubles"]["email"]
    mail.greeting = ""
    await service.move(timedelta(minutes=6))
    assert await mail_way(service, phone) == [("RESERVED", "sent")] * 2
    assert "email" not in (await service.anonymous.get("//readyz")).body["troubles"]
    assert second["state"] == "reserved"


@pytest.mark.whole
async def test_a_mail_is_sent_once_after_a_server_that_disconnects_at_data(
    service: Living, mail: MailServer
) -> None:
    """The server answers every command and disconnects at DATA, so nothing was sent. Repeated, that
    pauses the channel with an alarm; afterwards the mail is sent once."""
    reader = await with_address(service, mail)
    await reader.reserve()
    await service.settle()
    mail.cuts = "DATA"
    await service.move("14:31")
    for _ in range(8):
        await service.move(timedelta(minutes=1))
    (reminder, no_show) = await mail_way(service, reader)
    assert no_show == ("NO_SHOW", "queued"), (reminder, no_show)
    assert "away" in (await service.anonymous.get("//readyz")).body["troubles"]["email"]
    mail.cuts = ""
    await service.move(timedelta(minutes=6))
    assert (await mail_way(service, reader))[-1] == ("NO_SHOW", "sent")
    assert [m["Subject"] for m in mail.to(ANNA)].count("未签到通知 · 北京工业大学图书馆") == 1
    assert "email" not in (await service.anonymous.get("//readyz")).body["troubles"]


@pytest.mark.whole
async def test_a_mail_with_an_unknown_outcome_is_repeated_twice(
    service: Living, mail: MailServer
) -> None:
    """Repeats come after 2 and 10 minutes under one Message-ID; then the delivery ends as
    failed."""
    reader = await with_address(service, mail)
    await reader.reserve()
    await service.settle()
    await service.move("14:29")
    before = len(mail.to(ANNA))
    mail.drops = True
    copies = []
    for minutes in (2, 2, 6, 8, 60):  # a repeat may be a fifth sooner or later
        await service.move(timedelta(minutes=minutes))
        copies.append(len(mail.to(ANNA)) - before)
    assert copies == [1, 2, 2, 3, 3]
    assert len({m["Message-ID"] for m in mail.to(ANNA)[before:]}) == 1
    assert (await mail_way(service, reader))[-1] == ("NO_SHOW", "failed")


@pytest.mark.whole
async def test_a_full_mailbox_is_retried_and_a_nonexistent_one_is_not(
    service: Living, mail: MailServer
) -> None:
    reader = await with_address(service, mail)
    await reader.reserve()
    await service.settle()
    mail.refuses[ANNA] = "452 4.2.2 full"
    await service.move("14:00")
    assert await mail_way(service, reader) == [("CHECK_IN_REMINDER", "queued")]
    del mail.refuses[ANNA]
    await service.move("14:05")
    assert await mail_way(service, reader) == [("CHECK_IN_REMINDER", "sent")]
    mail.refuses[ANNA] = "550 5.1.1 gone"
    await service.move("14:40")
    assert (await mail_way(service, reader))[-1] == ("NO_SHOW", "failed")
    settings = await reader.ok("GET", "/email-address")
    assert settings["undeliverable"] and settings["address"]
    await reader.reserve("2f-hall-001", "16:00", "17:00")
    await service.settle()
    await service.move("16:01")
    assert len(await mail_way(service, reader)) == 2, "nothing goes there any more"
    # Confirmed anew, it goes on.
    mail.refuses.clear()
    await reader.ok("POST", "/email-address", {"address": ANNA})
    await reader.ok("POST", "/email-address/confirm", {"code": mail.code_for(ANNA)})
    assert not (await reader.ok("GET", "/email-address"))["undeliverable"]


@pytest.mark.whole
async def test_a_campus_address_is_updated_at_sign_in_until_the_reader_removes_it(
    service: Living, mail: MailServer
) -> None:
    logins, stored = service.app[service_key(LoginService)], service.inside.stored.email_addresses

    async def sign_in(address: str, number: str = "21080001") -> None:
        who = SignIn(number, "李四", "student", f"ST-{address}", email=address)
        await logins.sign_in(who, service.clock.now())

    await sign_in("l@bjut.edu")
    rows = await service.db["email_addresses"].find().to_list(None)
    (row,) = rows
    assert "l@bjut.edu" not in str(row), "sealed"
    stored_address = await stored.of(row["_id"])
    assert (
        stored_address.address,
        stored_address.source,
        stored_address.wants(Template.OFFER),
    ) == (
        "l@bjut.edu",
        "campus",
        True,
    )
    await sign_in("li@bjut.edu")
    assert (await stored.of(row["_id"])).address == "li@bjut.edu"
    await sign_in("no address")
    assert (await stored.of(row["_id"])).address == "li@bjut.edu"
    await stored.remove(row["_id"])
    await sign_in("li@bjut.edu")
    assert (await stored.of(row["_id"])).address == "", "what the reader has decided stands"
    assert not mail.mails


async def test_the_page_adds_confirms_and_removes_an_address(
    service: Living, mail: MailServer
) -> None:
    reader = await service.web_reader()
    browser = Browser(await service.web_reader(reader))
    assert "邮件通知" in (await browser.get("/me")).body
    empty = (await browser.get("/me/email")).body
    assert "发送验证码" in empty and "哪些消息发邮件" not in empty
    wrong = await post(service, browser, "/me/email", address="nobody")
    assert wrong.status == 422 and 'value="nobody"' in wrong.body and "收不到邮件" in wrong.body
    assert (await post(service, browser, "/me/email", address=ANNA)).status == 303
    assert "a***@example.edu" in (await browser.get("/me/email?done=sent")).body
    refused = await post(service, browser, "/me/email/confirm", code="0")
    assert refused.status == 422 and "验证码不正确" in refused.body
    sent = await post(service, browser, "/me/email/confirm", code=mail.code_for(ANNA))
    assert sent.headers["Location"] == "/me/email?done=confirmed"
    page = (await browser.get("/me/email?done=confirmed")).body
    assert "哪些消息发邮件" in page and ANNA not in page
    await post(service, browser, "/me/email/kinds", RESERVED="1")
    kinds = {k["template"]: k["on"] for k in (await reader.ok("GET", "/email-address"))["kinds"]}
    assert [name for name, on in kinds.items() if on] == ["RESERVED"]
    await post(service, browser, "/me/email/remove")
    assert "哪些消息发邮件" not in (await browser.get("/me/email?done=removed")).body


@pytest.mark.whole
async def test_the_console_lists_mail_deliveries_beside_wechat(
    service: Living, mail: MailServer
) -> None:
    desk = await staff(service, Role.ADMINISTRATOR)
    reader = await with_address(service, mail)
    await reader.reserve()
    await service.settle()
    mail.refuses[ANNA] = "550 5.1.1 gone"
    await service.move("14:00")
    page = (await desk.get("/console/deliveries?channel=email")).body
    assert "发往邮件" in page and "550" in page and "邮箱不存在" in page
    assert "发往微信" in (await desk.get("/console/deliveries")).body
    assert (await desk.get("/console/deliveries?channel=pigeon")).status == 404
    mail.refuses.clear()
    await service.inside.stored.email_addresses.remove(reader.reader_id)
    answer = await post(service, desk, "/console/deliveries/email/retry")
    assert answer.headers["Location"].startswith("/console/deliveries?channel=email&done=")
    await service.settle()
    assert await mail_way(service, reader) == [("CHECK_IN_REMINDER", "unbound")]


async def test_without_a_mail_server_no_page_offers_mail(mongo_url: str, redis_url: str) -> None:
    async with living(mongo_url, redis_url, SMTP_URL="", MAIL_FROM="") as plain:
        reader = await plain.web_reader()
        assert (await reader.get("/email-address")).code == "not_found"
        browser = Browser(await plain.web_reader(reader))
        assert "邮件通知" not in (await browser.get("/me")).body
        assert (await browser.get("/me/email")).status == 404
        assert Channel.EMAIL not in plain.app[service_key(StaffDeliveries)].channels
