"""One form is sent twice at once: its readers are told once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from models.identity.roles import Role
from models.kernel.time_range import TimeRange
from models.library.entities import AreaId
from models.staff.announcement_repository import AnnouncementRepository
from models.staff.announcements import Announcement, StaffAnnouncements
from models.staff.recorder import AuditLog, StaffContext
from notify.in_app import InAppNotifier
from notify.publisher import MessagePublisher
from tests.race.stage import Stage, clock, guarded, put_around


class Anew(AnnouncementRepository):
    """The control: each time its messages have names of their own."""

    async def begin(self, key: str, prefix: str) -> str:
        return prefix


@guarded
async def test_readers_are_told_once(stage: Stage, guard: bool) -> None:
    reader, librarian = await stage.reader(), await stage.reader()
    booked = await stage.reserved(reader)
    area = stage.inside.reference.catalog.all_seats[booked.seat_id].area_id
    stored, barrier = stage.stored, asyncio.Barrier(2)
    what = Announcement("k", {AreaId(area)}, TimeRange(clock(10), clock(11)), "检修", "有噪音。")

    async def send() -> int:
        announcements = (AnnouncementRepository if guard else Anew)(stage.db)
        notifier = InAppNotifier(MessagePublisher(stored.messages, stored.deliveries, ()))
        if guard:
            put_around(announcements, "insert_many", before=barrier.wait)
        service = StaffAnnouncements(
            AuditLog(stored.audit_log),
            announcements,
            stored.reservations,
            stage.inside.reference,
            notifier,
        )
        ctx = StaffContext(librarian, Role.LIBRARIAN, clock(9) + timedelta(minutes=1))
        return await service.send(ctx, what, "检修")

    assert list(await asyncio.gather(send(), send())) == [1, 1]
    _, count = await stored.messages.page_of(reader.id, False, 0, 9)
    assert count == (1 if guard else 2)
