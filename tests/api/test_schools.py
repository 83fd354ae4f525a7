"""Several schools in one process: each answers at its own host, with its own data alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
from aiohttp import web

from handlers.http.keys import LOAD_SHEDDER
from handlers.http.load_shedding import SLOTS
from miniapp_server.app import create_app
from miniapp_server.settings import Settings
from models.identity.roles import Role
from models.kernel.errors import Unavailable
from models.profile.repository import ProfileRepository
from models.storage.installation import ABOUT, FORM, SCHEMA
from models.storage.mongo import open_database
from tests.api.berlin import BERLIN
from tests.living import Living, free_port
from tests.log_lines import log_lines
from tests.schools import hosted, school_file, seeded
from tests.waiting import patience, until

pytestmark = pytest.mark.whole

NO_ID: Final = "f" * 24
GOLDEN: Final = Path(__file__).parent.parent / "golden" / "rights.txt"
MITTE: Final = replace(BERLIN, name="Universität Mitte", title="Plätze in Mitte")


async def at(
    port: int, host: str, path: str = "/", accept: str = "text/html"
) -> tuple[int, str, str]:
    """Status, body and Retry-After of an answer at the host."""
    headers = {"Host": host, "Accept": accept}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}", headers=headers) as answer,
    ):
        assert "Server" not in answer.headers
        return answer.status, await answer.text(), answer.headers.get("Retry-After", "")


async def wrong_files(folder: Path, port: int, mongo_url: str, redis_url: str) -> None:
    """Files that cannot be served, of the hosts 127.0.0.4 to .7, and one that is suspended."""

    def add(name: str, number: int, **other: str) -> dict[str, str]:
        return school_file(folder, name, number, port, mongo_url, redis_url, **other)

    add("misspelt", 4, ENCRYPTION_KEYS="1:short", RATE_LIMIT_SCAL="2")
    away = "mongodb://127.0.0.1:9/?replicaSet=none"
    add("no-primary", 5, MONGO_URL=away)
    newer = add("newer", 6)
    async with open_database(mongo_url, newer["MONGO_DATABASE"]) as db:
        await db[ABOUT].insert_one({"_id": FORM, "version": SCHEMA + 1})
    add("suspended", 7)
    (folder / "suspended.env").rename(folder / "suspended.suspended")


def crash_or_wait(patch: pytest.MonkeyPatch, crashing: str, waiting: str) -> None:
    """Lets the start of the one database's school crash, and that of the other's wait for any
    school that opens before it fails."""
    any_open = asyncio.Event()

    @asynccontextmanager
    async def create(settings: Settings, **other: Any) -> AsyncIterator[web.Application]:
        if settings.database == crashing:
            raise ZeroDivisionError("a mistake of ours")
        if settings.database == waiting:
            await asyncio.wait_for(any_open.wait(), patience(30))
            raise Unavailable()
        async with create_app(settings, **other) as app:
            any_open.set()
            yield app

    patch.setattr("miniapp_server.hosting.create_app", create)


async def test_a_fault_stops_its_school_alone(
    tmp_path: Path, mongo_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    one = school_file(tmp_path, "one", 2, port, mongo_url, redis_url)
    same = {"PUBLIC_BASE_URL": one["PUBLIC_BASE_URL"]}
    school_file(tmp_path, "thief", 2, port, mongo_url, redis_url, **same)
    same = {"MONGO_DATABASE": one["MONGO_DATABASE"]}
    school_file(tmp_path, "twin", 3, port, mongo_url, redis_url, **same)
    await wrong_files(tmp_path, port, mongo_url, redis_url)
    crashing, waiting = (
        school_file(tmp_path, name, number, port, mongo_url, redis_url)["MONGO_DATABASE"]
        for name, number in (("crashing", 8), ("first-to-wait", 9))
    )
    crash_or_wait(monkeypatch, crashing, waiting)
    with log_lines() as log:
        async with hosted(tmp_path, port) as open_schools:
            assert [*open_schools] == ["one"]
            assert (await open_schools["one"].anonymous.get("//readyz")).status == 200
            lines = {line["school"]: line["reason"] for line in log.of("school_not_started")}
            expected = {
                "crashing": "ZeroDivisionError: a mistake of ours",
                "first-to-wait": "MongoDB does not answer",
                "misspelt": "ENCRYPTION_KEYS must look like",
                "no-primary": "MongoDB does not answer: 127.0.0.1:9 connection refused",
                "newer": "was written by a newer version",
                "thief": "the host 127.0.0.2 of PUBLIC_BASE_URL is that of the school one",
                "twin": "is that of the school one",
            }
            assert sorted(lines) == sorted(expected)
            for name, reason in expected.items():
                assert reason in lines[name], name
            files = [line["file"] for line in log.of("school_not_started")]
            assert sorted(files) == [str(tmp_path / f"{name}.env") for name in sorted(expected)]
            assert "RATE_LIMIT_SCALE" in log.of("setting_unknown")[0]["reason"]
            for number in range(3, 9):
                retry = "3600" if number == 7 else "30"
                for accept in ("text/html", "application/json"):
                    status, body, after = await at(port, f"127.0.0.{number}:1", accept=accept)
                    assert (status, after) == (503, retry), number
                    assert ("<h1>" in body) == (accept == "text/html"), body
                    assert ("已暂停" in body) == (accept == "text/html" and number == 7)
            for host in ("nowhere.test", "127.0.0.99", "", "[::1]:80", "127.0.0.2.evil.test"):
                for accept in ("text/html", "application/json"):
                    status, body, after = await at(port, host, accept=accept)
                    assert (status, after) == (404, ""), host
                    assert not [n for n in (*expected, "one", "127.0.0") if n in body], body
            status, body, _ = await at(port, "127.0.0.1", "/readyz")
            assert status == 200
            assert '"one":{"status":"degraded","troubles":{"library":"empty"}}' in body
            assert '"suspended":{"status":"suspended"}' in body
            assert '"newer":{"status":"closed"}' in body


async def test_schools_in_two_zones_share_a_client_and_nothing_else(
    tmp_path: Path, mongo_url: str, redis_url: str
) -> None:
    port = free_port()
    one = school_file(tmp_path, "beijing", 2, port, mongo_url, redis_url)
    other = school_file(tmp_path, "mitte", 3, port, mongo_url, redis_url)
    async with open_database(mongo_url, other["MONGO_DATABASE"]) as db:
        await db[ABOUT].insert_one({"_id": "mode", "mode": "sandbox"})
        await ProfileRepository(db).add_missing(MITTE)
    await asyncio.gather(seeded(one), seeded(other))
    with log_lines() as log:
        async with hosted(tmp_path, port) as schools:
            beijing, mitte = schools["beijing"], schools["mitte"]
            assert beijing.db.client is mitte.db.client
            reader = await beijing.reader()
            for school, offset in ((beijing, "+08:00"), (mitte, "+02:00")):
                answer = await school.anonymous.get("/areas")
                assert answer.headers["X-Server-Time"].endswith(offset)
            await on_one_connection(port, {"127.0.0.2": "+08:00", "127.0.0.3:80": "+02:00"})
            await reader.accept("RESERVED")
            made = await reader.reserve()
            await a_crowd_at_one_does_not_hold_up_the_other(beijing, mitte)
            await everything_is_closed_to_the_other(
                beijing, mitte, made["id"], reader.number, reader.reader_id
            )

            async def sent() -> bool:
                return bool(log.of("outgoing_call"))

            await until(sent, "the message of the booking")
            named = {line["database"] for line in log.of("outgoing_call")}
            assert named == {one["MONGO_DATABASE"]}
    refusals = {line["database"] for line in log.of("security_refusal")}
    assert refusals == {one["MONGO_DATABASE"], other["MONGO_DATABASE"]}


async def a_crowd_at_one_does_not_hold_up_the_other(crowded: Living, calm: Living) -> None:
    """All places are taken, and a crowd waits for them when the other school's reader comes."""
    reader = await calm.reader()
    crowd, other = (school.app[LOAD_SHEDDER].door for school in (crowded, calm))
    for _ in range(SLOTS):
        await crowd.acquire()
    waiting = [asyncio.create_task(crowd.acquire()) for _ in range(50)]
    booking = asyncio.create_task(reader.reserve())

    async def waits() -> bool:
        return crowd.waiting == len(waiting) and other.waiting == 1

    await until(waits, "the booking in the queue")
    crowd.release()
    crowd.release()
    await booking
    assert sum(one.done() for one in waiting) < 10
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    while crowd.inside:
        crowd.release()


async def on_one_connection(port: int, offsets: dict[str, str]) -> None:
    """Each host answers for itself, also where a proxy sends both on one connection."""
    reading, writing = await asyncio.open_connection("127.0.0.1", port)
    for host, offset in 2 * [*offsets.items(), ("nowhere.test", "")]:
        writing.write(f"GET /api/v1/areas HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        head = (await reading.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
        await reading.readexactly(length)
        assert head.startswith("HTTP/1.1 401" if offset else "HTTP/1.1 404"), head
        assert (f"{offset}\r\n" in head) if offset else ("X-Server-Time" not in head)
    writing.close()
    await writing.wait_closed()


async def everything_is_closed_to_the_other(
    here: Living, there: Living, booked: str, *personal: str
) -> None:
    """Every route answers a caller with the other school's token as it answers nobody. At their own
    school, what is here does not exist."""
    stranger, admin = here.stranger(), await there.web_reader(role=Role.ADMINISTRATOR)
    bearer = here.stranger()
    bearer.token = admin.token
    checked = unknown_there = 0
    for line in GOLDEN.read_text().splitlines():
        method, _, rest = line.partition(" ")
        if method not in ("GET", "POST", "DELETE"):
            continue
        path = rest.split()[0]
        if "in: n" in line or "/sandbox" in path:
            continue
        path, unknown = (
            path.replace("{id}", id).replace("{", "").replace("}", "") for id in (booked, NO_ID)
        )
        if path != unknown:
            theirs, nobodys = [await admin.call(method, f"/{one}", {}) for one in (path, unknown)]
            assert theirs.status == nobodys.status, (method, path)
            assert theirs.body == nobodys.body or not path.startswith("/api/"), path
            assert not [text for text in personal if text in str(theirs.body)], path
            unknown_there += theirs.status == 404
        expected = await stranger.call(method, f"/{path}", {})
        answer = await bearer.call(method, f"/{path}", {})
        assert answer.status == expected.status, (method, path, answer.body)
        assert 300 <= answer.status < 500, (method, path)
        if path.startswith("/api/"):
            assert answer.body == expected.body, path
        assert not [text for text in personal if text in str(answer.body)], path
        checked += 1
    assert checked > 200 and unknown_there > 50, (checked, unknown_there)
    assert (await here.anonymous.get(f"/reservations/{booked}")).status == 401
