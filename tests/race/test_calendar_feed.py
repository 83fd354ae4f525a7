"""A reader requests a new calendar address in several windows at once: one address works."""

from __future__ import annotations

import asyncio

from models.calendar_feed.entities import CalendarFeed, RoomFeed
from models.calendar_feed.repository import CalendarFeedRepository
from models.calendar_feed.service import CalendarFeeds
from models.kernel.errors import NotFound
from models.storage.mongo import new_id
from tests.race.stage import Stage, clock, guarded, kinds


class Adding(CalendarFeedRepository):
    """The control: reads, deletes, and adds a document with another id."""

    looked: asyncio.Barrier

    async def put(self, feed: CalendarFeed | RoomFeed, secret: str) -> None:
        assert isinstance(feed, CalendarFeed)
        there = await self._all.find({"reader": feed.reader_id}, {"_id": 1}).to_list(None)
        await self.looked.wait()
        await self._all.delete_many({"_id": {"$in": [row["_id"] for row in there]}})
        document = {"reader": feed.reader_id, "at": feed.created_at, "language": feed.language}
        await self._all.insert_one({**document, "_id": new_id(), "secret": secret})


@guarded
async def test_concurrent_requests_leave_one_working_feed_address(
    stage: Stage, guard: bool
) -> None:
    reader, other = await stage.reader(), await stage.reader()
    kind = CalendarFeedRepository if guard else Adding
    workers = [
        CalendarFeeds(
            kind(stage.db), stage.stored.reservations, stage.stored.room_bookings, stage.cipher
        )
        for _ in range(8)
    ]
    Adding.looked = asyncio.Barrier(len(workers))
    tokens = await asyncio.gather(*(w.issue(reader.id, "zh", clock(9)) for w in workers))
    Adding.looked = asyncio.Barrier(1)
    theirs = await workers[0].issue(other.id, "zh", clock(9))

    async def works() -> dict[str, int]:
        reads = (w.read(w.id_of(t)) for w, t in zip(workers, tokens, strict=True))
        return kinds(await asyncio.gather(*reads, return_exceptions=True))

    assert await works() == ({"ok": 1, NotFound.code: 7} if guard else {"ok": 8})
    # Switched off in one window: nothing leads there, and the neighbour's address stays.
    await workers[0].revoke(reader.id)
    assert await works() == ({NotFound.code: 8} if guard else {"ok": 8}), "it lives on"
    feed = await workers[1].read(workers[1].id_of(theirs))
    assert isinstance(feed, CalendarFeed) and feed.reader_id == other.id
