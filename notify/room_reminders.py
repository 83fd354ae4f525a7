from __future__ import annotations

from datetime import datetime

from languages.text import Text, joined
from models.kernel.ids import ReaderId
from models.library.names import label_text, shortened
from models.messages.entities import LONGEST_THING, Message, Template
from models.readers.personal_data_repository import ERASED_READER
from models.reference_data import ReferenceData
from models.reservations.room_booking import RoomBooking, RoomReminder
from notify.publisher import MessagePublisher
from notify.templates import check_in_reminder
from notify.templates.in_app import ROOM, TITLE_TEXT
from notify.templates.rendering import day_clock, later_clock, span
from notify.templates.room_reminder import CANCEL_IN_TIME, PLACES, REMINDER_TEXT, ROOM_SCAN_BY, TIP


class RoomReminders:
    """Reminds the people of a room's booking. Reminders of the check-in are of the same kind as
    those of seats; one of people who lack is the booker's, and an ``ANSWER`` like a room's news."""

    def __init__(self, publisher: MessagePublisher, reference: ReferenceData) -> None:
        self._publisher, self._reference = publisher, reference

    async def send(self, b: RoomBooking, what: RoomReminder, at: datetime) -> None:
        """Sends the reminder of the instant ``at``; a repeated call sends nothing. Raises:
        Unavailable."""
        of_people = what is RoomReminder.PEOPLE
        people = (b.booker,) if of_people else b.people
        make = self._of_people if of_people else self._of_check_in
        await self._publisher.publish(
            [make(b, what, id, at) for id in people if id != ERASED_READER]
        )

    def _of_people(self, b: RoomBooking, what: RoomReminder, id: ReaderId, at: datetime) -> Message:
        zone = self._reference.zone
        text = REMINDER_TEXT[what].format(
            room=self._name(b),
            span=span(zone.local(b.span.start), zone.local(b.span.end)),
            people=len(b.people),
            least=b.least,
            until=day_clock(zone.local_if_any(b.confirm_by)),
        )
        return Message(
            id=_message_id(b, id, at),
            reader_id=id,
            template=Template.ANSWER,
            title=TITLE_TEXT[ROOM],
            text=text,
            at=at,
            facts={},
            expires_at=b.confirm_by,
        )

    def _of_check_in(
        self, b: RoomBooking, what: RoomReminder, id: ReaderId, at: datetime
    ) -> Message:
        zone, venue = self._reference.zone, self._reference.catalog.venues[b.venue_id]
        start, until = zone.local(b.span.start), zone.local(b.check_in_until)
        room = self._reference.rooms.get(b.room_id)
        short: str = b.room_id[:LONGEST_THING]
        if room is not None:
            short = shortened([venue, venue.floor(room.floor), room], LONGEST_THING)
        text = REMINDER_TEXT[what].format(
            room=self._name(b),
            span=span(start, zone.local(b.span.end)),
            until=later_clock(start, until),
            scan=ROOM_SCAN_BY[venue.check_in_way],
        )
        return Message(
            id=_message_id(b, id, at),
            reader_id=id,
            template=check_in_reminder.MESSAGE.template,
            title=check_in_reminder.MESSAGE.title,
            text=joined([text, CANCEL_IN_TIME]) if id == b.booker else text,
            at=at,
            facts={
                "seat": short,
                "seat_no": "",
                "start": b.span.start,
                "until": b.check_in_until,
                "place": PLACES[venue.check_in_way],
                "tip": TIP,
            },
            expires_at=b.check_in_until,
        )

    def _name(self, b: RoomBooking) -> Text | str:
        room = self._reference.rooms.get(b.room_id)
        return label_text(room) if room is not None else b.room_id


def _message_id(b: RoomBooking, id: ReaderId, at: datetime) -> str:
    """The message's id, as short as ids that programs send have to be. There is one reminder at
    an instant; of a booking that was changed each has another one."""
    return f"{b.id}:{id}:{int(at.timestamp()) // 60:x}:{ROOM}"
