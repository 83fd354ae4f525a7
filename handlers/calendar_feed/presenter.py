"""Bookings as calendar files, without the reader's name."""

from __future__ import annotations

from collections.abc import Sequence

from handlers.calendar_feed.room_entries import own_entry
from handlers.http import presenting
from handlers.http.presenting import later_clock
from handlers.texts import calendar_feed as texts
from handlers.texts.labels import STATE_TEXT
from languages.text import Language, Text
from models.calendar_feed import rules
from models.calendar_feed.entities import CalendarEntry
from models.kernel.ids import ReaderId
from models.library.names import name_text
from models.reference_data import ReferenceData
from models.reservations.entities import Reservation
from models.reservations.room_booking import RoomBooking
from models.reservations.state_machine import ReservationState
from notify.templates.rendering import SCAN_BY


def calendar(
    reference: ReferenceData,
    entries: Sequence[CalendarEntry],
    language: Language,
    name: Text | str = "",
) -> bytes:
    """The entries as an iCalendar file. ``name``: the calendar's name; empty for a file that is
    downloaded once."""
    # Imported here: icalendar takes 3 MB in each worker, and few readers have a calendar.
    from models.calendar_feed.calendar import calendar_of

    return calendar_of(entries, reference.profile.clock, str(language.say(name)))


def entry(
    reference: ReferenceData,
    booking: Reservation | RoomBooking,
    reader_id: ReaderId,
    base_url: str,
    language: Language,
) -> CalendarEntry:
    """The booking as its reader's calendar shows it. The host of ``base_url`` makes the entry's id
    globally unique."""
    if isinstance(booking, RoomBooking):
        return own_entry(reference, booking, reader_id, base_url, language)
    return _seat_entry(reference, booking, base_url, language)


def _seat_entry(
    reference: ReferenceData, r: Reservation, base_url: str, language: Language
) -> CalendarEntry:
    catalog, time = reference.catalog, rules.calendar_time(r)
    seat = catalog.all_seats.get(r.seat_id)
    named = name_text(catalog.areas[seat.area_id], seat.number) if seat is not None else r.seat_id

    def words(text: Text) -> str:
        return str(language.say(text.format(seat=named)))

    page = f"{base_url}/reservations/{r.id}"
    return CalendarEntry(
        uid=rules.uid_of(r, base_url),
        rev=r.rev,
        created_at=r.created_at,
        changed_at=rules.changed_at(r),
        start=time.start,
        end=time.end,
        cancelled=rules.is_off(r),
        summary=words(texts.SUMMARY_OFF.get(r.state, texts.SUMMARY)),
        location=language.say(catalog.label_of(r.seat_id)),
        description=f"{language.say(_status_text(reference, r))}\n{page}",
        url=page,
        before_start=words(texts.BEFORE_START) if rules.reminds_of_start(r) else "",
        before_end=words(texts.BEFORE_END) if rules.reminds_of_end(r) else "",
    )


def _status_text(reference: ReferenceData, r: Reservation) -> Text:
    """When and how to check in for ``r``; if ``r`` is no longer reserved, its state in words."""
    if r.state is not ReservationState.RESERVED:
        return texts.STATE.format(state=STATE_TEXT[r.state])
    way = reference.catalog.venues[r.venue_id].check_in_way
    text = texts.CHECK_IN_EXCUSED if r.penalty_waived else texts.CHECK_IN
    return text.format(
        begin=presenting.clock(reference.zone, r.check_in_from),
        end=later_clock(reference.zone, r.check_in_from, r.check_in_until),
        scan=SCAN_BY[way],
    )
