"""Announcements to readers and alert mails to staff, by two workers at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from models.announcements.repository import AnnouncementRepository
from models.announcements.staff import Announcement, StaffAnnouncements
from models.email_addresses.repository import EmailAddressRepository
from models.identity.roles import Role
from models.identity.session_repository import SessionRepository
from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.library.entities import AreaId
from models.staff.alert_kinds import AlertKind, OpenItem
from models.staff.alert_repository import AlertRepository
from models.staff.alerts import StaffAlerts
from models.staff.audit_log import AuditLog, StaffContext
from notify.conversations import Conversations
from notify.in_app import InAppNotifier
from notify.publisher import MessagePublisher
from notify.routing import ChannelRouting
from tests.builders import ZONE
from tests.race.stage import Stage, clock, guarded, put_around, unguard


class Anew(AnnouncementRepository):
    """The control: message ids differ each time."""

    async def begin(self, key: str, prefix: str) -> str:
        return prefix


@guarded
async def test_an_announcement_sent_twice_reaches_each_reader_once(
    stage: Stage, guard: bool
) -> None:
    reader, librarian = await stage.reader(), await stage.reader()
    booked = await stage.reserved(reader)
    area = stage.inside.reference.catalog.all_seats[booked.seat_id].area_id
    stored, barrier = stage.stored, asyncio.Barrier(2)
    what = Announcement("k", {AreaId(area)}, TimeRange(clock(10), clock(11)), "检修", "有噪音。")

    async def send() -> int:
        announcements = (AnnouncementRepository if guard else Anew)(stage.db)
        publisher = MessagePublisher(stored.messages, stored.deliveries, ChannelRouting(()))
        notifier = InAppNotifier(
            publisher, Conversations(stored.feedback, {}), stage.inside.reference
        )
        if guard:
            put_around(announcements, "insert_many", before=barrier.wait)
        service = StaffAnnouncements(
            AuditLog(stored.audit_log),
            announcements,
            stored.reservations,
            stage.inside.reference,
            notifier,
        )
        ctx = StaffContext(librarian, Role.LIBRARIAN, clock(9) + timedelta(minutes=1), ZONE)
        return await service.send(ctx, what, "检修")

    assert list(await asyncio.gather(send(), send())) == [1, 1]
    _, count = await stored.messages.page_of(reader.id, False, 0, 9)
    assert count == (1 if guard else 2)


@guarded
async def test_two_workers_mail_a_staff_member_once(stage: Stage, guard: bool) -> None:
    """Both see a new item before either claims the right to mail."""
    librarian, barrier = await stage.reader(), asyncio.Barrier(2)
    await AlertRepository(stage.db).choose(librarian.id, [AlertKind.QUESTIONS], None, clock(20))
    addresses = EmailAddressRepository(stage.db, stage.cipher)
    await addresses.follow_campus(librarian.id, "desk@lib.test")
    sent: list[str] = []

    class Mailer:
        async def send_alert(
            self, reader_id: ReaderId, address: str, counts: Mapping[AlertKind, int]
        ) -> bool:
            sent.append(f"{address} {dict(counts)}")
            return True

    async def waits(_: datetime) -> Mapping[AlertKind, list[OpenItem]]:
        return {AlertKind.QUESTIONS: [OpenItem("question:1")]}

    async def run() -> int:
        alerts = AlertRepository(stage.db)
        if not guard:
            unguard(alerts)
        put_around(alerts, "update_one", before=barrier.wait)
        sessions = SessionRepository(stage.db, stage.cipher)
        return await StaffAlerts(alerts, sessions, addresses, Mailer(), waits, lambda: ZONE).run(
            clock(9)
        )

    assert sorted(await asyncio.gather(run(), run())) == ([0, 1] if guard else [1, 1])
    assert len(sent) == (1 if guard else 2)
