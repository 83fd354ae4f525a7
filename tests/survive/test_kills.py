"""The service killed repeatedly while its jobs run: every effect happens once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from handlers.http.keys import service_key
from miniapp_server.sandbox.wechat_repository import SandboxWeChat
from models.check_in.arrival import KioskCodeScan
from models.kernel.ids import Actor
from models.library.entities import KioskId
from models.messages.entities import WECHAT_TEMPLATES
from models.readers.context import RequestContext
from models.readers.entities import Reader
from models.reservations.rules import TimeSelection
from notify.wechat.channel import WeChatChannel
from tests.builders import ZONE
from tests.living import MONDAY_8
from tests.survive.serving import Remote, remote
from tests.waiting import until

KILLS = 8
READERS = 200
MISSED = READERS // 2
"""So many do not come; the others check in and stay to the end."""

NINE, TEN = MONDAY_8 + timedelta(hours=1), MONDAY_8 + timedelta(hours=2)
TOLD = {
    True: ["RESERVED", "NO_SHOW"],
    False: ["RESERVED", "CHECKED_IN", "ENDED"],
}
"""What each is told at least, by whether they missed it; reminders depend on when it ran."""


@dataclass(frozen=True, slots=True)
class Guest:
    reader: Reader
    openid: str
    reservation: str
    missed: bool


async def guests(service: Remote) -> list[Guest]:
    """While the service is down: adds bookings from 9 to 10, half of them checked in, and one
    consent for each message."""
    actor = Actor("reader", "mini")
    wechat = SandboxWeChat(service.db)
    seats = [
        seat.id for seat in service.inside.reference.catalog.seats.values() if seat.disabled is None
    ]

    async def one(number: int) -> Guest:
        missed, openid = number < MISSED, f"o-guest{number}"
        reader = await service.inside.stored.readers.upsert_from_login(
            f"2107{number:04}", "张三", "student", MONDAY_8
        )
        await service.inside.stored.bindings.bind(reader.id, openid, None, MONDAY_8)
        for template in WECHAT_TEMPLATES:
            await service.inside.stored.consents.add(reader.id, template)
            await wechat.grant(
                openid, service.app[service_key(WeChatChannel)].templates[template].template_id
            )
        wish = TimeSelection(ZONE.day(NINE), NINE.time(), TEN.time())
        made = await service.inside.reservations.create(
            RequestContext(reader, actor, MONDAY_8), seats[number], wish
        )
        if not missed:
            scan = KioskCodeScan(KioskId("2f-south"), 1, True)
            await service.inside.check_in.check_in(
                RequestContext(reader, actor, NINE), made.id, scan
            )
        return Guest(reader, openid, made.id, missed)

    return await asyncio.gather(*(one(number) for number in range(READERS)))


async def progress(service: Remote) -> int:
    """A number that grows with every step of every job."""
    db = service.db
    done = await db["reservations"].count_documents({"live": False})
    dispatched = await db["reservations"].count_documents({"outbox": []})
    messages = await db["messages"].count_documents({})
    settled = await db["deliveries"].count_documents({"open": False})
    return done + dispatched + messages + settled


async def all_done(service: Remote) -> bool:
    db = service.db
    return not (
        await db["reservations"].count_documents(
            {"$or": [{"live": True}, {"outbox.0": {"$exists": True}}]}
        )
        or await db["deliveries"].count_documents({"open": True})
    )


def reached(service: Remote, least: int) -> Callable[[], Awaitable[bool]]:
    async def has() -> bool:
        return await progress(service) >= least or await all_done(service)

    return has


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [20260907])
async def test_each_effect_happens_once_although_the_service_is_killed(
    mongo_url: str, redis_url: str, seed: int
) -> None:
    chance = random.Random(seed)
    async with remote(mongo_url, redis_url) as service:
        await service.kill()
        invited = await guests(service)
        await service.show(TEN + timedelta(minutes=1))
        kills_while_busy = 0
        for _ in range(KILLS):
            await service.leases_run_out()
            before = await progress(service)
            await service.start()
            step = chance.randint(1, 60)
            await until(reached(service, before + step), f"{step} steps of the jobs", 30)
            kills_while_busy += not await all_done(service)
            await service.kill()
        assert kills_while_busy >= KILLS - 2, "the kills came in the middle of the work"
        await service.leases_run_out()
        await service.start()

        async def done() -> bool:
            return await all_done(service)

        await until(done, "the end of the jobs", 40)
        for guest in invited:
            await fared_once(service, guest)
        doubles = await service.inside.stored.reservations.find_double_bookings()
        assert doubles == []
        violations = service.db["violations"]
        assert await violations.count_documents({}) == MISSED


async def fared_once(service: Remote, guest: Guest) -> None:
    r = await service.inside.stored.reservations.get(guest.reservation)
    assert r is not None
    events = [entry.event for entry in r.history]
    assert events == (["reserve", "miss"] if guest.missed else ["reserve", "check_in", "complete"])
    assert r.ended_at == (NINE + timedelta(minutes=30) if guest.missed else TEN), "when it was due"

    messages, total = await service.inside.stored.messages.page_of(guest.reader.id, False, 0, 100)
    templates = Counter(message.template.value for message in messages)
    assert max(templates.values()) == 1 and total == len(messages)
    assert set(TOLD[guest.missed]) <= set(templates)
    _, violations = await service.inside.stored.violations.page_of(guest.reader.id, 0, 10)
    assert violations == guest.missed

    inbox = [d.template for d in await SandboxWeChat(service.db).inbox(guest.openid)]
    assert len(inbox) == len(set(inbox)), "at most one WeChat message each"
    order = [message.template.value for message in sorted(messages, key=lambda m: (m.at, m.id))]
    assert inbox == [template for template in order if template in inbox]
