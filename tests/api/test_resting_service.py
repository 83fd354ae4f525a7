"""A library in which nothing is due costs its databases little."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from models.reservation_store.mapping import from_document
from models.reservations.deadlines import due_at
from tests.api.stored_reads import commands_of
from tests.living import Living

_OFTEN_S: Final = 10.0


async def test_frequent_jobs_ask_once_whether_there_is_any_work(service: Living) -> None:
    often = [group for group in service.scheduler.groups if group.every_s <= _OFTEN_S]

    async def rounds() -> None:
        for group in often:
            await service.scheduler.run_round(group)

    reader = await service.reader()
    made = await reader.reserve(start="10:00", end="12:00")
    await service.settle()
    await rounds()  # takes the leases
    service.clock.set(service.clock.now() + timedelta(seconds=2))
    at_rest = await commands_of(service, rounds())
    assert at_rest["reservations"] == 3, "is there any work, has any an event or a text to check"
    assert at_rest["heartbeat"] == 2, "one job beats for both"
    assert at_rest.total() <= 20, at_rest
    missed = datetime.fromisoformat(made["check_in_until"]) + timedelta(seconds=1)
    await service.inside.stored.heartbeat.set(missed)
    service.clock.set(missed)
    await rounds()
    assert (await reader.ok("GET", f"/reservations/{made['id']}"))["state"] == "no_show"


async def test_each_change_stores_the_first_deadline_that_it_leaves(service: Living) -> None:
    reader = await service.reader()
    made = await reader.reserve(start="08:00", end="12:00")
    path, instants = f"/reservations/{made['id']}", list[datetime | None]()

    async def note() -> None:
        row = await service.db["reservations"].find_one({"_id": made["id"]})
        assert row is not None and row["due_at"] == due_at(from_document(row))
        instants.append(row["due_at"])

    await note()
    await reader.ok("POST", f"{path}/check-in", {"qr": await service.qr()})
    await note()
    await reader.ok("POST", f"{path}/leave")
    await note()
    await reader.ok("POST", f"{path}/return", {"qr": await service.qr("2f-north")})
    await note()
    await reader.ok("POST", f"{path}/finish")
    await note()
    assert len({*instants}) >= 3 and instants[-1] is None, instants
