"""Two workers return the same plans, and a stream survives a restart of the database."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from miniapp_server.embedded_databases import embedded_databases
from tests.api.seat_map_watcher import HALL, OTHER, elsewhere, two_workers, watching
from tests.living import SEAT, Answer, living
from tests.waiting import patience, until


@pytest.mark.whole
async def test_two_workers_return_the_same_plans_and_changes(
    mongo_url: str, redis_url: str
) -> None:
    async with two_workers(mongo_url, redis_url) as (one, other):
        holder, reader = await one.reader(), await one.reader()
        there = elsewhere(holder, other)
        paths = [
            f"/areas/{HALL}/map",
            f"/areas/{HALL}/map?date={one.tomorrow}",
            f"/areas/{HALL}/map?start=09:00&end=11:00",
            "/areas",
        ]

        async def alike(paths: list[str]) -> bool:
            pairs: list[tuple[Answer, Answer]] = []
            for client in (holder, reader):
                twin = elsewhere(client, other)
                pairs += [(await client.get(path), await twin.get(path)) for path in paths]
            return all(
                a.status == b.status == 200  # one that is busy for a moment says so
                and (a.body, a.headers["ETag"]) == (b.body, b.headers["ETag"])
                for a, b in pairs
            )

        await until(lambda: alike(paths), "both answer alike")
        async with watching(holder) as mine, watching(there) as same:
            made = await there.reserve(SEAT, "now", "10:00")
            await holder.reserve(OTHER, "09:00", "10:00", one.tomorrow)
            await mine.shows(SEAT, "mine")
            await same.shows(SEAT, "mine")
            await until(lambda: alike(paths), "both answer alike after bookings")
            etag = (await holder.get(paths[0])).headers["ETag"]
            assert (await there.get(paths[0], **{"If-None-Match": etag})).status == 304
            assert (await reader.get(paths[0], **{"If-None-Match": etag})).status == 200
            await holder.ok("POST", f"/reservations/{made['id']}/cancel")
            await same.shows(SEAT, "free")

            # A new policy changes nothing to be seen; one of the workers has no plan made before.
            policy = one.inside.reference.policy
            newer = replace(policy, version=policy.version + 1, suspension_days=8)
            await one.inside.stored.policies.add_missing(newer, one.clock.now())
            for service in (one, other):
                await service.inside.reference.refresh()
            later = f"/areas/{HALL}/map?start=12:00&end=13:00"
            await until(lambda: alike([*paths, later]), "both answer alike by the new policy")
        async with watching(holder) as mine, watching(there) as same:
            for seat in (SEAT, OTHER, "2f-hall-067"):
                await reader.reserve(seat, "now", "09:00")
                for watcher in (mine, same):
                    await watcher.shows(seat, "occupied")
                mine_now = (await reader.ok("GET", "/me"))["active"][0]
                await reader.ok("POST", f"/reservations/{mine_now['id']}/cancel")
                for watcher in (mine, same):
                    await watcher.shows(seat, "free")
            assert not mine.ended and not same.ended, "nobody is sent away by every change"


@pytest.mark.whole
async def test_a_stream_continues_after_a_restart_of_mongod(tmp_path: Path) -> None:
    async with (
        embedded_databases(tmp_path / "data") as servers,
        living(servers.mongo_url, servers.redis_url) as service,
    ):
        reader, other = await service.reader(), await service.reader()
        async with watching(reader) as one:
            await servers.kill_mongod()
            assert (await service.anonymous.get("//readyz")).status == 503
            occupancy = service.inside.occupancy

            async def stale() -> bool:
                return occupancy.is_stale

            await until(stale, "the occupancy is known to be stale")
            path = f"/areas/{HALL}"
            async with asyncio.timeout(patience(8)):  # one after the other they would take 20 s
                answers = await asyncio.gather(
                    *(reader.get(f"{path}/{kind}") for kind in ["map", "events"] for _ in range(5))
                )
            assert {a.status for a in answers} == {503}
            assert all(int(a.headers["Retry-After"]) >= 1 for a in answers)
            await servers.start_mongod()

            async def ready() -> bool:
                answer = await service.anonymous.get("//readyz")
                return answer.status == 200 and "occupancy" not in answer.body["troubles"]

            await until(ready, "ready again, and the occupancy follows again")
            await other.reserve(SEAT, "now", "10:00")
            await one.shows(SEAT, "occupied")
            await one.agrees()
            assert not one.ended, "the stream has outlived it"
