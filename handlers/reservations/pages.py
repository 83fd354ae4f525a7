from __future__ import annotations

from itertools import repeat
from typing import Any

from aiohttp import web

from handlers.http.invitation_links import link_of
from handlers.http.keys import REFERENCE
from handlers.http.language import language_of
from handlers.http.pages import PageRequest, redirect
from handlers.http.paging import RECORDS_PER_PAGE, page_number, pages_of
from handlers.http.rendering import render_page, render_with
from handlers.kiosks.presenter import labels_are_taken
from handlers.parties import presenter as parties_presenter
from handlers.reservations import presenter
from handlers.reservations.current import current_of, reminders_missed
from handlers.reservations.device_pass import keep_pass
from handlers.reservations.glimpse import Glimpse, glimpse_of
from handlers.rooms import presenter as presenter_of_rooms
from handlers.texts.labels import EVENT_TEXT, ROOM_STATE_TEXT
from handlers.texts.pages import DONE_TEXT, REPORTED_ONCE_MORE, REPORTED_TO_DESK, SAYS_MORE
from handlers.waitlist import presenter as waitlist_presenter
from models.booking.alternatives import SeatAlternatives
from models.booking.overview_queries import ReaderOverviews
from models.booking.service import ReservationService
from models.parties.service import PartyService
from models.reservations import rules
from models.reservations.entities import Reservation
from models.reservations.room_booking import RoomBooking
from models.reservations.state_machine import LIVE
from models.seat_reports.service import DeadlineAfterReport, SeatReportService
from models.waitlist.service import WaitlistService
from notify.templates.rendering import SCAN_BY


async def reservations(visit: PageRequest) -> web.StreamResponse:
    """我的预约: the reader's reservations, the latest first, and their open waitlist entries."""
    reader_id, number = visit.reader.id, page_number(visit)
    reference, now = visit[REFERENCE], visit.now
    records = await visit[ReaderOverviews].records_of(
        reader_id,
        (number - 1) * RECORDS_PER_PAGE,
        RECORDS_PER_PAGE,
        now,
        rooms=bool(reference.rooms),
    )
    pages = pages_of(records.total, RECORDS_PER_PAGE)
    if number > pages:
        return redirect(f"/reservations?page={pages}")
    entries = await visit[WaitlistService].open_of(reader_id) if records.waits else []
    today = [r for r in records.recent if visit.zone.day(r.start) == visit.zone.day(now)]
    current = await current_of(visit, (r for r in records.recent if r.state in LIVE))
    return render_with(
        visit.request,
        "reservations/list.html",
        None,
        reader=visit.reader,
        items=[
            presenter_of_rooms.own(reference, r, reader_id, "")
            if isinstance(r, RoomBooking)
            else await presenter.reservation(reference, r, now)
            for r in records.page
        ],
        number=number,
        pages=pages,
        current=current,
        untold=bool(current or entries) and await reminders_missed(visit),
        entries=[
            await waitlist_presenter.waitlist_entry(reference, visit[WaitlistService], entry, now)
            for entry in entries
        ],
        rooms=[presenter_of_rooms.own(reference, b, reader_id, "") for b in records.rooms],
        room_states=ROOM_STATE_TEXT,
        others=[
            await presenter.reservation(reference, r, now)
            for r in rules.cancellable_today(today, now)
        ],
        done=DONE_TEXT.get(done := visit.request.query.get("done", ""), ""),
        brief=done not in SAYS_MORE,
    )


async def reservation(visit: PageRequest) -> web.StreamResponse:
    """A reservation's page with history, and free seats nearby after an occupied-seat report."""
    r = await visit[ReservationService].get_own(visit.id, visit.reader.id)
    nearest = None
    if r.has_open_report:
        nearest = await visit[SeatAlternatives].alternatives_for(r, visit.reader, visit.now)
    venue, done = visit[REFERENCE].catalog.venues[r.venue_id], visit.request.query.get("done", "")
    language = language_of(visit.request)
    detail = await presenter.detail(visit[REFERENCE], r, visit.now, language)
    keep_pass(visit, detail, current=False)
    return render_page(
        visit.request,
        "reservations/detail.html",
        reader=visit.reader,
        r=detail,
        nearest=nearest,
        events=EVENT_TEXT,
        labels=labels_are_taken([venue]),
        done=DONE_TEXT.get(done, ""),
        brief=done not in SAYS_MORE,
        glimpse=_glimpse(visit, r) if done in ("reserve", "accept", "change") else None,
        warning=await _warning(visit, r, done),
        **await _party(visit, r),
    )


async def _party(visit: PageRequest, r: Reservation) -> dict[str, Any]:
    """The template data of the seats that the reader has asked for beside the booking; None for
    each if there are none, or if the stay is over."""
    parties = visit[PartyService]
    party = await parties.of_booking(r.id) if r.state in LIVE else None
    if party is None:
        return {"party": None, "link": None}
    invitation = parties.invitation_of(party)
    return {
        "party": parties_presenter.own(visit[REFERENCE], party, invitation),
        "link": link_of(visit.request, f"/together/{invitation}"),
    }


def _glimpse(visit: PageRequest, r: Reservation) -> Glimpse | None:
    """The seat in its place; None if it is on no plan any more."""
    catalog = visit[REFERENCE].catalog
    seat = catalog.seats.get(r.seat_id)
    if seat is None:
        return None
    area = catalog.areas[seat.area_id]
    return glimpse_of([seat], area, repeat("occupied", len(area.seats)))


async def _warning(visit: PageRequest, r: Reservation, done: str) -> str:
    """A sentence that warns the reader: the last action came too late, or the last report did
    not stop the check-in deadline. Otherwise empty. ``done``: the last action, from the query."""
    if done == "stale":
        return DONE_TEXT["stale"]
    if done != "report_desk":
        return ""
    deadline = await visit[SeatReportService].deadline_after_report(visit.context(), r)
    if deadline is DeadlineAfterReport.USED_UP:
        return REPORTED_ONCE_MORE
    venue = visit[REFERENCE].catalog.venues[r.venue_id]
    return REPORTED_TO_DESK.format(scan=SCAN_BY[venue.check_in_way])
