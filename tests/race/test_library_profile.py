"""Concurrent changes of the library's profile; a time zone chosen while an area is added; a venue
removed while something is added to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from models.gates.entities import Gate, GateId
from models.gates.repository import GateRepository
from models.library import repository as library_repository
from models.library import transitions
from models.library.entities import Area, AreaId, Kiosk, KioskId, Venue, VenueId
from models.library.errors import VenueChanged, VenueInUse
from models.library.repository import CatalogRepository
from models.profile import repository as profile_repository
from models.profile.entities import LibraryProfile, SetupProgress, SetupStep, StepMark
from models.profile.errors import ZoneFixed
from models.profile.repository import ProfileRepository
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database, Document, open_database
from tests.race.stage import guarded

ANNEX = Venue(VenueId("annex"), "分馆")
ROOM = Area(AreaId("room"), ANNEX.id, "阅览室", 1, 0, 400, 400, (), ())


@pytest.fixture
async def db(mongo_url: str) -> AsyncIterator[Database]:
    """An empty database."""
    async with open_database(mongo_url, "race_profile") as opened:
        for name in await opened.list_collection_names():
            await opened[name].delete_many({})
        yield opened


class Unasked(ProfileRepository):
    """The control: writes by ``_id`` alone."""

    async def save(self, profile: LibraryProfile) -> bool:
        await self._all.update_one(
            {"_id": "profile"}, {"$set": {"name": profile.name, "rev": profile.rev}}, upsert=True
        )
        return True


@guarded
async def test_of_concurrent_profile_changes_one_is_saved(db: Database, guard: bool) -> None:
    await ProfileRepository(db).save(LibraryProfile(name="旧", rev=1))
    editors = [(ProfileRepository if guard else Unasked)(db) for _ in range(4)]
    profiles = [LibraryProfile(name=f"第{n}个", rev=2) for n in range(4)]
    saved = await asyncio.gather(
        *(editor.save(new) for editor, new in zip(editors, profiles, strict=True))
    )
    if guard:
        assert saved.count(True) == 1
        assert await ProfileRepository(db).load() == profiles[saved.index(True)]
        late = SetupProgress({SetupStep.HOURS: StepMark.LATER}, False, 1)
        marked = await asyncio.gather(*(editor.save_setup(late) for editor in editors))
        assert marked.count(True) == 1 and await ProfileRepository(db).setup() == late
    else:
        assert saved.count(True) > 1, "one of them was overwritten without a word"


KOLKATA = {"zone": "Asia/Kolkata", "zone_minutes": 330}


@guarded
async def test_a_time_zone_cannot_be_chosen_concurrently_with_the_first_area(
    db: Database, guard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The area is added after the check for areas and before the zone is written. The control does
    not count changes of the library, so the two do not conflict."""
    profiles, catalogs = ProfileRepository(db), CatalogRepository(db)
    await catalogs.add_venue(ANNEX)
    await profiles.save(LibraryProfile(rev=1))
    put, count_up, added = profile_repository._put, library_repository.count_up, list[bool]()

    async def add_first(db: Database, document: Document, session: Any) -> None:
        if not added:
            added.append(await catalogs.add_area(ROOM))
        await put(db, document, session)

    async def count(db: Database, session: Any) -> None:
        if guard:
            await count_up(db, session)

    monkeypatch.setattr(profile_repository, "_put", add_first)
    monkeypatch.setattr(profile_repository, "count_up", count)
    monkeypatch.setattr(library_repository, "count_up", count)
    profile = replace(LibraryProfile(rev=2), **KOLKATA)  # type: ignore[arg-type]
    if guard:
        with pytest.raises(ZoneFixed):
            await profiles.save(profile)
        assert await profiles.load() == LibraryProfile(rev=1), "nothing has changed"
        assert await profiles.save(LibraryProfile(name="改名", rev=2)), "the rest still may"
    else:
        assert await profiles.save(profile), "the zone was changed under an area"
    assert added == [True]


async def test_a_time_zone_chosen_before_the_first_area_stays(db: Database) -> None:
    profiles, catalogs = ProfileRepository(db), CatalogRepository(db)
    await catalogs.add_venue(ANNEX)
    profile = replace(LibraryProfile(rev=1), **KOLKATA)  # type: ignore[arg-type]
    assert await profiles.save(profile) and await catalogs.add_area(ROOM)
    with pytest.raises(ZoneFixed):
        await profiles.save(LibraryProfile(rev=2))
    assert await profiles.load() == profile


@pytest.mark.parametrize(
    ("thing", "guard"),
    [("area", True), ("kiosk", True), ("gate", True), ("area", False)],
    ids=["area", "kiosk", "gate", "control"],
)
async def test_a_venue_is_not_removed_while_an_area_or_device_is_added_to_it(
    db: Database, thing: str, guard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is added after the venue was found empty and before its removal is committed."""
    catalogs, gates = CatalogRepository(db), GateRepository(db, FieldCipher({1: b"k" * 32}))
    await catalogs.add_venue(ANNEX)
    count_up, added = library_repository.count_up, list[bool]()

    async def add() -> bool:
        if thing == "area":
            return await catalogs.add_area(ROOM)
        if thing == "kiosk":
            return await catalogs.add_kiosk(Kiosk(KioskId("k"), ANNEX.id, "选座机", "seat_kiosk"))
        return await gates.add(Gate(GateId("g"), ANNEX.id, "正门"))

    async def count(db: Database, session: Any) -> None:
        if not added:
            added.append(True)
            assert await add()
        if guard:
            await count_up(db, session)

    monkeypatch.setattr(library_repository, "count_up", count)
    if guard:
        with pytest.raises(VenueInUse):
            await catalogs.remove_venue(ANNEX)
    else:
        assert await catalogs.remove_venue(ANNEX)
    there = await db["venues"].find_one({"_id": ANNEX.id})
    assert (there is not None) == guard, "an area without a venue"
    if not guard:
        with pytest.raises(VenueChanged):
            await catalogs.add_area(replace(ROOM, id=AreaId("other")))


@pytest.mark.parametrize("guard", [True, False], ids=["guard", "control"])
async def test_a_venue_is_not_retired_while_an_area_of_it_is_brought_back(
    db: Database, guard: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The area is brought back after none was found in use and before the venue is retired."""
    catalogs = CatalogRepository(db)
    await catalogs.add_venue(ANNEX)
    away = transitions.retire(ROOM)
    assert await catalogs.add_area(replace(away, rev=0))
    count_up, back = library_repository.count_up, list[bool]()

    async def count(db: Database, session: Any) -> None:
        if not back:
            back.append(True)
            assert await catalogs.replace_area(replace(ROOM, rev=1))
        if guard:
            await count_up(db, session)

    monkeypatch.setattr(library_repository, "count_up", count)
    retired = replace(ANNEX, retired=True, rev=ANNEX.rev + 1)
    if guard:
        with pytest.raises(VenueInUse):
            await catalogs.replace_venue(retired)
    else:
        assert await catalogs.replace_venue(retired)
    venue: Any = await db["venues"].find_one({"_id": ANNEX.id})
    assert venue["retired"] != guard, "an area in use in a venue that nobody sees"
    if not guard:
        # The other way round there is nothing to race for: the area's own change asks.
        assert await catalogs.replace_area(transitions.retire(replace(ROOM, rev=1)))
        with pytest.raises(VenueChanged):
            await catalogs.replace_area(replace(ROOM, rev=3))
