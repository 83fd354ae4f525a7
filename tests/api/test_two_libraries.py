"""Two libraries in one process, on one MongoDB and one Redis: nothing of one reaches the other."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, replace
from typing import Any, Final

from handlers.http.authentication import BOOKINGS
from tests.api.berlin import BERLIN, in_berlin
from tests.api.browsing import Browser
from tests.api.seat_map_watcher import HALL, OTHER, elsewhere, watching
from tests.living import SEAT, Client, Living, living
from tests.log_lines import log_lines
from tests.waiting import until

KEYS: Final = "1:" + base64.b64encode(b"b" * 32).decode()
MITTE: Final = replace(
    BERLIN,
    name="Universität Mitte",
    title="Plätze in Mitte",
    running_line="Höchstens {最长小时} Stunden in Mitte",
    rules_text="# Regeln in Mitte",
    campus_app="Mitte-App",
)
NAMES: Final = ("北京工业大学", "二层中厅", "二层东区", "日新工大")
NAMES_IN_MITTE: Final = ("Mitte", "Saal", "Turm")
PAGES: Final = ("/", f"/areas/{HALL}", "/rules", "/reservations", "/me", "/contact", "/nowhere")
READS: Final = ("/areas", f"/areas/{HALL}/map", "/reservations", "/me", "/catalog", "/rules")


@dataclass
class _Library:
    service: Living
    phone: Client
    browser: Browser
    offset: str
    own: tuple[str, ...]
    """Texts that only its own answers have; each of its pages has one of them."""
    home: tuple[str, ...]
    """Texts of its first page: the hour that its clocks show, and its running line."""
    booked: str = ""

    async def reserve(self) -> None:
        made = await self.phone.reserve(SEAT, "20:00", "21:00")
        assert made["start"].endswith(f"20:00:00{self.offset}")
        self.booked, self.own = made["id"], (*self.own, made["id"])

    async def answers(self) -> list[str]:
        """Its pages, its answers to programs and its metrics."""
        texts = []
        for path in PAGES:
            page = await self.browser.get(path, Accept="text/html")
            assert page.status == (404 if path == "/nowhere" else 200), (path, page.status)
            assert any(name in page.body for name in self.own), (path, page.body)
            texts.append(page.body)
        assert all(text in texts[0] for text in self.home), texts[0]
        assert "20:00" in texts[PAGES.index("/reservations")]
        for path in READS:
            answer = await self.phone.get(path)
            assert answer.headers["X-Server-Time"].endswith(self.offset), path
            texts.append(str(answer.body))
        metrics = (await self.service.anonymous.get("//metrics")).body
        assert 'seat_reservation_events_total{event="reserve",via="mini"} 1.0' in metrics
        return [*texts, metrics]

    async def plan(self) -> Any:
        body = await self.phone.ok("GET", f"/areas/{HALL}/map")
        return body["desks"], body["faces"]


async def _opened(service: Living, own: tuple[str, ...], *home: str) -> _Library:
    phone = await service.reader()
    await phone.accept("RESERVED")
    browser = Browser(await service.web_reader(phone))
    offset = f"{service.inside.reference.zone.local(service.clock.now()):%z}"
    return _Library(
        service, phone, browser, f"{offset[:3]}:{offset[3:]}", (*own, phone.number), home
    )


async def _rebuilt(service: Living) -> None:
    """The library with the same ids has other names, and plans with x and y exchanged."""
    stored, reference = service.inside.stored.catalogs, service.inside.reference
    for venue in reference.catalog.venues.values():
        new = replace(venue, name="Turm", floors=(), names={}, rev=venue.rev + 1)
        assert await stored.replace_venue(new)
    for n, area in enumerate(reference.catalog.areas.values()):
        new_area = replace(
            area,
            name=f"Saal {n}",
            names={},
            width=area.height,
            height=area.width,
            fixtures=(),
            seats=tuple(replace(seat, x=seat.y, y=seat.x) for seat in area.seats),
            rev=area.rev + 1,
        )
        assert await stored.replace_area(new_area)
    await reference.refresh()


async def test_two_libraries_in_one_process_keep_apart(mongo_url: str, redis_url: str) -> None:
    with log_lines() as log:
        async with living(mongo_url, redis_url, jobs=True) as service:
            beijing = await _opened(service, NAMES, "<b>08:", "不同区域最长时间不同")
            plan, now = await beijing.plan(), service.clock.now().isoformat()
            async with in_berlin(mongo_url, redis_url, now, MITTE, KEYS, jobs=True) as other:
                await _rebuilt(other)
                mitte = await _opened(other, NAMES_IN_MITTE, "<b>02:", "Stunden in Mitte")
                await asyncio.gather(beijing.reserve(), mitte.reserve())
                for _ in range(2):
                    both = await asyncio.gather(beijing.answers(), mitte.answers())
                    for texts, there in zip(both, (mitte, beijing), strict=True):
                        for text in texts:
                            assert not [name for name in there.own if name in text], text
                    assert await beijing.plan() == plan != await mitte.plan()
                for one, there in ((beijing, mitte), (mitte, beijing)):
                    stranger = elsewhere(one.phone, there.service)
                    assert (await stranger.get("/me")).code == "unauthenticated"
                    unknown = await one.phone.get(f"/reservations/{there.booked}")
                    assert unknown.code == "not_found"
                    assert (await one.phone.get("/staff/reservations")).code == "forbidden"

                async def both_sent() -> bool:
                    named = {line["database"] for line in log.of("outgoing_call")}
                    return named == {service.db.name, other.db.name}

                await until(both_sent, "a message of each library")
    databases = [line["database"] for line in log.of("security_refusal")]
    assert databases == [service.db.name, other.db.name]


async def test_installations_on_one_redis_limit_and_sign_out_apart(
    mongo_url: str, redis_url: str
) -> None:
    """The copy has the same readers and sessions, as that of a restored backup."""
    async with (
        living(mongo_url, redis_url, RATE_LIMIT_SCALE="1") as one,
        living(mongo_url, redis_url, RATE_LIMIT_SCALE="1") as copy,
    ):
        hasty, leaves = await one.reader(), await one.reader()
        for name in ("readers", "bindings", "sessions"):
            if rows := await one.db[name].find().to_list(None):
                await copy.db[name].insert_many(rows)
        hasty_there, leaves_there = elsewhere(hasty, copy), elsewhere(leaves, copy)
        async with watching(leaves) as ended, watching(leaves_there) as on:
            await hasty.reserve(SEAT)
            wish = {"seat_id": SEAT, "date": one.today, "start": "14:00", "end": "15:00"}
            statuses = [
                (await hasty.post("/reservations", wish)).status
                for _ in range(2 * int(BOOKINGS.capacity))
            ]
            assert statuses[-1] == 429
            await leaves.ok("DELETE", "/sessions/current")
            await ended.until(lambda: ended.ended)
            await hasty_there.reserve(OTHER, start="now", end="12:00")
            await on.until(lambda: on.ended or on.seats[OTHER]["status"] != "free")
            assert not on.ended and on.seats[SEAT]["status"] == "free"
            await leaves_there.ok("GET", "/me")
