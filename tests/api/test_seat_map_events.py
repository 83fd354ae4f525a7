"""Event streams of seat maps: content, access and end."""

from __future__ import annotations

import asyncio
import random
import socket

import aiohttp
import pytest

from handlers.seat_map.event_stream import COMMENT_EVERY_S, EVENT_STREAMS, STREAMS_OF_A_READER
from tests.api.seat_map_watcher import EAST, HALL, OTHER, Watcher, elsewhere, two_workers, watching
from tests.living import SEAT, Client, Living, living
from tests.waiting import patience, until


async def open_streams(service: Living) -> int:
    text = (await service.anonymous.get("//metrics")).body
    (line,) = [row for row in text.splitlines() if row.startswith("seat_event_streams ")]
    return int(float(line.split()[1]))


async def test_the_stream_sends_each_change_of_a_seat_without_names(service: Living) -> None:
    holder, other = await service.reader(), await service.reader()
    async with watching(holder) as mine, watching(other) as theirs:
        for one in (mine, theirs):
            plan = await one.plan()
            assert one.events == [("version", {"version": plan["version"]})]
            assert one.text.startswith("retry: 3000\nevent: version\n")
        made = await holder.reserve(SEAT, "now", "10:00")
        path = f"/reservations/{made['id']}"
        await mine.shows(SEAT, "mine")
        await theirs.shows(SEAT, "occupied")
        assert theirs.seats[SEAT]["next_free"] == "2026-09-07T10:00:00+08:00"
        await holder.ok("POST", f"{path}/check-in", {"qr": await service.qr()})
        await holder.ok("POST", f"{path}/leave")
        await theirs.shows(SEAT, "away")
        await holder.ok("POST", f"{path}/return", {"qr": await service.qr("2f-north")})
        await theirs.shows(SEAT, "occupied")
        await holder.ok("POST", f"{path}/finish")
        await theirs.shows(SEAT, "free")
        await mine.shows(SEAT, "free")
        second = await holder.reserve(OTHER, "now", "09:00")
        await mine.shows(OTHER, "mine")
        await holder.ok("POST", f"/reservations/{second['id']}/cancel")
        await theirs.shows(OTHER, "free")
        for one in (mine, theirs):
            await one.agrees()
            assert {d["id"] for n, d in one.events if n == "seat"} == {SEAT, OTHER}
            assert {d["status"] for n, d in one.events if n == "seat"} == (
                {"mine", "free"} if one is mine else {"occupied", "away", "free"}
            )
            secrets = [holder.number, holder.reader_id, holder.openid, "张三", made["id"]]
            assert not [s for s in secrets if s in one.text]


@pytest.mark.whole
async def test_a_watched_plan_equals_a_loaded_one_after_many_changes(service: Living) -> None:
    chance = random.Random(20260907)
    readers = [await service.reader() for _ in range(3)]
    seats = [f"2f-hall-{number:03d}" for number in range(60, 66)]
    requests = [
        f"/areas/{HALL}/events",
        f"/areas/{HALL}/events?date={service.tomorrow}",
        f"/areas/{HALL}/events?start=14:00&end=16:00",
    ]
    paths = [(reader, path) for reader in readers[:2] for path in requests]
    watchers: list[Watcher] = []

    async def act() -> None:
        reader = chance.choice(readers)
        own = (await reader.ok("GET", "/me"))["active"]
        if not own or chance.random() < 0.5:
            hour = chance.randint(9, 19)
            wish = {
                "seat_id": chance.choice(seats),
                "date": chance.choice([service.today, service.tomorrow]),
                "start": f"{hour:02}:00",
                "end": f"{hour + 2:02}:00",
            }
            if chance.random() < 0.3:
                wish |= {"date": service.today, "start": "now", "end": "10:00"}
            await reader.post("/reservations", wish)
            return
        path = f"/reservations/{chance.choice(own)['id']}"
        verb = chance.choice(["cancel", "change", "check-in", "leave", "finish"])
        body = {
            "change": {"seat_id": chance.choice(seats)},
            "check-in": {"qr": await service.qr(chance.choice(["2f-south", "2f-north"]))},
        }
        await reader.post(f"{path}/{verb}", body.get(verb))

    async with asyncio.TaskGroup() as group:
        done = asyncio.Event()

        async def attend(reader: Client, path: str) -> None:
            async with watching(reader, path) as one:
                watchers.append(one)
                await done.wait()

        for reader, path in paths:
            group.create_task(attend(reader, path))

        async def all_watch() -> bool:
            return len(watchers) == len(paths)

        await until(all_watch, "all streams are open")
        for _ in range(6):
            for _ in range(8):
                await act()
            for one in watchers:
                await one.agrees()
        await service.move("09:31")  # some are missed, some have begun
        for one in watchers:
            await one.agrees()
        done.set()
    for one in watchers:
        assert len(one.events) > 5, one.path


async def test_the_stream_sends_changes_caused_by_time_alone(service: Living) -> None:
    """No document changes when a booked hour begins or the library closes."""
    holder, other = await service.reader(), await service.reader()
    await holder.reserve(SEAT, "09:00", "10:00")
    async with watching(other) as one:
        assert one.seats[SEAT]["status"] == "free"
        await service.jump("09:00")
        await one.shows(SEAT, "occupied")
        await service.jump("22:30")
        await one.until(lambda: {s["status"] for s in one.seats.values()} == {"disabled"})
        await one.agrees()


async def test_streams_are_refused_to_invalid_and_anonymous_requests(service: Living) -> None:
    reader, path = await service.reader(), f"/areas/{HALL}/events"
    for odd in ("start=14:00", "date=yesterday"):
        await reader.refused("400 malformed", "GET", f"{path}?{odd}")
    await service.stranger().refused("401 unauthenticated", "GET", path)
    assert (await reader.call("HEAD", path)).status == 200
    assert (await reader.get("/areas")).status == 200, "on the same connection"
    assert await open_streams(service) == 0


async def test_streams_of_one_reader_are_limited(service: Living) -> None:
    reader, other = await service.reader(), await service.reader()
    path = f"/areas/{HALL}/events"
    async with aiohttp.ClientSession() as session:
        headers = {"Authorization": f"Bearer {reader.token}"}
        streams = [
            await session.get(f"{service.base}/api/v1{path}", headers=headers)
            for _ in range(STREAMS_OF_A_READER)
        ]
        assert {stream.status for stream in streams} == {200}
        await reader.refused("429 throttled", "GET", path)
        async with watching(other):
            assert await open_streams(service) == STREAMS_OF_A_READER + 1
        for stream in streams:
            stream.close()

    async def noticed() -> bool:
        # As the seconds would: each stream has its turn once in fifteen.
        for slot in range(COMMENT_EVERY_S):
            await service.app[EVENT_STREAMS]._comment(slot)
        return await open_streams(service) == 0

    await until(noticed, "that the clients have gone")
    async with watching(reader) as again:
        for slot in range(COMMENT_EVERY_S):
            await service.app[EVENT_STREAMS]._comment(slot)
        await again.until(lambda: again.comments == 1)


async def test_a_stream_that_is_not_read_is_closed_and_others_continue(service: Living) -> None:
    reader, other = await service.reader(), await service.reader()
    path = f"/areas/{EAST}/events"
    sleeper = socket.socket()
    sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sleeper.setblocking(False)
    loop = asyncio.get_running_loop()
    host, port = "127.0.0.1", int(service.base.rpartition(":")[2])
    await loop.sock_connect(sleeper, (host, port))
    request = (
        f"GET /api/v1{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {reader.token}\r\n\r\n"
    )
    await loop.sock_sendall(sleeper, request.encode())
    async with watching(other, path) as one:

        async def both() -> bool:
            return await open_streams(service) == 2

        await until(both, "two streams")
        events = 0
        for turn in range(100):
            # All of 222 seats change, about 30 KB: the doors close and open again.
            await service.jump("22:30" if turn % 2 == 0 else "08:00")
            service.inside.occupancy.invalidate()  # wakes who tells, instead of the next second
            statuses = {"disabled"} if turn % 2 == 0 else {"free"}

            async def changed(wanted: set[str] = statuses) -> bool:
                return {seat["status"] for seat in one.seats.values()} == wanted

            await until(changed, "who reads is told of all seats")
            events += 1
            if await open_streams(service) == 1:
                break
        assert 3 <= events < 100 and not one.ended
        await one.agrees()
    sleeper.close()


async def test_a_stream_ends_with_its_session(mongo_url: str, redis_url: str) -> None:
    """The reader signs out at one worker; the stream at the other ends, and other streams
    continue."""
    async with two_workers(mongo_url, redis_url) as (one, other):
        reader, stays = await one.reader(), await other.reader()
        async with (
            watching(elsewhere(reader, other)) as ended,
            watching(elsewhere(reader, other)) as too,
            watching(stays) as on,
        ):
            await reader.ok("DELETE", "/sessions/current")
            await ended.until(lambda: ended.ended)
            await too.until(lambda: too.ended)
            await stays.reserve(start="now", end="12:00")
            await on.shows(SEAT, "mine")
            assert not on.ended


async def test_streams_end_with_the_binding(mongo_url: str, redis_url: str) -> None:
    """The reader unbinds at one worker: the phone's stream at the other ends and cannot be reopened
    with its token."""
    async with two_workers(mongo_url, redis_url) as (one, other):
        phone, stays = await one.reader(), await other.reader()
        web, there = await one.web_reader(phone), elsewhere(phone, other)
        async with watching(there) as ended, watching(stays) as on:
            await web.ok("DELETE", "/bindings/current")
            await ended.until(lambda: ended.ended)
            await there.refused("401 unauthenticated", "GET", f"/areas/{HALL}/events")
            assert not on.ended


async def test_streams_end_with_the_service(mongo_url: str, redis_url: str) -> None:
    async with aiohttp.ClientSession() as session, living(mongo_url, redis_url) as service:
        reader = await service.reader()
        headers = {"Authorization": f"Bearer {reader.token}"}
        url = f"{service.base}/api/v1/areas/{HALL}/events"
        stream = await session.get(url, headers=headers)
        await stream.content.readuntil(b"\n\n")
        service.app[EVENT_STREAMS].close()
        # A proper end, not a broken connection: else this raises.
        async with asyncio.timeout(patience(5)):
            assert await stream.content.read() == b""
        await reader.refused("503 busy", "GET", f"/areas/{HALL}/events")
