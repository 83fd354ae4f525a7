"""Sends readers the messages caused by staff: replies, decisions, suspensions, announcements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from languages.text import Text, joined, short_day_text
from models.fault_reports.entities import FaultReport
from models.feedback.entities import Feedback
from models.kernel.ids import ReaderId, ReservationId
from models.library.entities import Catalog, Seat
from models.library.names import label_text
from models.messages.entities import LONGEST_THING, Message, Template
from models.readers.entities import FOREVER
from models.readers.personal_data_repository import ERASED_READER
from models.reference_data import ReferenceData
from models.reservations.room_booking import CHANGES, RoomBooking, RoomState, RoomTime
from models.storage.mongo import new_id
from models.violations.entities import Violation
from models.violations.recording import ViolationResult
from notify.conversations import Conversations
from notify.publisher import MessagePublisher
from notify.templates import suspended
from notify.templates.in_app import (
    FAULT_TEXT,
    MESSAGE_TEXT,
    MISSED_ONCE_MORE,
    MISSED_ROOM,
    RENUMBERED_TIP,
    ROOM,
    ROOM_CANCELLED,
    ROOM_CHANGED,
    ROOM_TEXT,
    SUSPENDED_FOR_ROOM,
    TITLE_TEXT,
    VIOLATION_TEXT,
)
from notify.templates.rendering import A_DAY, day_clock, span


class InAppNotifier:
    """Sends the staff's messages to readers; implements ``ReaderNotifier``. Kinds without a
    template in WeChat use the template ``ANSWER``."""

    def __init__(
        self, publisher: MessagePublisher, conversations: Conversations, reference: ReferenceData
    ) -> None:
        self._publisher, self._conversations = publisher, conversations
        self._reference = reference

    async def feedback_answered(self, feedback: Feedback, now: datetime) -> None:
        """Sends the staff's reply to the feedback once: into the WeChat conversation of the
        feedback, if any, and as a message to the author, if the author is a reader."""
        if not feedback.answer or feedback.answered_at is None:
            return
        await self._conversations.answer(feedback, now)
        if feedback.reader_id is None:
            return
        await self._send(
            f"{feedback.id}:answer",
            feedback.reader_id,
            TITLE_TEXT["feedback"],
            MESSAGE_TEXT["feedback"].format(question=feedback.text, answer=feedback.answer),
            feedback.answered_at,
        )

    async def fault_closed(self, report: FaultReport, label: str) -> None:
        """Sends the result of a fault report to its reader, once."""
        assert report.closed_at is not None
        text = MESSAGE_TEXT[f"fault_{report.state.value}"].format(
            seat=label, kind=FAULT_TEXT[report.kind], answer=report.answer
        )
        title = TITLE_TEXT["fault"]
        await self._send(f"{report.id}:fault", report.reader_id, title, text, report.closed_at)

    async def appeal_decided(self, violation: Violation, now: datetime) -> None:
        """Sends the decision on the reader's appeal, once."""
        assert violation.appeal is not None
        outcome = MESSAGE_TEXT["appeal_granted" if violation.appeal.granted else "appeal_rejected"]
        text = outcome.format(violation=_describe(violation), answer=violation.appeal.answer)
        await self._about(violation, "appeal", text, now)

    async def violation_waived(self, violation: Violation, now: datetime) -> None:
        """Tells the reader, once, that the staff waived a violation that had no appeal."""
        reason = violation.waiver.reason if violation.waiver else ""
        text = MESSAGE_TEXT["waived"].format(violation=_describe(violation), reason=reason)
        await self._about(violation, "waived", text, now)

    async def suspension_changed(
        self, reader_id: ReaderId, until: datetime | None, reason: str, now: datetime
    ) -> None:
        """Tells the reader that the staff set a suspension until ``until``, or ended it (None)."""
        kind = "released" if until is None else "banned" if until == FOREVER else "suspended"
        text = MESSAGE_TEXT[kind].format(
            until=day_clock(self._reference.zone.local_if_any(until)), reason=reason
        )
        message = Message(
            id=new_id(),
            reader_id=reader_id,
            template=Template.SUSPENDED,
            title=TITLE_TEXT["suspension"],
            text=text,
            at=now,
            facts=suspended.by_the_library(until, now),
            expires_at=min(until, now + A_DAY) if until is not None else now + A_DAY,
            typed=True,
        )
        await self._publisher.publish([message])

    async def room_news(self, booking: RoomBooking, missed: ViolationResult | None) -> None:
        """Tells those of the booking whom it concerns what has become of it, once. The library's
        reason is the booker's, as is what violation a no-show was."""
        await self._room_changed(booking)
        state, people = booking.state, booking.people
        by_library = state is RoomState.CANCELLED and booking.history[-1].by == "librarian"
        if state in (RoomState.RESERVED, RoomState.NO_SHOW):
            people = people[:1]
        elif state is RoomState.CANCELLED and not by_library:
            people = people[1:]
        if not booking.news_due or state not in ROOM_TEXT:
            return  # it has gone on meanwhile
        zone = self._reference.zone
        news = ROOM_CANCELLED if by_library else ROOM_TEXT[state]
        name, times = self._room_time(RoomTime(booking.room_id, booking.span))
        text = news.format(room=name, span=times)
        more = [MESSAGE_TEXT["answer"].format(answer=booking.reason)] if booking.reason else []
        if missed is not None:
            counts = missed.violation is not None and missed.violation.counts
            more.append(MISSED_ROOM if counts else MISSED_ONCE_MORE)
        if missed is not None and missed.suspended_until is not None:
            until = day_clock(zone.local(missed.suspended_until))
            more.append(SUSPENDED_FOR_ROOM.format(until=until))
        title, at = TITLE_TEXT[ROOM], booking.history[-1].at
        await self._publisher.publish(
            [
                _answer(
                    f"{booking.id}:{id}:{state}:{ROOM}",
                    id,
                    title,
                    joined([text, *more]) if id == booking.booker else text,
                    at,
                )
                for id in people
                if id != ERASED_READER
            ]
        )

    async def _room_changed(self, booking: RoomBooking) -> None:
        """Tells those who take part, once, where and when the booking is after a change."""
        before, now = booking.changed_from, RoomTime(booking.room_id, booking.span)
        if before is None or before == now:
            return
        changes = [e for e in booking.history if e.event in CHANGES]
        (was, was_span), (room, times) = map(self._room_time, (before, now))
        text = ROOM_CHANGED.format(was=was, was_span=was_span, room=room, span=times)
        kind, title = f"change{len(changes)}", TITLE_TEXT[ROOM]
        await self._publisher.publish(
            [
                _answer(f"{booking.id}:{id}:{kind}:{ROOM}", id, title, text, changes[-1].at)
                for id in booking.people[1:]
                if id != ERASED_READER
            ]
        )

    def _room_time(self, place: RoomTime) -> tuple[Text | str, Text]:
        """The room's name and the time in words."""
        zone, room = self._reference.zone, self._reference.rooms.get(place.room_id)
        times = span(zone.local(place.span.start), zone.local(place.span.end))
        return label_text(room) if room is not None else place.room_id, times

    async def announced(
        self, prefix: str, reader_ids: Sequence[ReaderId], title: str, text: str, now: datetime
    ) -> None:
        """Sends a staff announcement to each of the readers. The messages' ids begin with
        ``prefix``; a repeated call with the same prefix sends nothing."""
        await self._publisher.publish(
            [_answer(f"{prefix}:{id}", id, title, text, now) for id in reader_ids]
        )

    async def seat_renumbered(
        self,
        reader_id: ReaderId,
        was: str,
        catalog: Catalog,
        seat: Seat,
        start: datetime,
        end: datetime,
        now: datetime,
    ) -> None:
        label, short = catalog.seat_label(seat), catalog.short_label_of(seat.id, LONGEST_THING)
        message = Message(
            id=new_id(),
            reader_id=reader_id,
            template=Template.MOVED,
            title=TITLE_TEXT["renumbered"],
            text=MESSAGE_TEXT["renumbered"].format(
                was=was, seat=label, span=span(*map(self._reference.zone.local, (start, end)))
            ),
            at=now,
            facts={"seat": short, "seat_no": seat.number, "start": start, "tip": RENUMBERED_TIP},
            expires_at=end,
        )
        await self._publisher.publish([message])

    async def _about(self, v: Violation, kind: str, text: str, now: datetime) -> None:
        id, title = f"{v.reservation_id}:{kind}", TITLE_TEXT[kind]
        await self._send(id, v.reader_id, title, text, now, reservation_id=v.reservation_id)

    async def _send(
        self,
        id: str,
        reader_id: ReaderId,
        title: str,
        text: str,
        at: datetime,
        reservation_id: ReservationId | None = None,
    ) -> None:
        await self._publisher.publish([_answer(id, reader_id, title, text, at, reservation_id)])


def _answer(
    id: str,
    reader_id: ReaderId,
    title: str,
    text: str,
    at: datetime,
    reservation_id: ReservationId | None = None,
) -> Message:
    return Message(
        id=id,
        reader_id=reader_id,
        template=Template.ANSWER,
        title=title,
        text=text,
        at=at,
        facts={},
        reservation_id=reservation_id,
    )


def _describe(v: Violation) -> str:
    kind = VIOLATION_TEXT.get(v.kind, v.kind)
    return MESSAGE_TEXT["violation"].format(day=short_day_text(v.day), kind=kind)
