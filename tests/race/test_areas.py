"""Deleting an area or gate while it is used, and two administrators writing the same areas."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from models.gates.entities import Gate, GateId
from models.gates.repository import GateRepository
from models.identity.roles import Role
from models.kernel.errors import Unauthenticated
from models.library import transitions
from models.library.entities import Area, AreaId, VenueId
from models.library.errors import AreaUsed, PlanChanged
from models.library.repository import CatalogRepository, count_up
from models.library.staff.areas import StaffAreas
from models.reservation_store.repository import ReservationRepository
from models.staff.audit_log import AuditLog, StaffContext
from models.storage.transactions import run_transaction
from tests.builders import ZONE
from tests.inside import Inside
from tests.race.stage import SEAT, Stage, clock, ctx, guarded, selection

HALL = AreaId("2f-hall")


class ThenSomebodyBooks(ReservationRepository):
    """A booking arrives after the check that there is none."""

    book: Callable[[], Awaitable[object]]

    async def ever_on(self, seats: Any) -> bool:
        used = await super().ever_on(seats)
        await self.book()
        return used


class TakesItAway(CatalogRepository):
    """The control: deletes the document of the area."""

    async def replace_area(self, area: Area, events: Any = ()) -> bool:
        await self._db["areas"].delete_one({"_id": area.id})

        async def work(session: Any) -> None:
            await count_up(self._db, session)

        await run_transaction(self._db, work)
        return True


async def head(stage: Stage) -> StaffContext:
    return StaffContext(await stage.reader(), Role.ADMINISTRATOR, clock(8), ZONE)


def areas_of(stage: Stage, worker: Inside, **own: Any) -> StaffAreas:
    audit = AuditLog(stage.stored.audit_log)
    catalogs = own.get("catalogs", worker.stored.catalogs)
    reservations = own.get("reservations", worker.stored.reservations)
    return StaffAreas(audit, catalogs, reservations, worker.reference)


@guarded
async def test_a_booking_concurrent_with_an_area_deletion_keeps_its_seat_known(
    stage: Stage, guard: bool
) -> None:
    """The worker that takes the booking does not know yet that the area was retired."""
    reader, here = await stage.reader(), await stage.worker()
    late = await stage.worker()
    retired = transitions.retire(here.reference.area(HALL))
    assert await here.stored.catalogs.replace_area(retired)
    await here.reference.refresh()
    looks = ThenSomebodyBooks(stage.db)
    looks.book = lambda: late.reservations.create(ctx(reader), SEAT, selection(10, 11))
    own: dict[str, Any] = {"reservations": looks}
    if not guard:
        own["catalogs"] = TakesItAway(stage.db)
    await areas_of(stage, here, **own).delete(await head(stage), retired, "重新布置")

    fresh = await stage.worker()
    catalog = fresh.reference.catalog
    (booked,) = await stage.stored.reservations.live_of(reader.id, clock(0))
    if guard:
        assert catalog.seat_label(catalog.all_seats[booked.seat_id]) == "图书馆2层二层中厅001号"
        assert booked.seat_id not in catalog.seats, "nobody else books there"
        assert HALL not in {area.id for area in catalog.known_areas}
        with pytest.raises(AreaUsed):
            await areas_of(stage, fresh).delete(await head(stage), retired, "重新布置")
    else:
        assert booked.seat_id not in catalog.all_seats, "a booking of a seat that nobody knows"


class ByIdAlone(GateRepository):
    """The control: deletes without checking for events."""

    async def delete(self, id: GateId) -> bool:
        return bool((await self._all.delete_one({"_id": id})).deleted_count)


@guarded
async def test_a_gate_is_not_deleted_while_its_events_arrive(stage: Stage, guard: bool) -> None:
    here = (GateRepository if guard else ByIdAlone)(stage.db, stage.cipher)
    north = Gate(GateId("north"), VenueId("library"), "北门")
    assert await here.add(north) and await here.issue_key(north.id, "key")
    await stage.inside.gates.admit(north.id, clock(8))
    # Its events are being taken in.
    deleted = await here.delete(north.id)
    gate_ids = {gate.id for gate in await stage.stored.gates.all()}
    if guard:
        assert not deleted and north.id in gate_ids
        other = replace(north, id=GateId("south"))
        assert await here.add(other) and await here.issue_key(other.id, "key")
        assert await here.delete(other.id)
        with pytest.raises(Unauthenticated):
            await stage.inside.gates.admit(other.id, clock(8))
    else:
        assert deleted and north.id not in gate_ids, "its events name a gate that nobody knows"


class OneByOne(CatalogRepository):
    """The control: writes without a transaction and over any document."""

    async def write_areas(self, new: Any, changed: Any, events: Any = ()) -> bool:
        for area in (*new, *changed):
            await self._db["areas"].update_one(
                {"_id": area.id}, {"$set": {"name": area.name, "rev": area.rev}}
            )
            await asyncio.sleep(0)
        return True


@guarded
async def test_areas_of_one_import_are_all_written_or_none(stage: Stage, guard: bool) -> None:
    area = stage.inside.reference.area(HALL)
    other = replace(area, id=AreaId("annex"), name="附楼", seats=(), removed_seats=(), rev=0)
    assert await stage.stored.catalogs.add_area(other)
    mine = [transitions.rename(one, "甲", one.floor, {}) for one in (area, other)]
    theirs = transitions.rename(other, "乙", 2, {})
    kind = CatalogRepository if guard else OneByOne
    workers = [await stage.worker(catalogs=kind(stage.db)) for _ in range(2)]
    leader = await head(stage)
    tasks = (
        areas_of(stage, workers[0]).rearrange(leader, area, mine, "改名"),
        areas_of(stage, workers[1]).rearrange(leader, other, [theirs], "改名"),
    )
    results = await asyncio.gather(*tasks, return_exceptions=True)
    catalog = (await stage.worker()).reference.catalog
    names = (catalog.areas[HALL].name, catalog.areas[other.id].name)
    if guard:
        assert [type(one) for one in results if one is not None] == [PlanChanged]
        assert names in (("甲", "甲"), ("二层中厅", "乙"))
    else:
        assert not any(results), "one of them was written over without a word"
