"""Readers: search, and what staff can do for a reader: bookings, suspension, accommodation."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from handlers.http import presenting
from handlers.http.forms import Form
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.http.presenting import suspension
from handlers.reservations import presenter
from handlers.rooms import presenter as rooms_presenter
from handlers.staff.forms import decode, instant_of, seat_in
from handlers.staff.layout import PAGE, page_number, pages_of, render, staff_context
from handlers.staff.sent_forms import refuse
from handlers.texts.console import BETWEEN, BLOCKING_TEXT
from handlers.texts.console_labels import MEMBERSHIP_SOURCE_TEXT
from handlers.texts.labels import ROOM_STATE_TEXT
from handlers.violations import presenter as violations_presenter
from languages.text import joined
from models.booking.service import ReservationService
from models.booking.staff.lookup import ReservationLookup
from models.booking.staff.reservations import StaffReservations
from models.identity.roles import Role
from models.kernel.errors import Malformed
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.readers.accommodations import NO_ACCOMMODATION, Accommodation
from models.readers.entities import FOREVER, Reader
from models.readers.errors import AccommodationChanged
from models.readers.staff.readers import SHORTEST_PART, FoundReaders, StaffReaders
from models.reservations.entities import Reservation
from models.reservations.errors import OwnOverlap
from models.reservations.rules import TimeSelection
from models.reservations.state_machine import LIVE, ReservationState
from models.rooms.service import RoomService
from models.staff.review_access import ReviewAccess
from models.staff.second_factors import StaffSecondFactors
from models.violations.service import ViolationService
from models.violations.staff import StaffViolations

LONGEST_NAME: Final = 40
_FOUND: Final = 50
_MOST_MINUTES: Final = 240
Minutes = Annotated[int, Meta(ge=0, le=_MOST_MINUTES)]
_LONGEST_SUSPENSION: Final = timedelta(days=366)


class BookingForm(msgspec.Struct):
    """The form that books a seat for the reader. Without ``start`` the booking begins now."""

    date: date
    end: time
    start: time | None = None


class AccommodationForm(msgspec.Struct):
    check_in_minutes: Minutes = 0
    leave_minutes: Minutes = 0
    until: date | None = None
    accessible: bool = False


async def readers(visit: PageRequest) -> web.StreamResponse:
    """Finds readers by number, card or name, or a part of number or name."""
    sought = visit.request.query.get("q", "").strip()
    matches, status = FoundReaders(), 0
    if sought:
        matches = await visit[StaffReaders].find(staff_context(visit), sought, _FOUND)
        if len(matches.readers) == 1:
            return redirect(f"/console/readers/{matches.readers[0].id}")
    short = bool(sought) and not matches.readers and len(sought) < SHORTEST_PART
    if sought and not matches.readers:
        status = 400 if short else 404
    return render(
        visit,
        "readers",
        status=status,
        sought=sought,
        found=matches,
        short=short,
        least=SHORTEST_PART,
        today=visit.zone.day(visit.now),
        longest_name=LONGEST_NAME,
    )


# --- one reader -----------------------------------------------------------------------------------
async def reader(visit: PageRequest) -> web.StreamResponse:
    return await render_reader(visit, await reader_of(visit))


async def reader_of(visit: PageRequest) -> Reader:
    """The reader that the URL names. Raises: NotFound."""
    return await visit[StaffReaders].get(visit.id)


async def render_reader(visit: PageRequest, who: Reader, **more: Any) -> web.Response:
    """A reader's page. The audit log records who opened it. ``more``: further template data."""
    await visit[StaffReaders].look_at(staff_context(visit), who)
    reference, number = visit[REFERENCE], page_number(visit)
    decides = visit.may(Role.LIBRARIAN)
    facts: dict[str, Any] = (
        await _records(visit, who)
        | _groups(visit, who)
        | {
            "who": who,
            "violation_count": await visit[ViolationService].violation_count(who.id, visit.now),
            "suspended": suspension(visit.zone, who, visit.now),
            "was": who.suspended_until.isoformat() if who.suspended_until is not None else "",
            "bound": await visit[StaffReaders].is_bound(who.id),
            "code": None,
            "issued": None,
            "review": await visit[ReviewAccess].latest(who) if decides else None,
            "whole_number": "",
            "second_factor": visit.may_in(None, Role.ADMINISTRATOR)
            and await visit[StaffSecondFactors].has(who),
            # A viewer does not learn which reader has an accommodation.
            "accommodation": reference.accommodation_of(who.id) if decides else None,
            "base": _base(visit, reference.accommodation_of(who.id)) if decides else "",
            "areas": [a for a in reference.catalog.bookable_areas if visit.sees(a.venue_id)],
            "days": sorted(
                {
                    day
                    for venue in reference.catalog.venues_in_use
                    for day in reference.bookable_dates(who, visit.now, venue.id)
                }
            ),
            "number": number,
            "most": _MOST_MINUTES,
        }
    )
    return render(visit, "reader", **facts | more)


def _groups(visit: PageRequest, who: Reader) -> dict[str, Any]:
    """The template data on the reader's groups. Each membership has its group's name, its source
    in words, and whether it is active today."""
    groups, today = visit[REFERENCE].groups, visit.zone.day(visit.now)
    default = next((g.name for g in groups.by_id.values() if g.default), "")
    return {
        "memberships": [
            (
                m,
                groups.by_id[m.group_id].name,
                MEMBERSHIP_SOURCE_TEXT[m.source],
                m.is_active_on(today),
            )
            for m in who.memberships
            if m.group_id in groups.by_id
        ],
        "memberships_base": memberships_shown(who),
        "reader_groups": list(groups.by_id.values()),
        "default_group": default,
    }


def memberships_shown(who: Reader) -> str:
    """A digest of the reader's memberships, which forms send back to detect concurrent changes."""
    rows = sorted((m.group_id, m.source, f"{m.first}/{m.last}") for m in who.memberships)
    return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


async def _records(visit: PageRequest, who: Reader) -> dict[str, Any]:
    reference, reservations, now = visit[REFERENCE], visit[ReservationService], visit.now
    skip = (page_number(visit) - 1) * PAGE
    rows, total = await reservations.page_of(who.id, (), skip, PAGE)
    violations, _ = await visit[ViolationService].page_of(who.id, 0, PAGE)
    seats = reference.catalog.seats
    outside = [
        r
        for r in rows
        if r.state in LIVE
        and r.seat_id in seats
        and not reference.may_use_seat(seats[r.seat_id], who, r.date)
    ]
    return {
        "outside": len(outside),
        "live": [await presenter.reservation(reference, r, now) for r in rows if r.state in LIVE],
        "items": [
            await presenter.reservation(reference, r, now) for r in rows if r.state not in LIVE
        ],
        "violations": [await violations_presenter.violation(visit, v) for v in violations],
        "rooms": [
            rooms_presenter.request(reference, b, who.id)
            for b in await visit[RoomService].of(who.id, now)
            if b.live
        ],
        "room_states": ROOM_STATE_TEXT,
        "offers": [
            await presenter.reservation(reference, r, now) for r in await _offers(visit, who)
        ],
        "pages": pages_of(total),
    }


async def _offers(visit: PageRequest, who: Reader) -> list[Reservation]:
    live = await visit[ReservationService].live_of(who.id, visit.now)
    return [r for r in live if r.state is ReservationState.OFFERED]


async def reveal_number(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Shows the reader's page with the whole student or staff number, which is usually masked."""
    who = await reader_of(visit)
    whole = await visit[StaffReaders].reveal_number(staff_context(visit), who, form_reason(form))
    return await render_reader(visit, who, whole_number=whole)


async def unbind(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Ends the account binding, so that the WeChat account no longer acts for the reader; for
    instance after the loss of a phone."""
    who = await reader_of(visit)
    await visit[StaffReaders].unbind(staff_context(visit), who, form_reason(form))
    return redirect(f"/console/readers/{who.id}?done=unbind")


async def book(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Books a seat for the reader, by the same rules that apply if the reader books."""
    who, seat_id, typed = (
        await reader_of(visit),
        seat_in(visit, form),
        decode(visit.zone, form, BookingForm),
    )
    selection, reason = TimeSelection(typed.date, typed.start, typed.end), form_reason(form)
    try:
        await visit[StaffReservations].book(staff_context(visit), who, seat_id, selection, reason)
    except OwnOverlap as error:
        refuse(visit, form, error, await _in_the_way(visit, who, selection))
        return await render_reader(visit, who)
    return redirect(f"/console/readers/{who.id}?done=book")


async def _in_the_way(visit: PageRequest, who: Reader, selection: TimeSelection) -> str:
    """A sentence that names the reader's bookings and offers in the time of ``selection``."""
    end = visit.zone.instant(selection.day, selection.end)
    start = visit.now
    if selection.start is not None:
        start = visit.zone.instant(selection.day, selection.start)
    named = [
        BLOCKING_TEXT["offer" if r.state is ReservationState.OFFERED else "booking"].format(
            seat=visit[REFERENCE].catalog.label_of(r.seat_id),
            start=presenting.clock(visit.zone, r.start),
            end=presenting.clock(visit.zone, r.end),
            until=presenting.clock(visit.zone, r.held_until) if r.held_until is not None else "",
        )
        for r in await visit[ReservationLookup].in_the_way(who, TimeRange(start, end))
    ]
    return BLOCKING_TEXT["refused"].format(named=joined(named, BETWEEN["changes"]))


async def suspend(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Suspends the reader until a time or ``forever``; with ``release`` ends the suspension."""
    who, release = await reader_of(visit), bool(form_text(form, "release"))
    until = None if release else _suspension_end(visit.zone, form, visit.now)
    was, reason = _suspension_shown(form), form_reason(form)
    await visit[StaffViolations].set_suspension(staff_context(visit), who, was, until, reason)
    return redirect(f"/console/readers/{who.id}?done={'release' if release else 'suspend'}")


def _suspension_end(zone: Zone, form: Form, now: datetime) -> datetime:
    """The end of the suspension that the form describes; ``FOREVER`` for one without end.
    Raises: Malformed."""
    forever, until = bool(form_text(form, "forever")), form_text(form, "until")
    if forever == bool(until):
        wrong = "suspension_end_twice" if forever else "suspension_end_missing"
        raise Malformed("until", wrong)
    if forever:
        return FOREVER
    end = instant_of(zone, until, "until")
    if not now < end <= now + _LONGEST_SUSPENSION:
        raise Malformed("until", "suspension_too_long")
    return end


def _suspension_shown(form: Form) -> datetime | None:
    """The end of the suspension that the page showed when the form was loaded, to detect a
    concurrent change; None if there was no suspension. Raises: Malformed."""
    text = form_text(form, "was")
    try:
        was = datetime.fromisoformat(text) if text else None
    except ValueError as error:
        raise Malformed("was", "page_outdated") from error
    if was is not None and (was.tzinfo is None or not 2000 <= was.year < 2100) and was != FOREVER:
        raise Malformed("was", "page_outdated")
    return was


async def set_accommodation(visit: PageRequest, form: Form) -> web.StreamResponse:
    reference = visit[REFERENCE]
    who, typed = await reader_of(visit), decode(visit.zone, form, AccommodationForm)
    if typed.until is not None and typed.until < visit.zone.day(visit.now):
        raise Malformed("until", "date_passed")
    granted = NO_ACCOMMODATION
    if typed.accessible or typed.check_in_minutes or typed.leave_minutes:
        granted = Accommodation(
            typed.accessible, typed.check_in_minutes, typed.leave_minutes, typed.until
        )
    await reference.refresh()
    was = reference.accommodation_of(who.id)
    if form_text(form, "base") != _base(visit, was):
        raise AccommodationChanged()
    await visit[StaffReaders].set_accommodation(
        staff_context(visit), who, was, granted, form_reason(form)
    )
    return redirect(f"/console/readers/{who.id}?done=allow")


def _base(visit: PageRequest, accommodation: Accommodation) -> str:
    """A digest of the reader's accommodation. A form sends it back, so that a concurrent change
    is detected without revealing the accommodation."""
    return hashlib.sha256(f"{visit.id} {accommodation}".encode()).hexdigest()[:16]
