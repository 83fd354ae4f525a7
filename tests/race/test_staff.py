"""Concurrent changes of policy, plans and audit entries; a cancelled booking and its replacement
are written together or not at all."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest

from models.affected_bookings.service import AffectedBookingService, Resolution, ResolutionResult
from models.kernel.ids import Actor, ReaderId
from models.library.entities import Area, PresenceSource, Venue
from models.library.repository import CatalogRepository
from models.notices.entities import Notice
from models.notices.repository import NoticeRepository
from models.policy import opening_rules
from models.policy.entities import OpeningRule, Policy
from models.policy.errors import RulesChanged
from models.policy.repository import PolicyRepository
from models.readers.accommodation_repository import AccommodationRepository
from models.readers.accommodations import NO_ACCOMMODATION, Accommodation
from models.readers.card_repository import CardRepository
from models.reservations.state_machine import ReservationState
from models.staff.audit import AuditAction, AuditEntry, AuditQuery
from models.staff.audit_repository import AuditLogRepository
from models.violations.repository import ViolationRepository
from tests.inside import Inside
from tests.race.seat_offers import InTwoSteps, held
from tests.race.stage import OTHER_SEAT, Around, Stage, clock, guarded, put_around


class LookFirst(PolicyRepository):
    """The control: checks whether the version is free, then writes."""

    async def add(self, policy: Policy, now: datetime) -> bool:
        if await self.newest() != policy.version - 1:
            return False
        await asyncio.sleep(0)
        await self._all.delete_one({"_id": policy.version})
        await self.add_missing(policy, now)
        return True


@guarded
async def test_of_concurrent_policy_changes_one_is_published(stage: Stage, guard: bool) -> None:
    policy = stage.inside.reference.policy
    await stage.stored.policies.add_missing(policy, clock(8))
    closures = [
        OpeningRule(None, None, date(2026, 10, n), date(2026, 10, n), reason=f"检修{n}")
        for n in range(1, 9)
    ]
    own = {} if guard else {"policies": LookFirst(stage.db)}
    workers = [await stage.worker(**own) for _ in closures]

    async def publish(n: int) -> bool:
        worker = workers[n]
        try:
            new = opening_rules.add_opening_rule(policy, closures[n])
            await worker.reference.publish(new, clock(9))
        except RulesChanged:
            return False
        return True

    published = await asyncio.gather(*(publish(n) for n in range(len(closures))))
    newest = await stage.stored.policies.newest()
    assert newest == policy.version + 1
    if guard:
        assert published.count(True) == 1
        policy_now = await stage.stored.policies.get(newest)
        assert policy_now is not None and policy_now.opening[-1] == closures[published.index(True)]
    else:
        assert published.count(True) > 1, "one of them was overwritten without a word"


class EndedAnew(AuditLogRepository):
    """The control: ends an audit entry that has ended already."""

    async def end(self, entry: str, outcome: str, after: object) -> None:
        await self._all.update_one({"_id": entry}, {"$set": {"outcome": outcome, "after": after}})


@guarded
async def test_an_audit_entry_keeps_its_first_outcome(stage: Stage, guard: bool) -> None:
    reader = await stage.reader()
    audit = (AuditLogRepository if guard else EndedAnew)(stage.db, stage.cipher)
    begun = AuditEntry(
        "", clock(8), reader.id, "librarian", AuditAction.WAIVE, "x:1", None, "", {}, None, ""
    )
    entry = await audit.begin(begun)
    await audit.end(entry, "done", {"waived": True})
    await audit.end(entry, "wrong_state", None)
    ((entry_now,), _) = await audit.page_of(AuditQuery(), 0, 1)
    assert entry_now.outcome == ("done" if guard else "wrong_state")


class Overwriting(CatalogRepository):
    """The control: compares the revision, then writes."""

    looked: asyncio.Barrier

    async def replace_area(self, area: Area, events: Any = ()) -> bool:
        stands = (await self.load()).areas[area.id]
        await self.looked.wait()
        new = {"name": area.name, "rev": area.rev}
        await self._db["areas"].update_one({"_id": area.id}, {"$set": new})
        return stands.rev == area.rev - 1


@guarded
async def test_of_concurrent_plan_changes_one_is_saved(stage: Stage, guard: bool) -> None:
    (area, *_) = stage.inside.reference.catalog.areas.values()
    catalogs = [(CatalogRepository if guard else Overwriting)(stage.db) for _ in range(8)]
    Overwriting.looked = asyncio.Barrier(len(catalogs))
    plans = [replace(area, name=f"第{n}版", rev=area.rev + 1) for n in range(len(catalogs))]
    done = await asyncio.gather(
        *(c.replace_area(plan) for c, plan in zip(catalogs, plans, strict=True))
    )
    area_now = (await stage.stored.catalogs.load()).areas[area.id]
    if guard:
        assert done.count(True) == 1 and area_now == plans[done.index(True)]
    else:
        assert done.count(True) > 1, "one of them was overwritten without a word"


class VenueOverwritten(CatalogRepository):
    """The control: overwrites the venue unconditionally."""

    async def replace_venue(self, venue: Venue) -> bool:
        sources = sorted(venue.presence_sources)
        result = await self._db["venues"].update_one(
            {"_id": venue.id}, {"$set": {"presence_sources": sources, "rev": venue.rev}}
        )
        return bool(result.matched_count)


@guarded
async def test_of_concurrent_presence_source_changes_one_is_saved(
    stage: Stage, guard: bool
) -> None:
    (venue,) = stage.inside.reference.catalog.venues.values()
    catalogs = [(CatalogRepository if guard else VenueOverwritten)(stage.db) for _ in range(4)]
    changes = [
        replace(venue, presence_sources=frozenset({source}), rev=venue.rev + 1)
        for source in PresenceSource
    ]
    done = await asyncio.gather(
        *(c.replace_venue(new) for c, new in zip(catalogs, changes, strict=True))
    )
    venue_now = (await stage.stored.catalogs.load()).venues[venue.id]
    if guard:
        assert done.count(True) == 1 and venue_now == changes[done.index(True)]
    else:
        assert done.count(True) > 1, "one of them was overwritten without a word"


def affected_booking_service(worker: Inside) -> AffectedBookingService:
    return AffectedBookingService(
        worker.stored.reservations,
        worker.stored.readers,
        worker.occupancy,
        worker.reference,
        worker.writer,
        worker.waitlist,
    )


@guarded
async def test_a_crash_during_a_resolution_leaves_the_old_booking_or_an_offer(
    stage: Stage, guard: bool
) -> None:
    """The booking is cancelled; the worker dies before another seat is held."""
    r = await stage.reserved(await stage.reader())
    area = stage.inside.reference.catalog.areas[r.area_id]
    seats = tuple(seat for seat in area.seats if seat.id != r.seat_id)
    gone = tuple(seat for seat in area.seats if seat.id == r.seat_id)
    smaller = replace(area, seats=seats, removed_seats=gone, rev=area.rev + 1)
    assert await stage.stored.catalogs.replace_area(smaller)
    own = {} if guard else {"reservations": InTwoSteps(stage.db)}
    worker = await stage.worker(**own)

    async def breaks() -> None:
        raise ConnectionError("the worker is gone")

    put_around(worker.stored.waitlist, "insert_one", before=breaks)
    rows = list((await worker.occupancy.get_day(r.date)).rows.values())
    actor = Actor("librarian", "x")
    with pytest.raises(ConnectionError):
        await affected_booking_service(worker).resolve(rows, Resolution.OFFER, actor, clock(8))
    if not guard:
        assert (await stage.reload(r)).state is ReservationState.CANCELLED and await held(
            stage
        ) == []
        return
    assert await stage.reload(r) == r and await held(stage) == []
    done = await affected_booking_service(await stage.worker()).resolve(
        rows, Resolution.OFFER, actor, clock(8)
    )
    assert done == ResolutionResult(cancelled=1, offered=1)
    assert (await stage.reload(r)).state is ReservationState.CANCELLED and await held(stage) == [
        OTHER_SEAT
    ]


class Rewriting(NoticeRepository):
    """The control: writes by ``_id`` alone."""

    async def replace(self, notice: Notice) -> bool:
        await self._all.update_one({"_id": notice.id}, {"$set": {"title": notice.title}})
        return True


@guarded
async def test_of_concurrent_notice_changes_one_is_saved(stage: Stage, guard: bool) -> None:
    notices = (NoticeRepository if guard else Rewriting)(stage.db)
    await notices.add(Notice("n", "第一版", "…", clock(8)))
    texts = [Notice("n", f"第{n}版", "…", clock(8), rev=1) for n in range(8)]
    done = await asyncio.gather(*(notices.replace(text) for text in texts))
    notice = await notices.any("n")
    assert notice is not None
    if guard:
        assert done.count(True) == 1 and notice == texts[done.index(True)]
    else:
        assert done.count(True) > 1, "one of them was overwritten without a word"


class Granting(AccommodationRepository):
    """The control: compares the current value, then writes."""

    looked: asyncio.Barrier

    async def replace(self, reader_id: ReaderId, was: Accommodation, new: Accommodation) -> bool:
        stands = (await self.all())[reader_id]
        await self.looked.wait()
        document = {"_id": reader_id, "reader": reader_id}
        sealed = self._sealer.encrypt(f"[false, 5, {new.leave_minutes}, null]", "allowance")
        await self._all.replace_one({"_id": reader_id}, {**document, "allowance": sealed})
        return stands == was


@guarded
async def test_of_concurrent_accommodation_changes_one_is_saved(stage: Stage, guard: bool) -> None:
    """Eight librarians have the same page open and grant different things."""
    reader = await stage.reader()
    first = Accommodation(check_in_minutes=5)
    assert await stage.stored.accommodations.replace(reader.id, NO_ACCOMMODATION, first)
    wishes = [replace(first, leave_minutes=n) for n in range(1, 9)]
    Granting.looked = asyncio.Barrier(len(wishes))
    accommodations = (AccommodationRepository if guard else Granting)(stage.db, stage.cipher)
    done = await asyncio.gather(*(accommodations.replace(reader.id, first, w) for w in wishes))
    accommodation = (await accommodations.all())[reader.id]
    if guard:
        assert done.count(True) == 1 and accommodation == wishes[done.index(True)]
    else:
        assert done.count(True) > 1, "one of them was overwritten without a word"


@guarded
async def test_a_card_is_assigned_to_one_of_two_visitors(stage: Stage, guard: bool) -> None:
    """Two workers enter a visitor each, by mistake with the same card."""
    readers = [await stage.reader() for _ in range(2)]
    cards = CardRepository(stage.db, stage.cipher)
    if not guard:
        await stage.drop("cards", "hashes")
    done = await asyncio.gather(*(cards.give("CARD1234", reader.id) for reader in readers))
    assert sorted(done) == ([False, True] if guard else [True, True])
    assert await stage.db["cards"].count_documents({}) == (1 if guard else 2)


class InThreeSteps(ViolationRepository):
    """The control: writes the reader's entry first and its grounds afterwards."""

    async def set_suspension(
        self,
        reader_id: ReaderId,
        was: datetime | None,
        until: datetime | None,
        words: str,
        now: datetime,
    ) -> bool:
        change = {"$set": {"suspended_until": until}}
        await self._db["readers"].update_one({"_id": reader_id, "suspended_until": was}, change)
        raise ConnectionError("the worker is gone")


@guarded
async def test_a_suspension_is_written_completely_or_not_at_all(stage: Stage, guard: bool) -> None:
    reader, until = await stage.reader(), clock(20)
    own = {} if guard else {"violations": InThreeSteps(stage.db, stage.cipher)}
    worker = await stage.worker(**own)
    if guard:

        async def breaks() -> None:
            raise ConnectionError("the worker is gone")

        suspensions: Any = Around(
            worker.stored.violations._suspensions, "insert_one", before=breaks
        )
        worker.stored.violations._suspensions = suspensions
    with pytest.raises(ConnectionError):
        await worker.violations.set_suspension(reader.id, None, until, "x", clock(8))
    stands = await stage.stored.readers.get(reader.id)
    rests_on = await stage.stored.violations.last_suspension(reader.id)
    assert stands is not None and rests_on is None
    assert stands.suspended_until == (None if guard else until), "barred by nothing"
