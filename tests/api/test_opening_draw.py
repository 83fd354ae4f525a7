"""The draw at an opening, over HTTP."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from handlers.http.keys import LOAD_SHEDDER, service_key
from handlers.http.load_shedding import SLOTS
from models.identity.roles import Role
from models.opening_draw.calculation import application, faults
from models.opening_draw.publication import DrawPublication
from tests.api.browsing import Browser
from tests.api.changes import with_rules
from tests.api.console import staff
from tests.api.reader_groups import ROOM, enter, group
from tests.living import SEAT, Client, Living, living
from tests.waiting import patience

OPENING = datetime.fromisoformat("2026-09-07T10:00:00+08:00")
OTHER_SEAT = "2f-hall-066"


async def test_requests_waiting_for_a_draw_take_no_place_in_the_queue(
    mongo_url: str, redis_url: str
) -> None:
    async with living(mongo_url, redis_url, now=OPENING) as service:
        stored, reference = service.inside.stored, service.inside.reference
        rules = replace(reference.policy, version=2, booking_opens_at=time(10), opening_draw=True)
        assert await stored.policies.add(rules, service.clock.now())
        await reference.refresh()
        readers = await asyncio.gather(*(service.reader() for _ in range(4)))
        wish = {"seat_id": SEAT, "date": service.tomorrow, "start": "10:00", "end": "12:00"}
        other = wish | {"seat_id": OTHER_SEAT}
        requests = [asyncio.create_task(reader.post("/reservations", wish)) for reader in readers]
        while await service.db["opening_tickets"].count_documents({}) < len(readers):
            pass
        second = await readers[0].post("/reservations", other)
        assert (second.status, second.code) == (409, "draw_pending"), "one ticket a reader"
        door = service.app[LOAD_SHEDDER].door
        for _ in range(SLOTS):  # all places are free
            async with asyncio.timeout(patience(1)):
                await door.acquire()
        for _ in range(SLOTS):
            door.release()
        assert not any(request.done() for request in requests)
        answers = await asyncio.gather(*requests)
        assert sorted((a.status, a.code) for a in answers) == [
            (201, ""),
            *[(409, "seat_taken")] * 3,
        ]
        lost = [a for a in answers if a.status == 409]
        assert (
            all(a.details["drawn"] for a in lost) and "没有抽中" in lost[0].body["error"]["message"]
        )
        loser = next(r for r, a in zip(readers, answers, strict=True) if a.status == 409)
        early = await loser.post("/reservations", other)
        assert (early.status, early.code, early.headers["Retry-After"]) == (429, "throttled", "1")
        today = wish | {"date": service.today, "start": "14:00", "end": "15:00"}
        assert (await loser.post("/reservations", today)).status == 201, "only what opens is drawn"


async def test_anyone_verifies_a_draw_from_its_file(mongo_url: str, redis_url: str) -> None:
    """The commitment is public before the opening, secret and lists after it; a reader finds their
    own application on the list, and nobody's name is in it."""
    async with living(mongo_url, redis_url, now=OPENING - timedelta(hours=1)) as service:
        await with_rules(service, booking_opens_at=time(10), opening_draw=True)
        readers = [await service.web_reader() for _ in range(3)]
        url = f"//draws/{OPENING.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}.json"
        assert (await service.anonymous.get(url)).status == 404
        await service.app[service_key(DrawPublication)].commit_ahead(service.clock.now())
        before = (await service.anonymous.get(url)).body
        assert before["committed_at"] < before["opens_at"] == "2026-09-07T10:00:00+08:00"
        assert (before["secret"], before["lists"]) == (None, [])
        assert before["commitment"] in (await service.anonymous.get("//draws")).body
        await service.jump("10:00")
        wish = {"seat_id": SEAT, "date": service.tomorrow, "start": "10:00", "end": "12:00"}
        answers = await asyncio.gather(*(r.post("/reservations", wish) for r in readers))
        assert sorted(a.status for a in answers) == [201, 409, 409]
        assert (await service.anonymous.get(url)).body == before, "the draw goes on"
        await service.jump("10:01")
        draw = (await service.anonymous.get(url)).body
        assert draw["commitment"] == before["commitment"] and list(faults(draw)) == []
        (served,) = [one["applications"] for one in draw["lists"]]
        for reader, answer in zip(readers, answers, strict=True):
            page = (await Browser(reader).get("/draws")).body
            salt, own = re.findall(r'data-salt="(\w+)" data-wish="([^"]+)"', page)[0]
            assert (served.index(application(salt, own)) == 0) is (answer.status == 201)
        for name in ("//draws/2026-09-07T10:00:00.json", "//draws/none.json"):
            assert (await service.anonymous.get(name)).status == 404


async def drawn_until(reader: Client) -> list[str | None]:
    """The end of the draw for each day, as the API reports it to this reader."""
    (venue, *_) = (await reader.ok("GET", "/venues"))["items"]
    return [day["drawn_until"] and day["drawn_until"][:19] for day in venue["dates"]]


async def test_a_day_reports_until_when_its_opening_is_drawn(service: Living) -> None:
    """Before and during the opening; for a group by the hour at which it opens for them."""
    await with_rules(service, booking_opens_at=time(10), opening_draw=True)
    head, member = await staff(service, Role.ADMINISTRATOR), await service.reader()
    reader = await service.reader()
    longer = {"booking_window_days": "2", f"area-{ROOM}": ""}
    await enter(service, head, member, await group(service, head, **longer))
    until = f"{service.today}T10:00:10"
    for at in ("09:00", "10:00:09"):
        await service.jump(at)
        assert await drawn_until(reader) == [None, until]
        assert await drawn_until(member) == [None, None, until], "tomorrow is open to them"
    await service.jump("10:00:11")
    assert await drawn_until(reader) == [None, None]
