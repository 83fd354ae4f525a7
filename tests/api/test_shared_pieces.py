"""Pages from pieces that readers share: byte for byte as if each was made whole for its reader."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator, Callable, Hashable
from dataclasses import replace
from datetime import time, timedelta
from typing import Any, Final

import pytest

from handlers.http.pages import PageRequest
from handlers.seat_map import area_tiles, plan_pieces, shared, suggestions
from handlers.seat_map.cache import SEAT_MAP_CACHE, LruCache
from handlers.seat_map.shared import SharedPieces
from miniapp_server.clock import Clock
from models.identity.roles import Role
from models.readers.accommodations import NO_ACCOMMODATION, Accommodation
from tests.api.browsing import Browser
from tests.api.changes import with_rules
from tests.api.console import staff
from tests.api.counted_days import remember
from tests.api.reader_groups import ROOM, enter, group
from tests.api.reader_pages import suspend
from tests.living import SEAT, Client, Living, living
from tests.unfriendly import AREAS, HAUPT, JURA, KIOSKS

pytestmark = pytest.mark.whole

_SECRETS: Final = re.compile(r'(name="(?:csrf|key)" value=)"[^"]*"')
FULL: Final = "haupt-eg"
LOOKS: Final = (
    "/",
    "/?start=14:00&end=16:00&features=power",
    "/?venue=haupt&start=now&end=12:00",
    "/?venue=haupt&date={tomorrow}&skip=haupt-1-0",
    "/?date={tomorrow}&begin=09:00",
    f"/areas/{FULL}",
    f"/areas/{FULL}?start=14:00&end=16:00",
    "/areas/2f-hall",
    f"/areas/{ROOM}?date={{tomorrow}}&start=08:00&end=12:00",
    f"/areas/2f-hall?seat={SEAT}&begin=15:00",
)


@pytest.fixture
async def service(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    async with living(mongo_url, redis_url) as running:
        await running.inside.stored.catalogs.add_missing([HAUPT, JURA], AREAS, KIOSKS)
        await running.inside.reference.refresh()
        yield running


class Pages:
    """The pages that readers' browsers get at one instant, from pieces or made whole."""

    def __init__(self, service: Living, patch: pytest.MonkeyPatch) -> None:
        self._service, self._patch = service, patch
        self.now = service.clock.now()
        patch.setattr(Clock, "now", lambda _: self.now)

    def forget(self) -> None:
        cache = self._service.app[SEAT_MAP_CACHE]
        cache.pieces, cache.drawings = LruCache(512), LruCache(256)

    async def __call__(self, reader: Browser, path: str, language: str, **headers: str) -> str:
        address = path.format(tomorrow=self._service.tomorrow)
        cookie = {"Cookie": f"{reader.cookie['Cookie']}; language={language}"}
        answer = await reader.client.get(f"/{address}", **cookie, **headers)
        assert answer.status == 200, (address, answer.status)
        return _SECRETS.sub(r'\1""', answer.body)

    async def whole(self, reader: Browser, path: str, language: str, **headers: str) -> str:
        """Made for this reader alone, without any piece from before."""

        def make(pieces: Any, _: Hashable, make: Callable[[PageRequest], Any]) -> Any:
            return make(pieces._visit)

        cache = self._service.app[SEAT_MAP_CACHE]
        with self._patch.context() as patch:
            patch.setattr(SharedPieces, "piece", make)
            for module in (shared, plan_pieces):
                patch.setattr(module, "without_reader", lambda visit: visit)
            for module in (area_tiles, suggestions):
                patch.setattr(module, "sees_as_others", lambda *_: False)
            patch.setattr(area_tiles, "_own_next_free", lambda *_: ())
            patch.setattr(cache, "drawings", LruCache(0))
            return await self(reader, path, language, **headers)


@pytest.fixture
def pages(service: Living, monkeypatch: pytest.MonkeyPatch) -> Pages:
    return Pages(service, monkeypatch)


async def six_readers(service: Living) -> dict[str, Browser]:
    """Readers who see different things in one library, in which an area is full."""
    desk, admin = await staff(service), await staff(service, Role.ADMINISTRATOR)
    people = {
        name: await service.web_reader()
        for name in ("plain", "fond", "member", "booked", "suspended", "granted")
    }
    room = await group(service, admin, max_hours="8")
    assert (await enter(service, desk, people["member"], room)).status == 303
    await group(service, admin, **{"name": "博士生", f"area-{ROOM}": "", "area-2f-west": "on"})
    for name, seat in (("member", f"{FULL}-2"), ("member", SEAT), ("fond", SEAT)):
        await people[name].ok("POST", "/favourites", {"seat_id": seat})
    for place, end in enumerate(("09:00", "10:00", "11:00", "12:00")):
        other = await service.reader() if place else people["booked"]
        await other.reserve(f"{FULL}-{place}", "now", end)
        await other.reserve(f"{FULL}-{place}", "07:00", "22:30", service.tomorrow)
    assert (await suspend(service, desk, people["suspended"], forever="1")).status == 303
    await service.inside.stored.accommodations.replace(
        people["granted"].reader_id, NO_ACCOMMODATION, Accommodation(accessible=True)
    )
    return {name: Browser(person) for name, person in people.items()}


async def test_pages_from_pieces_are_those_made_whole(service: Living, pages: Pages) -> None:
    await with_rules(service, accessible_only=True, max_minutes=1440)
    readers = await six_readers(service)
    await service.inside.reference.refresh()
    everything = [
        (name, path, language)
        for name in readers
        for path in LOOKS
        for language in (("zh", "en") if path in (LOOKS[0], LOOKS[5]) else ("zh",))
    ]
    came = {"Referer": f"{service.base}/areas/2f-hall?date=x"}
    pages.forget()
    cold = {one: await pages(readers[one[0]], *one[1:]) for one in everything}
    warm = {one: await pages(readers[one[0]], *one[1:]) for one in reversed(everything)}
    plain = {"Accept-Encoding": "identity"}
    for one in everything:
        name, path, language = one
        whole = await pages.whole(readers[name], path, language)
        assert cold[one] == warm[one] == whole, one
        if path in (LOOKS[0], LOOKS[5]):
            assert await pages(readers[name], path, language, **plain) == whole, one
            back = await pages(readers[name], path, language, **came)
            assert back == await pages.whole(readers[name], path, language, **came), one


async def test_a_piece_is_never_older_than_what_it_was_made_of(
    service: Living, pages: Pages
) -> None:
    """The next page is as if it was made whole after a change of bookings, of the clock to the
    second, of rules, plans, groups or forecasts."""
    chance, catalogs = random.Random(7), service.inside.stored.catalogs
    await with_rules(service, booking_opens_at=time(8, 2), opening_draw=True)
    await remember(service, 42)
    reader = await service.web_reader()
    viewers = [Browser(reader), Browser(await service.web_reader())]
    made: list[tuple[Client, str]] = []

    async def book() -> None:
        other, place = await service.reader(), len(made)
        start, end = f"{14 + place // 4}:00", f"{15 + place // 4}:00"
        booking = await other.reserve(f"{FULL}-{place % 4}", start, end)
        made.append((other, booking["id"]))

    async def cancel() -> None:
        if made:
            other, id = made.pop()
            await other.ok("POST", f"/reservations/{id}/cancel")

    async def tick() -> None:
        pages.now += timedelta(seconds=chance.choice([1, 9, 60, 1800]))

    async def rename() -> None:
        area = service.inside.reference.catalog.areas[AREAS[0].id]
        newer = replace(area, name=f"A区{chance.random()}", rev=area.rev + 1)
        assert await catalogs.replace_area(newer)
        await service.inside.reference.refresh()

    async def rules() -> None:
        await with_rules(service, max_minutes=chance.choice([60, 120, 240]))

    async def grouped() -> None:
        admin = await staff(service, Role.ADMINISTRATOR)
        await group(service, admin, **{"name": f"g{chance.random()}", "area-haupt-1": "on"})

    async def counted() -> None:
        await remember(service, 42, chance.random())

    changes = [book, book, book, cancel, tick, tick, tick, rename, rules, grouped, counted]
    today = "&start=14:00&end=15:00"
    tomorrow = "?date={tomorrow}&venue=haupt"
    seat = f"/areas/{FULL}{tomorrow}&seat={FULL}-0"
    paths = (f"/?venue=haupt{today}", f"/areas/{FULL}?{today}", f"/{tomorrow}", seat)
    to_the_draw = [timedelta(seconds=s) for s in (119, 1, 10.4, 0.2, 49.4)]
    for number in range(36):
        change = chance.choice(changes) if number >= len(to_the_draw) else tick
        if number < len(to_the_draw):
            pages.now += to_the_draw[number]
        else:
            await change()
        for viewer in viewers:
            for path in paths:
                shown_page = await pages(viewer, path, "zh")
                assert shown_page == await pages.whole(viewer, path, "zh"), (change.__name__, path)
