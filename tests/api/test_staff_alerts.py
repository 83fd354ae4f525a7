"""邮件提醒: staff are mailed about new items, once each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from models.identity.roles import Role
from tests.api.browsing import Browser
from tests.api.console import post
from tests.living import Client, Living, living
from tests.mail_server import MailServer, text_of

DESK = "desk@lib.test"


@pytest.fixture
async def service(mongo_url: str, redis_url: str, mail: MailServer) -> AsyncIterator[Living]:
    url = f"smtp://127.0.0.1:{mail.port}"
    async with living(mongo_url, redis_url, SMTP_URL=url, MAIL_FROM="seats@lib.test") as running:
        yield running


async def librarian(service: Living, mail: MailServer, person: Client | None = None) -> Browser:
    """A librarian with a confirmed address."""
    person = person or await service.web_reader(role=Role.LIBRARIAN)
    await person.ok("POST", "/email-address", {"address": DESK})
    await person.ok("POST", "/email-address/confirm", {"code": mail.code_for(DESK)})
    mail.mails.clear()
    return Browser(person)


async def look(service: Living) -> None:
    """Runs the job once."""
    job = service.scheduler.job("staff_alerts")
    assert job is not None
    await job.run(service.clock.now())


async def ask(service: Living, text: str) -> Client:
    reader = await service.web_reader()
    browser = Browser(await service.web_reader(reader))
    assert (await post(service, browser, "/contact", text=text)).status == 303
    return reader


async def later(service: Living, **time: float) -> None:
    await service.leap(timedelta(**time))


async def test_one_mail_counts_the_new_items_without_their_content(
    service: Living, mail: MailServer
) -> None:
    desk = await librarian(service, mail)
    assert 'href="/console/alerts"' in (await desk.get("/console")).body
    answer = await post(service, desk, "/console/alerts", questions="1", faults="1")
    assert answer.headers["Location"] == "/console/alerts?done"
    assert (await desk.get("/console/alerts")).body.count("checked") == 2
    await look(service)
    assert mail.mails == [], "nothing waits"
    for text in ("灯太暗", "空调太冷，我叫张三"):
        await ask(service, text)
    await look(service)
    (first,) = mail.to(DESK)
    body = text_of(first)
    assert "留言：2" in body and "/console" in body and "报修" not in body
    assert "张三" not in body and "空调" not in body, "how much, and not what"
    # Another one within ten minutes waits for the next mail; what was counted is told once.
    await ask(service, "插座坏了")
    await look(service)
    await later(service, minutes=9)
    await look(service)
    assert len(mail.to(DESK)) == 1
    await later(service, minutes=2)
    for _ in range(2):
        await look(service)
    assert "留言：3" in text_of(mail.to(DESK)[-1]) and len(mail.to(DESK)) == 2
    # The next one is in the language that the librarian has chosen meanwhile.
    await post(service, desk, "/me/language", language="en")
    await ask(service, "门坏了")
    await later(service, minutes=11)
    await look(service)
    last = mail.to(DESK)[-1]
    assert last["Subject"].startswith("Work is waiting for you · ")
    assert "Questions: 4" in text_of(last) and "Open the console: " in text_of(last)


async def test_a_failed_alert_mail_is_retried(service: Living, mail: MailServer) -> None:
    desk = await librarian(service, mail)
    await post(service, desk, "/console/alerts", questions="1")
    await ask(service, "灯太暗")
    mail.sender_says = "451 later"
    await look(service)
    assert mail.mails == []
    mail.sender_says = ""
    await later(service, minutes=1)
    await look(service)
    assert len(mail.to(DESK)) == 1


async def test_only_lasting_troubles_are_mailed(service: Living, mail: MailServer) -> None:
    desk = await librarian(service, mail)
    await post(service, desk, "/console/alerts", troubles="1")
    pause = {"reason": "refused", "code": 48001, "since": service.clock.now(), "failed": 0}
    ends = service.clock.now() + timedelta(hours=1)
    row = {"_id": f"wechat:{service.settings.wechat.account}", "until": ends, "alarmed": True}
    await service.db["pauses"].insert_one({**pause, **row, "prober": None, "probe_until": None})
    await look(service)
    assert mail.mails == [], "many are over at the next look"
    await later(service, minutes=1)
    await look(service)
    assert "系统异常：" in text_of(mail.to(DESK)[0])


async def test_alerts_need_an_address_a_role_with_access_and_recent_use(
    service: Living, mail: MailServer
) -> None:
    nobody = Browser(await service.web_reader(role=Role.LIBRARIAN))
    refused = await post(service, nobody, "/console/alerts", questions="1")
    assert refused.status == 422 and "请先登记邮箱" in refused.body
    viewer = Browser(await service.web_reader(role=Role.VIEWER))
    assert (await viewer.get("/console/alerts")).status == 403
    assert (await post(service, viewer, "/console/alerts", questions="1")).status == 403
    assert await service.db["staff_alerts"].count_documents({}) == 0
    desk = await librarian(service, mail)
    await post(service, desk, "/console/alerts", questions="1")
    await post(service, desk, "/console/alerts")
    assert await service.db["staff_alerts"].count_documents({}) == 0, "nothing is wanted"
    await post(service, desk, "/console/alerts", questions="1")
    await ask(service, "灯太暗")
    # Who has not used a role for 90 days does not work here any more.
    await later(service, days=91)
    await look(service)
    assert mail.mails == []


async def test_alerts_continue_while_the_role_is_used_and_viewing_writes_nothing(
    service: Living, mail: MailServer
) -> None:
    """The job checks each person's role and venues; the console's first page only reads."""
    person = await service.web_reader(role=Role.LIBRARIAN)
    desk = await librarian(service, mail, person)
    await post(service, desk, "/console/alerts", questions="1")
    await later(service, days=60)
    desk = Browser(await service.web_reader(person, role=Role.LIBRARIAN))
    before = await service.all_documents()
    assert (await desk.get("/console")).status == 200
    assert await service.all_documents() == before
    await service.db["staff_alerts"].update_one({}, {"$set": {"venues": ["elsewhere"]}})
    await look(service)
    documents = await service.all_documents()
    (wish,) = await service.db["staff_alerts"].find().to_list()
    assert wish["venues"] is None, "the role reaches the whole library"
    await look(service)
    assert await service.all_documents() == documents, "once in a week is enough"
    await later(service, days=60)
    await ask(service, "灯太暗")
    await look(service)
    assert len(mail.to(DESK)) == 1, "120 days after the choice"
