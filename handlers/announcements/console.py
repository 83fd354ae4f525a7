"""通知读者: one message to everybody who has a place in some areas at some time."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import Final

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.keys import ATTEMPT_LIMITER, REFERENCE, WAKE_JOBS
from handlers.http.pages import LONGEST_REASON, PageRequest, form_reason, form_text, redirect
from handlers.staff.forms import instant_in, refusal, typed_in
from handlers.staff.layout import render, staff_context
from handlers.texts.console import WRONG_TEXT
from models.announcements.staff import Announcement, StaffAnnouncements
from models.identity.roles import Role
from models.kernel.errors import InvalidRequest, TooManyAttempts
from models.kernel.text import is_printable_line
from models.kernel.time_range import TimeRange, to_local
from models.library.entities import Area, AreaId
from models.storage.attempt_limiter import AttemptLimit

LONGEST_TITLE: Final = 30
LONGEST_TEXT: Final = 500
LONGEST_SPAN: Final = timedelta(days=15)
"""Nobody has a place farther ahead."""
AN_HOUR: Final = 5
"""One of the staff tells readers so often an hour: what is sent cannot be taken back."""
_FIELDS: Final = ("title", "text", "begin", "until", "reason")


async def announcement(visit: PageRequest) -> web.StreamResponse:
    """The form; for the rest of today unless another time is typed."""
    now = to_local(visit.now)
    typed = dict.fromkeys(_FIELDS, "") | {
        "begin": f"{now:%Y-%m-%dT%H:%M}",
        "until": f"{now:%Y-%m-%dT23:59}",
    }
    return _page(visit, typed, set(), done=visit.request.query.get("done", ""))


def _page(
    visit: PageRequest,
    typed: dict[str, str],
    chosen: set[str],
    *,
    status: int = 200,
    wrong: str = "",
    found: int | None = None,
    done: str = "",
) -> web.Response:
    catalog = visit[REFERENCE].catalog
    venues = [v for v in catalog.venues_in_use if visit.may_in(v.id, Role.LIBRARIAN)]
    return render(
        visit,
        "announcement",
        status=status,
        wrong=wrong,
        typed=typed,
        chosen=chosen,
        found=found,
        done=done,
        venues=[(v, [a for a in catalog.bookable_areas if a.venue_id == v.id]) for v in venues],
        longest=LONGEST_REASON,
        longest_title=LONGEST_TITLE,
        longest_text=LONGEST_TEXT,
    )


async def announce(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Show whom it would reach, or send it. What was typed is never lost."""
    typed = typed_in(form, _FIELDS)
    chosen = {str(value) for value in form.getall("area", [])}
    try:
        what = _read(visit, form, typed, chosen)
        if form_text(form, "operation") != "send":
            readers = await visit[StaffAnnouncements].audience(what.areas, what.span)
            return _page(visit, typed, chosen, found=len(readers))
        told = await _send(visit, what, form_reason(form))
    except InvalidRequest as error:
        return _page(visit, chosen=chosen, **refusal(visit, error, typed))
    except TooManyAttempts as error:
        minutes = ceil(error.retry_after / 60)
        wrong = WRONG_TEXT["announcements_often"].format(most=AN_HOUR, minutes=minutes)
        return _page(visit, typed, chosen, status=429, wrong=wrong)
    visit[WAKE_JOBS]()
    return redirect(f"/console/announcements?done={told}")


async def _send(visit: PageRequest, what: Announcement, reason: str) -> int:
    """How many readers are told. Raises: TooManyAttempts, and nobody is told."""
    limit = AttemptLimit(f"announcements:{visit.reader.id}", AN_HOUR, timedelta(hours=1))
    await visit[ATTEMPT_LIMITER].register([limit], visit.now)
    return await visit[StaffAnnouncements].send(staff_context(visit), what, reason)


def _read(visit: PageRequest, form: Form, typed: dict[str, str], chosen: set[str]) -> Announcement:
    """Raises: InvalidRequest, OtherVenue."""
    title, text = typed["title"], typed["text"].replace("\r\n", "\n")
    if not 0 < len(title) <= LONGEST_TITLE or not is_printable_line(title):
        raise InvalidRequest("title", WRONG_TEXT["title_length"].format(most=LONGEST_TITLE))
    if not 0 < len(text) <= LONGEST_TEXT or not is_printable_line(text.replace("\n", "")):
        raise InvalidRequest("text", WRONG_TEXT["body_length"].format(most=LONGEST_TEXT))
    areas = [_area(visit, name) for name in sorted(chosen)]
    if not areas:
        raise InvalidRequest("area", WRONG_TEXT["no_area_chosen"])
    begin, until = instant_in(form, "begin"), instant_in(form, "until")
    if not begin < until <= begin + LONGEST_SPAN:
        raise InvalidRequest("until", WRONG_TEXT["announcement_time"])
    span = TimeRange(begin, until)
    return Announcement(form_text(form, "key"), {a.id for a in areas}, span, title, text)


def _area(visit: PageRequest, name: str) -> Area:
    area = visit[REFERENCE].catalog.areas.get(AreaId(name))
    if area is None:
        raise InvalidRequest("area", WRONG_TEXT["no_area_chosen"])
    visit.require_in(area.venue_id, Role.LIBRARIAN)
    return area
