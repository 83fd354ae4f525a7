from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from models.deadlines.presence_knowledge import PresenceKnowledge
from models.outages.extension import DeadlineExtension
from models.policy.open_hours import open_hours
from models.readers.personal_data_repository import ERASED_READER
from models.reference_data import ReferenceData
from models.reservation_store.room_repository import RoomBookingRepository
from models.reservations.errors import StaleRevision
from models.reservations.room_booking import RoomBooking, RoomReminder, RoomState, settled
from models.rooms.rules import hours_of
from models.violations.entities import Violation
from models.violations.recording import ViolationRecorder, ViolationResult


class RoomJobs:
    def __init__(
        self,
        bookings: RoomBookingRepository,
        reference: ReferenceData,
        extension: DeadlineExtension,
        knowledge: PresenceKnowledge,
        violations: ViolationRecorder,
        tell: Callable[[RoomBooking, ViolationResult | None], Awaitable[None]],
        remind: Callable[[RoomBooking, RoomReminder, datetime], Awaitable[None]],
    ) -> None:
        """``tell``: tells the people of a booking, once, what has become of it, and its booker
        what violation a no-show was. ``remind``: reminds them, once for each instant."""
        self._bookings, self._reference, self._extension = bookings, reference, extension
        self._knowledge, self._violations = knowledge, violations
        self._tell, self._remind = tell, remind

    async def run(self, now: datetime, limit: int = 200) -> int:
        """Applies the deadlines of bookings of rooms that have passed; returns their number. A
        deadline of check-in is applied only when it is certain that people could check in."""
        due = await self._bookings.due(now, limit)
        if not due:
            return 0  # saves the queries about gates and outages
        alive = await self._extension.alive_until(now)
        frozen = await self._knowledge.frozen_venues(now)
        certain = await self._knowledge.certain_until(frozen, now)
        unproven = await self._knowledge.venues_without_proof(now)
        done = 0
        for b in due:
            out = frozen is True or b.venue_id in frozen
            if b.untold:
                await self._tell(b, await self._record(b))
                new = replace(b, news_due=False, changed_from=None)
            elif (instant := b.reminder_at(now)) is not None:
                await self._remind(b, b.reminders[instant], instant)
                new = replace(b, reminded_until=instant)
            elif b.state is RoomState.RESERVED and not b.lacks_people:
                if out and now < b.span.end:
                    continue
                excused = b.excused or out or b.venue_id in unproven or self._is_closed(b)
                new = settled(replace(b, excused=excused), now if out else certain)
            else:
                new = settled(b, alive)
            same = new.state is b.state and new.untold == b.untold
            if same and new.reminded_until == b.reminded_until:
                continue
            try:
                await self._bookings.replace(self._reference.zone, b, new)
            except StaleRevision:
                # Somebody was faster, or the booker was erased while the no-show was recorded.
                await self._bookings.erase_late_writes(b)
                continue
            done += 1
        return done

    def _is_closed(self, b: RoomBooking) -> bool:
        """True if by now the room is closed in some of the booking's time."""
        zone, room = self._reference.zone, self._reference.rooms[b.room_id]
        policy = self._reference.policy_on(b.day, b.venue_id)
        hours = hours_of(zone, room, b.day, open_hours(zone, policy, b.day, b.venue_id, None))
        return not hours.covers(b.span.start, b.span.end)

    async def _record(self, b: RoomBooking) -> ViolationResult | None:
        """Records a no-show as a violation of the booker's, once; returns the result. None if
        there is no violation."""
        missed = b.state is RoomState.NO_SHOW and not b.excused
        if not missed or b.booker == ERASED_READER or b.ended_at is None:
            return None
        violation = Violation(
            id=f"{b.id}:no_show",
            reader_id=b.booker,
            reservation_id=b.id,
            kind="no_show",
            at=b.ended_at,
            day=b.day,
            counts=True,
        )
        policy = self._reference.policy_on(b.day, b.venue_id)
        return await self._violations.count(violation, policy)
