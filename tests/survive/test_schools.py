"""Several schools in one process: what a reload changes, and what it leaves alone."""

from __future__ import annotations

import asyncio
import re
import signal
from pathlib import Path

import aiohttp
import pytest
from pymongo.errors import InvalidOperation

from models.storage.mongo import open_database
from tests.guarded_mongod import cell
from tests.living import free_port
from tests.schools import hosted, school_file, seeded
from tests.survive.serving import command, ended, serving_schools
from tests.waiting import patience, until


async def school(folder: Path, word: str, *words: str) -> str:
    """``seats school …``; returns what it prints."""
    process = await command("school", word, *words, "--schools", str(folder))
    status, out, err = await ended(process)
    assert (status, err) == (0, ""), err
    return out


async def status_at(session: aiohttp.ClientSession, number: int, port: int, path: str = "/") -> int:
    """The status of a page at 127.0.0.NUMBER; 0 if nobody listens."""
    try:
        async with session.get(f"http://127.0.0.{number}:{port}{path}") as answer:
            return answer.status
    except aiohttp.ClientConnectorError:
        return 0


async def test_a_mongodb_that_is_away_or_dies_concerns_its_own_school_alone(
    tmp_path: Path, mongo_url: str, redis_url: str
) -> None:
    port = free_port()
    async with cell(tmp_path / "cell", "cell") as late, aiohttp.ClientSession() as session:
        school_file(tmp_path, "away", 2, port, late.url(), redis_url)
        await seeded(school_file(tmp_path, "here", 3, port, mongo_url, redis_url))
        late.process.send_signal(signal.SIGSTOP)
        async with hosted(tmp_path, port, again_s=0.1) as schools:
            assert [*schools] == ["here"]
            reader = await schools["here"].reader()
            assert await status_at(session, 2, port) == 503
            late.process.send_signal(signal.SIGCONT)

            async def opened() -> bool:
                assert await status_at(session, 3, port) == 200
                return await status_at(session, 2, port) == 200

            await until(opened, "the school is open", within_s=60)
            late.process.kill()

            async def gone() -> bool:
                made = await reader.reserve()
                await reader.ok("POST", f"/reservations/{made['id']}/cancel")
                return await status_at(session, 2, port, "/readyz") == 503

            await until(gone, "the school knows that its database is away", within_s=60)


async def test_a_client_whose_mongod_died_is_closed_all_the_same(tmp_path: Path) -> None:
    async with cell(tmp_path / "cell", "cell") as mongod:
        async with open_database(mongod.url(), "kept") as db:
            await db.things.insert_one({})
            mongod.process.kill()

            async def noticed() -> bool:
                return not db.client.nodes

            await until(noticed, "the client knows that its mongod is gone")
        with pytest.raises(InvalidOperation, match="after close"):
            await db.command("ping")


async def test_a_reload_adds_suspends_and_moves_schools_while_others_go_on(
    tmp_path: Path, mongo_url: str, redis_url: str
) -> None:
    folder, port, own_port = tmp_path / "schools", free_port(), free_port()
    folder.mkdir()
    servers = mongo_url, redis_url
    for name, number in (("one", 2), ("two", 3)):
        await seeded(school_file(folder, name, number, port, *servers))
    await seeded(school_file(folder, "large", 4, own_port, *servers))
    await seeded(school_file(tmp_path, "new", 5, port, *servers))
    async with serving_schools(folder, port) as process, aiohttp.ClientSession() as session:

        async def shows(number: int, port: int, status: int) -> None:
            async def so() -> bool:
                return await status_at(session, number, port) == status

            await until(so, f"{status} at 127.0.0.{number}", within_s=60)

        async def reloaded(number: int, port: int, status: int) -> None:
            process.send_signal(signal.SIGHUP)
            await shows(number, port, status)

        await shows(4, own_port, 200)
        assert await status_at(session, 4, port) == 404
        answers: list[int] = []

        async def goes_on() -> None:
            while True:
                answers.append(await status_at(session, 2, port))
                await asyncio.sleep(0.05)

        going_on = asyncio.create_task(goes_on())
        await school(folder, "add", str(tmp_path / "new.env"))
        await school(folder, "suspend", "two")
        await reloaded(5, port, 200)
        assert await status_at(session, 3, port) == 503
        assert "two\t127.0.0.3\t" in (rows := await school(folder, "list"))
        assert re.findall(r"\S+$", rows, re.M) == ["served", "served", "served", "suspended"]
        async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
            names = set(re.findall(r'school="(\w+)"', await answer.text()))
            assert {"one", "new", "large"} <= names
        async with session.get(f"http://127.0.0.2:{port}/metrics") as answer:
            own = await answer.text()
            assert set(re.findall(r'school="(\w+)"', own)) == {"one"}
            assert 'seat_http_request_seconds_count{method="GET",route="/",school="one"' in own
        await school(folder, "resume", "two")
        (folder / "large.env").rename(folder / "large.suspended")
        await reloaded(3, port, 200)
        await school(folder, "remove", "large")
        await reloaded(4, own_port, 0)
        async with asyncio.timeout(patience(5)):
            going_on.cancel()
            await asyncio.gather(going_on, return_exceptions=True)
        assert len(answers) > 20 and set(answers) == {200}
