"""通知读者: one message to the readers with reservations in chosen areas in a chosen period."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from handlers.http.forms import Form
from handlers.http.keys import ATTEMPT_LIMITER, REFERENCE, WAKE_JOBS
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.staff.forms import Lines, decode
from handlers.staff.layout import render, staff_context
from handlers.staff.sent_forms import keep_typed, refuse
from handlers.texts.console import WRONG_TEXT
from models.announcements.staff import Announcement, StaffAnnouncements
from models.identity.roles import Role
from models.kernel.errors import Malformed, TooManyAttempts
from models.kernel.time_range import TimeRange
from models.library.entities import Area, AreaId
from models.storage.attempt_limiter import AttemptLimit

LONGEST_TITLE: Final = 30
LONGEST_TEXT: Final = 500
LONGEST_SPAN: Final = timedelta(days=15)
"""The longest period that an announcement's form may choose. No reservation can be made further
ahead than this period."""
AN_HOUR: Final = 5
"""A staff member sends at most this many announcements an hour: none can be taken back."""


class AnnouncementForm(msgspec.Struct):
    area: Annotated[frozenset[str], Meta(min_length=1)]
    begin: datetime
    until: datetime
    title: Annotated[str, Meta(min_length=1, max_length=LONGEST_TITLE)]
    text: Annotated[Lines, Meta(min_length=1, max_length=LONGEST_TEXT)]


async def announcement(visit: PageRequest, reach: int | None = None) -> web.StreamResponse:
    """Shows the form for an announcement. ``reach``: the number of readers that the typed
    announcement would reach; None if nothing was typed yet."""
    catalog, now = visit[REFERENCE].catalog, visit.zone.local(visit.now)
    venues = [v for v in catalog.venues_in_use if visit.may_in(v.id, Role.LIBRARIAN)]
    return render(
        visit,
        "announcement",
        begin=f"{now:%Y-%m-%dT%H:%M}",
        until=f"{now:%Y-%m-%dT23:59}",
        found=reach,
        venues=[(v, [a for a in catalog.bookable_areas if a.venue_id == v.id]) for v in venues],
        longest_title=LONGEST_TITLE,
        longest_text=LONGEST_TEXT,
    )


async def announce(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Sends the announcement if the form's ``operation`` is ``send``; otherwise shows how many
    readers it would reach."""
    what = _read(visit, form)
    if form_text(form, "operation") != "send":
        readers = await visit[StaffAnnouncements].audience(what.areas, what.span)
        keep_typed(visit, form)
        return await announcement(visit, len(readers))
    reason = form_reason(form)
    try:
        notified = await _send(visit, what, reason)
    except TooManyAttempts as error:
        minutes = ceil(error.retry_after / 60)
        wrong = WRONG_TEXT["announcements_often"].format(most=AN_HOUR, minutes=minutes)
        refuse(visit, form, error, wrong)
        return await announcement(visit)
    visit[WAKE_JOBS]()
    return redirect(f"/console/announcements?done={notified}")


async def _send(visit: PageRequest, what: Announcement, reason: str) -> int:
    """Sends the announcement, and returns the number of readers who get it. Raises:
    TooManyAttempts after ``AN_HOUR`` announcements in an hour."""
    limit = AttemptLimit(f"announcements:{visit.reader.id}", AN_HOUR, timedelta(hours=1))
    await visit[ATTEMPT_LIMITER].register([limit], visit.now)
    return await visit[StaffAnnouncements].send(staff_context(visit), what, reason)


def _read(visit: PageRequest, form: Form) -> Announcement:
    """The announcement that the form describes. Raises: Malformed, OtherVenue."""
    typed = decode(visit.zone, form, AnnouncementForm)
    areas = {_area(visit, name).id for name in sorted(typed.area)}
    if not typed.begin < typed.until <= typed.begin + LONGEST_SPAN:
        raise Malformed("until", "announcement_time")
    span = TimeRange(typed.begin, typed.until)
    return Announcement(form_text(form, "key"), areas, span, typed.title, typed.text)


def _area(visit: PageRequest, name: str) -> Area:
    area = visit[REFERENCE].catalog.areas.get(AreaId(name))
    if area is None:
        raise Malformed("area", "no_area_chosen")
    visit.require_in(area.venue_id, Role.LIBRARIAN)
    return area
