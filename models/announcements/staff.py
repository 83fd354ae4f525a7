from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from models.announcements.repository import AnnouncementRepository
from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.library.entities import AreaId
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.staff.audit import AuditAction
from models.staff.audit_log import AuditLog, StaffContext
from models.staff.ports import ReaderNotifier
from models.storage.mongo import new_id

AT_A_TIME: Final = 200
"""The notifier is called for at most this many readers at a time."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """A message of the staff to all readers with a booking in `areas` that overlaps `span`.
    `key` identifies the form: sent again, it notifies no reader twice."""

    key: str
    areas: Collection[AreaId]
    span: TimeRange
    title: str
    text: str


class StaffAnnouncements:
    def __init__(
        self,
        audit: AuditLog,
        announcements: AnnouncementRepository,
        reservations: ReservationRepository,
        reference: ReferenceData,
        notifier: ReaderNotifier,
    ) -> None:
        self._audit, self._announcements = audit, announcements
        self._reservations, self._reference = reservations, reference
        self._notifier = notifier

    async def audience(self, areas: Collection[AreaId], span: TimeRange) -> list[ReaderId]:
        """The readers who have a live reservation in one of the areas during part of the span."""
        seats, readers = self._reference.catalog.all_seats, set[ReaderId]()
        # A reservation that began the evening before may last past midnight.
        day, last = (
            self._reference.zone.day(span.start) - timedelta(days=1),
            self._reference.zone.last_day(span),
        )
        while day <= last:
            for row in await self._reservations.occupancy_rows(day):
                seat = seats.get(row.seat_id)
                meets = row.start < span.end and span.start < row.end
                if seat is not None and seat.area_id in areas and meets:
                    readers.add(row.reader_id)
            day += timedelta(days=1)
        return sorted(readers)

    async def send(self, ctx: StaffContext, announcement: Announcement, reason: str) -> int:
        """Sends the announcement to its readers, who are determined at this moment; returns
        their number. Raises: OtherVenue."""
        for area_id in announcement.areas:
            ctx.require(self._reference.area(area_id).venue_id)
        names = [self._reference.area(id).name for id in sorted(announcement.areas)]
        async with self._audit.entry(
            ctx,
            AuditAction.ANNOUNCE,
            target="announcement",
            reason=reason,
            before={"title": announcement.title, "area": " ".join(names)},
        ) as entry:
            readers = await self.audience(announcement.areas, announcement.span)
            prefix = await self._announcements.begin(_key(ctx, announcement), new_id())
            for begin in range(0, len(readers), AT_A_TIME):
                await self._notifier.announced(
                    prefix,
                    readers[begin : begin + AT_A_TIME],
                    announcement.title,
                    announcement.text,
                    ctx.now,
                )
            entry.after = {"told": len(readers)}
        return len(readers)


def _key(ctx: StaffContext, announcement: Announcement) -> str:
    """An id made from the form's key and contents, so that changed contents are announced anew."""
    contents = repr(
        (
            ctx.reader.id,
            announcement.key,
            sorted(announcement.areas),
            announcement.span,
            announcement.title,
            announcement.text,
        )
    )
    return hashlib.sha256(contents.encode()).hexdigest()
