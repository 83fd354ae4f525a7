"""A library moves to another replica set under load, with a worker that never hears of it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from miniapp_server.clock import real_now
from miniapp_server.settings.env_file import read_env_file
from models.backup.errors import BackupError
from models.kernel.errors import Unavailable
from models.school_move import service as moving
from models.school_move.errors import MoveError
from models.school_move.repository import Content, SourceDatabase, copy
from models.storage.installation import DatabaseRefused, Mode
from models.storage.mongo import Database, open_database
from tests.guarded_mongod import Cell, cell
from tests.living import MONDAY_8, Client, Living, free_port, living
from tests.schools import school_file, seeded
from tests.survive.serving import command, ended, serving_schools
from tests.waiting import until

NAME: Final = "lesesaal"
SEATS: Final = [f"2f-hall-{number:03}" for number in range(1, 41)]


@dataclass(frozen=True, slots=True)
class Cells:
    """Two sets, and a library's place on each: as its service and as an administrator opens it."""

    old: Cell
    url: str
    source: Database
    new: Cell
    new_url: str
    target: Database

    async def move(self) -> dict[str, Content]:
        source = SourceDatabase(self.source, self.url)
        return await moving.move(source, self.target, real_now(), Mode.SANDBOX, lambda *_: None)

    async def holds(self) -> Any:
        """A digest of the source's collections."""
        return (await self.source.command("dbHash"))["collections"]


@pytest.fixture
async def cells(tmp_path: Path) -> AsyncIterator[Cells]:
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        old, new = await asyncio.gather(
            *(enter(cell(tmp_path / name, name)) for name in ("old", "new"))
        )
        role = {"role": "readWrite", "db": NAME}
        elsewhere = {"role": "readWrite", "db": f"{NAME}_rehearsal"}
        url, new_url = [await one.add_user("library", role, elsewhere) for one in (old, new)]
        source = await enter(open_database(old.url(), NAME))
        target = await enter(open_database(new_url, NAME))
        yield Cells(old, url, source, new, new_url, target)


async def book(reader: Client, number: int) -> str:
    """The id of the acknowledged reservation of this seat; empty if the service was away."""
    wish = {"seat_id": SEATS[number], "date": reader.service.tomorrow}
    times = {"start": "09:00", "end": "11:00"}
    answer = await reader.post("/reservations", wish | times, **{"Idempotency-Key": f"k{number}"})
    assert answer.status in (200, 201, 503), answer.body
    return str(answer.body["id"]) if answer.status < 300 else ""


async def never_heard(cells: Cells, redis_url: str, stack: AsyncExitStack) -> Living:
    return await stack.enter_async_context(
        living(cells.url, redis_url, database=NAME, REQUEST_TIMEOUT_S="5")
    )


async def test_a_library_moves_under_load_and_nothing_acknowledged_is_lost(
    cells: Cells, redis_url: str
) -> None:
    async with AsyncExitStack() as stack:
        old = await never_heard(cells, redis_url, stack)
        readers = [await old.reader() for _ in SEATS]
        soon = await readers[0].reserve("2f-hall-041", "09:00", "12:00")
        await old.settle()
        acknowledged = dict[int, str]()
        half, begun = asyncio.Event(), asyncio.Event()

        async def keep_booking(lane: int) -> None:
            for number in range(lane, len(SEATS), 4):
                if len(acknowledged) >= 8:
                    half.set()
                    await begun.wait()
                if id := await book(readers[number], number):
                    acknowledged[number] = id

        async def has_begun() -> bool:
            return await cells.source["installation"].find_one({"_id": "moved"}) is not None

        lanes = [asyncio.create_task(keep_booking(lane)) for lane in range(4)]
        await half.wait()
        move = asyncio.create_task(cells.move())
        await until(has_begun, "the mark, after which the roles are taken", within_s=60)
        begun.set()
        content = await move
        await asyncio.gather(*lanes)
        assert 8 <= len(acknowledged) < len(SEATS), "the move came into the midst of it"
        left = await cells.holds()
        assert not any(await asyncio.gather(*map(book, readers, range(len(SEATS)))))
        assert await cells.holds() == left, "the source never takes a write again"
        assert (await readers[0].get("/areas")).status == 503, "and answers nothing that is old"
        stays = {"reservations", "idempotency", "sessions", "heartbeat", "leases"} & set(left)
        assert stays <= set(content)

        there = {row["_id"] async for row in cells.target["reservations"].find({}, {"_id": 1})}
        assert set(acknowledged.values()) <= there
        last = await cells.target["heartbeat"].find_one({"_id": "service"}) or {}
        assert MONDAY_8 <= last["at"] <= old.clock.now(), "when it was last open"
        new = await stack.enter_async_context(
            living(cells.new_url, redis_url, database=NAME, now=MONDAY_8)
        )
        for reader in readers:
            reader.service = new
        ids = await asyncio.gather(*map(book, readers, range(len(SEATS))))
        assert all(ids) and len(set(ids)) == len(SEATS)
        assert acknowledged.items() <= dict(enumerate(ids)).items(), "the same keys, the same ids"
        new.clock.set(MONDAY_8 + timedelta(hours=2))
        await new.settle()
        later = await readers[0].ok("GET", f"/reservations/{soon['id']}")
        assert later["state"] == "reserved", "no deadline runs while the library is closed"
        before, after = (datetime.fromisoformat(one["check_in_until"]) for one in (soon, later))
        assert before < new.clock.now() < after
        assert await new.inside.stored.reservations.find_double_bookings() == []


@pytest.mark.parametrize("guarded", [True, False])
async def test_without_the_revocation_a_booking_is_lost(
    cells: Cells, redis_url: str, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """The worker that has not heard of the move books after the copy and before its end."""
    late = list[str]()
    async with AsyncExitStack() as stack:
        old = await never_heard(cells, redis_url, stack)
        reader = await old.reader()

        async def copy_and_book(*arguments: Any) -> Any:
            copied = await copy(*arguments)
            late.append(await book(reader, 0))
            return copied

        async def nothing(*_: Any) -> None:
            """Closes nothing."""

        monkeypatch.setattr(moving, "copy", copy_and_book)
        if not guarded:
            for step in ("_set_roles", "_refuse_open"):
                monkeypatch.setattr(SourceDatabase, step, nothing)
        await cells.move()
        (id,) = late
        there = await cells.target["reservations"].find_one({"_id": id})
        assert (id, there) == ("", None) if guarded else id and there is None


async def test_a_move_that_fails_or_is_aborted_opens_the_library_again(
    cells: Cells, redis_url: str
) -> None:
    async with AsyncExitStack() as stack:
        old = await never_heard(cells, redis_url, stack)
        reader, second, other = [await old.reader() for _ in range(3)]
        await cells.target["installation"].insert_one({"_id": "mode", "mode": "sandbox"})
        await cells.target["reservations"].insert_one({"_id": "of another library"})
        with pytest.raises(BackupError, match=r"is not empty.*drop it there and move again$"):
            await cells.move()
        with pytest.raises(MoveError, match=r"is at MongoDB .* already"):
            await replace(cells, target=cells.source).move()
        assert await cells.source["installation"].find_one({"_id": "moved"}) is None
        id = await book(reader, 0)
        assert id, "neither has closed it"

        await cells.target["reservations"].delete_many({})
        booked = await cells.source["reservations"].find_one({"_id": id}, {"claims": 0}) or {}
        await cells.source["reservations"].insert_one({**booked, "_id": "the same seat"})
        with pytest.raises(MoveError, match="double bookings"):
            await cells.move()
        await cells.source["reservations"].delete_one({"_id": "the same seat"})
        assert await book(second, 1), "with the roles that it had"
        users = await cells.old.root.admin.command("usersInfo", "library")
        assert {role["db"] for role in users["users"][0]["roles"]} == {NAME, f"{NAME}_rehearsal"}

        # Killed in its midst, and aborted by another process.
        source = SourceDatabase(cells.source, cells.url)
        await source.close("elsewhere", "killed", real_now())
        assert not await book(other, 2)
        with pytest.raises(MoveError, match="on its way to elsewhere"):
            await cells.move()
        assert not await book(other, 2), "one move does not abort another"
        await source.close("elsewhere", "again", real_now())
        with pytest.raises(MoveError, match="has begun again"):
            await source.leave("killed")
        await source.reopen()
        assert await book(other, 2)
        with pytest.raises(MoveError, match="was aborted"):
            await source.leave("again")

        await cells.move()
        with pytest.raises(MoveError, match="for good"):
            await source.reopen()
        with pytest.raises(MoveError, match="or has moved"):
            await source.close("elsewhere", "late", real_now())
        assert await cells.move() == {}, "what was interrupted after its end is only ended"
        for url in (cells.url, cells.old.url()):
            with pytest.raises((DatabaseRefused, Unavailable)) as refused:
                await stack.enter_async_context(living(url, redis_url, database=NAME))
            if url != cells.url:  # whose user may not even look
                assert "is left: the library moves to MongoDB" in str(refused.value)


async def test_a_user_who_could_still_read_is_refused(cells: Cells, redis_url: str) -> None:
    url = await cells.old.add_user(
        "mighty", "readWriteAnyDatabase", {"role": "readWrite", "db": NAME}
    )
    async with living(cells.url, redis_url, database=NAME) as old:
        source = SourceDatabase(cells.source, url)
        with pytest.raises(MoveError, match="mighty may still read lesesaal"):
            await moving.move(source, cells.target, real_now(), Mode.SANDBOX, lambda *_: None)
        assert await book(await old.reader(), 0)
    with pytest.raises(MoveError, match="names no user"):
        SourceDatabase(cells.source, "mongodb://127.0.0.1:1/")


@pytest.mark.whole
async def test_a_served_school_moves_by_one_command(
    cells: Cells, tmp_path: Path, redis_url: str
) -> None:
    folder, port = tmp_path / "schools", free_port()
    folder.mkdir()
    env = school_file(folder, "one", 2, port, cells.url, redis_url, MONGO_DATABASE=NAME)
    (folder / "one.env").chmod(0o600)
    await seeded(env)
    addresses = {"NEW_MONGO_URL": cells.new_url, "MONGO_ADMIN_URL": cells.old.url()}

    async def school(*words: str, **other: str) -> tuple[int, str, str]:
        where = ("--schools", str(folder))
        return await ended(await command("school", *words, *where, **{**addresses, **other}))

    status, out, err = await school("move", "one", "--yes", MONGO_ADMIN_URL="")
    assert (status, out) == (1, "") and "set MONGO_ADMIN_URL" in err
    status, out, err = await school("move", "one", "--yes", MONGO_ADMIN_URL=cells.new.url())
    assert status == 1 and "the administrator's MongoDB" in err, (out, err)
    async with serving_schools(folder, port) as process, aiohttp.ClientSession() as session:

        async def shows(expected: int) -> None:
            async def so() -> bool:
                async with session.get(f"http://127.0.0.2:{port}/healthz") as alive:
                    assert alive.status == 200
                async with session.get(f"http://127.0.0.2:{port}/readyz") as answer:
                    return answer.status == expected

            await until(so, f"{expected} at the school's host", within_s=60)

        await shows(200)
        await SourceDatabase(cells.source, cells.url).close("elsewhere", "killed", real_now())
        await shows(503)
        assert "elsewhere is aborted: one is open" in (await school("move", "one", "--abort"))[1]
        await shows(200)
        status, out, err = await school("move", "one")
        assert (status, err.count("[y/N]")) == (0, 1) and "is closed for some" in out
        await shows(200)
        status, out, err = await school("move", "one", "--yes")
        assert status == 0 and "compared, no double bookings" in out, err
        moved = read_env_file(folder / "one.env")
        assert moved == {**env, "MONGO_URL": cells.new_url}
        assert (folder / "one.env").stat().st_mode & 0o777 == 0o640
        await shows(503)
        process.send_signal(signal.SIGHUP)
        await shows(200)
    assert (await school("move", "one", "--yes"))[2].endswith("has this address already\n")
