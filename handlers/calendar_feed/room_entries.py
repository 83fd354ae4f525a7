"""Bookings of study rooms as calendar entries: for their people, and for all without names."""

from __future__ import annotations

from handlers.http import presenting
from handlers.http.presenting import later_clock
from handlers.rooms import presenter as rooms_presenter
from handlers.texts import calendar_feed as texts
from handlers.texts.labels import ROOM_STATE_TEXT
from languages.text import Language, Text
from models.calendar_feed import rules
from models.calendar_feed.entities import CalendarEntry
from models.kernel.ids import ReaderId
from models.library.names import label_text
from models.reference_data import ReferenceData
from models.reservations.room_booking import RoomBooking, RoomState


def own_entry(
    reference: ReferenceData, b: RoomBooking, reader_id: ReaderId, base_url: str, language: Language
) -> CalendarEntry:
    """The booking for one of its people."""
    room = label_text(rooms_presenter.room_of(reference, b))
    page = f"{base_url}/room-bookings/{b.id}"

    def words(text: Text) -> str:
        return str(language.say(text.format(seat=room)))

    waits = b.state is RoomState.RESERVED
    return _entry(
        reference,
        b,
        base_url,
        language,
        summary=words(texts.ROOM),
        description=f"{language.say(_status_text(reference, b, reader_id))}\n{page}",
        url=page,
        before_start=words(texts.BEFORE_START) if waits else "",
        before_end=words(texts.BEFORE_END) if waits or b.state is RoomState.IN_USE else "",
    )


def public_entry(
    reference: ReferenceData, b: RoomBooking, base_url: str, language: Language
) -> CalendarEntry:
    """The booking as a taken time of its room."""
    page = f"{base_url}/rooms/{b.room_id}"
    return _entry(
        reference,
        b,
        base_url,
        language,
        summary=str(language.say(texts.ROOM_TAKEN)),
        description=page,
        url=page,
    )


def _entry(
    reference: ReferenceData, b: RoomBooking, base_url: str, language: Language, **words: str
) -> CalendarEntry:
    room, time = rooms_presenter.room_of(reference, b), rules.room_time(b)
    venue = reference.catalog.venues[b.venue_id]
    return CalendarEntry(
        uid=rules.uid_of(b, base_url),
        rev=len(b.history),
        created_at=b.made_at,
        changed_at=b.history[-1].at,
        start=time.start,
        end=time.end,
        cancelled=False,
        tentative=b.state is RoomState.REQUESTED,
        location=str(language.say(label_text(venue, venue.floor(room.floor), room))),
        **words,
    )


def _status_text(reference: ReferenceData, b: RoomBooking, reader_id: ReaderId) -> Text:
    """When to check in; if the booking is no longer reserved, its state in words."""
    if b.state is not RoomState.RESERVED:
        return texts.STATE.format(state=ROOM_STATE_TEXT[b.state])
    blamed = b.booker == reader_id and not b.excused
    text = texts.ROOM_CHECK_IN if blamed else texts.ROOM_CHECK_IN_EXCUSED
    return text.format(
        begin=presenting.clock(reference.zone, b.check_in_from),
        end=later_clock(reference.zone, b.check_in_from, b.check_in_until),
    )
