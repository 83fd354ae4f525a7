"""A paused channel: offers are held longer, reminders use the next channel, and the page shows
it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from models.messages.entities import REMINDERS
from tests.api.browsing import Browser
from tests.api.console import post
from tests.api.deliveries import MANY, misbehave
from tests.api.waitlist import ONE, TWO, held_seat, join, offers
from tests.living import Client, Living, living
from tests.mail_server import MailServer

pytestmark = pytest.mark.whole

REFUSED = {"errcode": 48001, "times": MANY}
UNTOLD = "通知暂时发不出去"


@pytest.fixture
async def service(mongo_url: str, redis_url: str, mail: MailServer) -> AsyncIterator[Living]:
    smtp = f"smtp://127.0.0.1:{mail.port}"
    async with living(mongo_url, redis_url, SMTP_URL=smtp, MAIL_FROM="s@lib.test") as running:
        yield running


async def pause_wechat(service: Living) -> None:
    somebody = await service.reader()
    await somebody.accept("RESERVED")
    await misbehave(service, subscribe_send=REFUSED)
    await somebody.reserve("2f-hall-060", "20:00", "21:00")
    await service.settle()
    pause = await service.db["pauses"].find_one({})
    assert pause is not None and pause["reason"] == "refused"


async def look_at_the_pauses(service: Living) -> None:
    (refresh,) = [group for group in service.scheduler.groups if group.name == "refresh"]
    await refresh.jobs[0].run(service.clock.now())


async def with_mail(service: Living, mail: MailServer, phone: Client, address: str) -> Client:
    """The page of a reader who has confirmed the address, in a browser."""
    page = await service.web_reader(phone)
    await page.ok("POST", "/email-address", {"address": address})
    await page.ok("POST", "/email-address/confirm", {"code": mail.code_for(address)})
    return page


async def test_an_offer_to_a_reader_whose_only_channel_is_paused_is_held_longer(
    service: Living, mail: MailServer
) -> None:
    """The time is fixed when the offer is made: other readers get no longer one, and it does not
    change when the channel is back."""
    (owner, made), (other, second) = await held_seat(service), await held_seat(service, seat=TWO)
    (third_owner, third) = await held_seat(service, seat="2f-hall-030")
    silent, mailed, alone = [await service.reader() for _ in range(3)]
    for reader, seat in ((silent, ONE), (mailed, TWO), (alone, "2f-hall-030")):
        await join(service, reader, seats=[seat])
    for reader in (silent, mailed):
        await reader.accept("OFFER")
    await with_mail(service, mail, mailed, "m@example.edu")
    await pause_wechat(service)
    await service.jump("09:00")
    for person, r in ((owner, made), (other, second), (third_owner, third)):
        await person.ok("POST", f"/reservations/{r['id']}/cancel")
    # By WeChat alone; by mail as well; by nothing but the page, as ever.
    untils = [(await offers(reader))[0]["held_until"][11:16] for reader in (silent, mailed, alone)]
    assert untils == ["09:30", "09:10", "09:10"]
    await service.settle()
    (message,) = (await silent.ok("GET", "/messages"))["items"]
    assert "为您保留到 09:30" in message["text"]
    assert "09:30" in (await Browser(await service.web_reader(silent)).get("/")).body
    await misbehave(service)
    await service.move("09:20")
    (held,) = await offers(silent)
    assert held["held_until"][11:16] == "09:30", "also when WeChat is back"
    assert [m["template"] for m in await silent.messages()] == ["OFFER"]
    await silent.ok("POST", f"/reservations/{held['id']}/accept")


async def test_a_reminder_is_sent_by_the_next_channel_while_one_is_paused(
    service: Living, mail: MailServer
) -> None:
    """The reader wants this kind by WeChat and has not chosen mail for it; a reader who has
    switched it off gets none and sees that on the page."""
    both, off, alone = [await service.reader() for _ in range(3)]
    pages = {
        reader.number: await with_mail(service, mail, reader, f"r{n}@example.edu")
        for n, reader in enumerate((both, off))
    }
    kinds = {"kinds": dict.fromkeys(REMINDERS, False)}
    await pages[off.number].ok("POST", "/email-address/kinds", kinds)
    for reader in (both, off):  # who saves the page as it stands has decided nothing
        mail_kinds = (await pages[reader.number].ok("GET", "/email-address"))["kinds"]
        ticked = {kind["template"]: "1" for kind in mail_kinds if kind["on"]}
        browser = Browser(await service.web_reader(reader))
        assert (await post(service, browser, "/me/email/kinds", **ticked)).status == 303
    for n, reader in enumerate((both, off, alone)):
        await reader.accept("ENDING_SOON")
        r = await reader.reserve(f"2f-hall-00{n + 1}", "now", "10:00")
        await reader.ok("POST", f"/reservations/{r['id']}/check-in", {"qr": await service.qr()})
        await service.leap(timedelta(seconds=20))
        await service.settle()
    for reader in (both, off, alone):
        assert (await reader.ok("GET", "/me"))["reminders_paused"] is False
    await pause_wechat(service)
    await look_at_the_pauses(service)
    seen = {}
    for name, reader in (("both", both), ("off", off), ("alone", alone)):
        paused = (await reader.ok("GET", "/me"))["reminders_paused"]
        browser = Browser(await service.web_reader(reader))
        for path in ("/", "/reservations"):
            assert (UNTOLD in (await browser.get(path)).body) is paused, (name, path)
        seen[name] = paused
    assert seen == {"both": False, "off": True, "alone": True}
    await service.move("09:41")
    assert [m["Subject"].split(" · ")[0] for m in mail.to("r0@example.edu")[1:]] == ["座位即将到时"]
    assert mail.to("r1@example.edu")[1:] == []
    await misbehave(service)
    await service.move("09:59")
    assert [m["template"] for m in await alone.messages()] == ["ENDING_SOON"], "once it is back"
    await look_at_the_pauses(service)
    assert (await alone.ok("GET", "/me"))["reminders_paused"] is False
