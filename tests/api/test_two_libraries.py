"""Two libraries in one process, on one MongoDB and one Redis: nothing of one reaches the other."""

from __future__ import annotations

from handlers.http.authentication import BOOKINGS
from tests.api.seat_map_watcher import OTHER, elsewhere, watching
from tests.living import SEAT, living


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
