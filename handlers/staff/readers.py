"""Readers: finding one, and what is done for them: bookings, suspension, allowances, visitors."""

from __future__ import annotations

import hashlib
import re
from datetime import date, datetime, timedelta
from typing import Any, Final

from aiohttp import web

from handlers import deeds
from handlers.http.errors import status_of
from handlers.http.forms import Form
from handlers.http.pages import LONGEST_REASON, PageRequest, form_reason, form_text, redirect
from handlers.reservations import presenter
from handlers.staff.form_fields import clock_of, day_of, instant_in, seat_in
from handlers.staff.layout import PAGE, error_text, page_number, pages_of, render, staff_context
from handlers.violations import presenter as violations_presenter
from models.identity.roles import LIBRARIAN, has_role
from models.kernel.errors import Conflict, InvalidRequest, NotFound, RuleViolation
from models.kernel.ids import ReaderId
from models.kernel.time_range import local_date
from models.readers.accommodations import NO_ACCOMMODATION, Accommodation
from models.readers.entities import Reader, normalise_student_no
from models.kernel.errors import InvalidState
from models.reservations.rules import TimeSelection
from models.reservations.state_machine import LIVE
from models.violations import service as violations_service

LONGEST_NAME: Final = 40
_FOUND: Final = 50
_MOST_MINUTES: Final = 240
_LONGEST_STAY: Final = timedelta(days=366)
_LONGEST_SUSPENSION: Final = timedelta(days=366)


async def readers(visit: PageRequest) -> web.StreamResponse:
    """By number, by card, or by the whole name: all of them are sealed, and found by their hash."""
    sought = visit.request.query.get("q", "").strip()
    found = await _search(visit, sought) if sought else []
    if len(found) == 1:
        return redirect(f"/console/readers/{found[0].id}")
    return _list(visit, sought=sought, found=found, status=404 if sought and not found else 200)


def _list(visit: PageRequest, status: int = 200, **more: Any) -> web.Response:
    facts = {"sought": "", "found": [], "typed": {}, "wrong": "", "today": local_date(visit.now)}
    facts |= {"longest": LONGEST_REASON, "longest_name": LONGEST_NAME}
    return render(visit, "readers", status=status, **facts | more)


async def _search(visit: PageRequest, sought: str) -> list[Reader]:
    desk = visit.services.desk
    number = normalise_student_no(sought)
    ids = set((await desk.readers.by_numbers([number])).values())
    if re.fullmatch(r"[!-~]{4,32}", sought):
        by_card = await desk.cards.reader_of(sought)
        ids |= {by_card} if by_card is not None else set()
    people = await desk.readers.many(ids)
    named_so = await desk.readers.find_by_name(sought, _FOUND)
    return list({reader.id: reader for reader in (*people.values(), *named_so)}.values())


# --- one reader -----------------------------------------------------------------------------------
async def reader_page(visit: PageRequest) -> web.StreamResponse:
    return await _page(visit, await _reader(visit))


async def _reader(visit: PageRequest) -> Reader:
    found = await visit.services.desk.readers.get(ReaderId(visit.id))
    if found is None:
        raise NotFound()
    return found


async def _page(visit: PageRequest, who: Reader, status: int = 200, **more: Any) -> web.Response:
    services, desk, number = visit.services, visit.services.desk, page_number(visit)
    rows, total = await desk.reservations.page_of(who.id, (), (number - 1) * PAGE, PAGE)
    violations, _ = await desk.violations.page_of(who.id, 0, PAGE)
    suspended = who.suspended_until
    decides = has_role(visit.reader.category, LIBRARIAN)
    facts = {
        "who": who,
        "live": [await presenter.reservation(desk, r, visit.now) for r in rows if r.state in LIVE],
        "items": [
            await presenter.reservation(desk, r, visit.now) for r in rows if r.state not in LIVE
        ],
        "violations": [
            await violations_presenter.violation(desk, v, visit.now) for v in violations
        ],
        "standing": await violations_service.violation_count(desk, who.id, visit.now),
        "suspended": suspended if suspended is not None and suspended > visit.now else None,
        "was": suspended.isoformat() if suspended is not None else "",
        "bound": await services.bindings.is_bound(who.id),
        "code": None,
        # Who only looks is not told what somebody needs.
        "allowance": desk.accommodation_of(who.id) if decides else None,
        "base": _base(visit, desk.accommodation_of(who.id)) if decides else "",
        "areas": list(desk.library.bookable_areas),
        "days": desk.policy.bookable_dates(visit.now),
        "typed": {},
        "wrong": "",
        "done": visit.request.query.get("done", ""),
        "number": number,
        "pages": pages_of(total),
        "longest": LONGEST_REASON,
        "most": _MOST_MINUTES,
    }
    return render(visit, "reader", status=status, **facts | more)


async def _again(
    visit: PageRequest, who: Reader, form: Form, error: Conflict | RuleViolation | InvalidRequest
) -> web.Response:
    """What was refused, with all that was filled in."""
    malformed = isinstance(error, InvalidRequest)
    wrong = str(error.details["reason"]) if malformed else error_text(visit, error)
    typed = {name: form_text(form, name) for name in form if name not in ("csrf", "key")}
    return await _page(visit, who, status_of(type(error)), wrong=wrong, typed=typed)


async def unbind(visit: PageRequest, form: Form) -> web.StreamResponse:
    who = await _reader(visit)
    await deeds.unbind(staff_context(visit), who, form_reason(form))
    return redirect(f"/console/readers/{who.id}?done=unbind")


async def book(visit: PageRequest, form: Form) -> web.StreamResponse:
    """A seat in the reader's place, by the rules that stand for them."""
    who = await _reader(visit)
    try:
        seat_id, wish = _wish(visit, form)
        await deeds.book(staff_context(visit), who, seat_id, wish, form_reason(form))
    except (Conflict, RuleViolation, InvalidRequest) as error:
        return await _again(visit, who, form, error)
    return redirect(f"/console/readers/{who.id}?done=book")


def _wish(visit: PageRequest, form: Form) -> tuple[str, TimeSelection]:
    """Raises: InvalidRequest."""
    seat_id, start = seat_in(visit, form), form_text(form, "start")
    begin = clock_of(start, "start") if start else None
    return seat_id, TimeSelection(
        _date(form, "date"), begin, clock_of(form_text(form, "end"), "end")
    )


def _date(form: Form, name: str) -> date:
    return day_of(form_text(form, name), name)


async def suspend(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Until then from now on, or with ``release`` at once over."""
    who, release = await _reader(visit), bool(form_text(form, "release"))
    try:
        if not (release or form_text(form, "until")):
            raise InvalidRequest("until", "请填写暂停到什么时候")
        until = None if release else instant_in(form, "until")
        if until is not None and not visit.now < until <= visit.now + _LONGEST_SUSPENSION:
            raise InvalidRequest("until", "暂停的结束应在今后一年之内")
        await deeds.suspend(staff_context(visit), who, _was(form), until, form_reason(form))
    except (Conflict, InvalidRequest) as error:
        return await _again(visit, who, form, error)
    return redirect(f"/console/readers/{who.id}?done={'release' if release else 'suspend'}")


def _was(form: Form) -> datetime | None:
    """What stood on the page. Raises: InvalidRequest."""
    text = form_text(form, "was")
    try:
        was = datetime.fromisoformat(text) if text else None
    except ValueError as error:
        raise InvalidRequest("was", "请重新打开页面") from error
    if was is not None and (was.tzinfo is None or not 2000 <= was.year < 2100):
        raise InvalidRequest("was", "请重新打开页面")
    return was


async def allow(visit: PageRequest, form: Form) -> web.StreamResponse:
    """What is granted to this reader alone."""
    who = await _reader(visit)
    try:
        until = _date(form, "until") if form_text(form, "until") else None
        if until is not None and until < local_date(visit.now):
            raise InvalidRequest("until", "日期已过")
        granted = Accommodation(
            form_text(form, "accessible") == "on",
            _minutes(form, "check_in_minutes"),
            _minutes(form, "leave_minutes"),
            until,
        )
        if not (granted.accessible or granted.check_in_minutes or granted.leave_minutes):
            granted = NO_ACCOMMODATION
        await visit.services.desk.refresh()
        was = visit.services.desk.accommodation_of(who.id)
        if form_text(form, "base") != _base(visit, was):
            raise InvalidState(state="allowance")
        await deeds.set_accommodation(staff_context(visit), who, was, granted, form_reason(form))
    except (Conflict, InvalidRequest) as error:
        return await _again(visit, who, form, error)
    return redirect(f"/console/readers/{who.id}?done=allow")


def _base(visit: PageRequest, allowance: Accommodation) -> str:
    """What stood on the page, without saying it."""
    return hashlib.sha256(f"{visit.id} {allowance}".encode()).hexdigest()[:16]


def _minutes(form: Form, name: str) -> int:
    text = form_text(form, name) or "0"
    if not re.fullmatch(r"[0-9]{1,3}", text) or int(text) > _MOST_MINUTES:
        raise InvalidRequest(name, f"请填写 0–{_MOST_MINUTES} 分钟")
    return int(text)
