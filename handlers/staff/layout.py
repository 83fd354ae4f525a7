"""Parts that all console pages share: frame, page number, and what staff of some venues may see."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from handlers.http.keys import REFERENCE
from handlers.http.language import language_of
from handlers.http.pages import LONGEST_REASON, PageRequest
from handlers.http.rendering import render_page
from handlers.staff.help_topics import help_for
from handlers.staff.sent_forms import NOT_SENT, SentForm, sent_form
from handlers.staff.setup_steps import is_under_way, step_lines
from handlers.texts.console_labels import ACTION_LABELS, ROLE_TEXT
from handlers.texts.saved import saved_text
from languages.text import _
from models.identity.roles import Role
from models.library.entities import AreaId, SeatId
from models.readers.entities import Reader
from models.staff.audit_log import StaffContext

PAGE: Final = 20
SHOWN: Final = 100


def render(visit: PageRequest, template: str, *, status: int = 0, **facts: Any) -> web.Response:
    """Renders a console page. If this request's form was refused, the page shows the form as it
    was sent, and has the status of the refusal. ``facts``: the template's data."""
    sent = sent_form(visit.request)

    def form_at(action: str) -> SentForm:
        return sent if sent.action == action else NOT_SENT

    shared: dict[str, Any] = {
        "decides": visit.may(Role.LIBRARIAN),
        "sees_rooms": any(visit.sees(r.venue_id) for r in visit[REFERENCE].rooms.values()),
        "whole": visit.may_in(None, Role.VIEWER),
        "decides_all": visit.may_in(None, Role.LIBRARIAN),
        "administers_all": visit.may_in(None, Role.ADMINISTRATOR),
        "sent": sent,
        "form_at": form_at,
        "wrong": sent.wrong,
        "done": _done(visit),
        "saved": saved_text(_done(visit)),
        "longest": LONGEST_REASON,
    }
    return render_page(
        visit.request,
        f"staff/{template}.html",
        status=status or sent.status,
        reader=visit.reader,
        role=_role_text(visit),
        **shared | facts,
        action_labels=ACTION_LABELS,
        area_name=visit[REFERENCE].catalog.area_name,
        by_venue=visit[REFERENCE].catalog.by_venue,
        help=help_for(visit.request.path.rstrip("/"), language_of(visit.request)),
        setup_left=_setup_left(visit),
        setup_rev=visit[REFERENCE].setup.rev,
    )


def _done(visit: PageRequest) -> str:
    """The query parameter ``done``, which makes a page say that an action has succeeded. It is 1
    for a parameter without a value, empty for a missing parameter."""
    query = visit.request.query
    return (query["done"] or "1") if "done" in query else ""


def _role_text(visit: PageRequest) -> str:
    """The name of the staff member's role, with the venues to which it is limited."""
    text, venues = ROLE_TEXT[visit.role or ""], visit.rights.venues if visit.rights else None
    if venues is None:
        return text
    venues_by_id = visit[REFERENCE].catalog.venues
    names = (venues_by_id[id].name for id in sorted(venues) if id in venues_by_id)
    return _("{kind} {name}", kind=text, name=" ".join(names))


def sees_area(visit: PageRequest, area_id: AreaId) -> bool:
    """Whether this staff member works for the area's venue; True if the area no longer exists."""
    area = visit[REFERENCE].catalog.areas.get(area_id)
    return area is None or visit.sees(area.venue_id)


def sees_seat(visit: PageRequest, seat_id: SeatId) -> bool:
    """Whether this staff member works for the seat's venue; True if the seat no longer exists."""
    seat = visit[REFERENCE].catalog.all_seats.get(seat_id)
    return seat is None or sees_area(visit, seat.area_id)


def _setup_left(visit: PageRequest) -> int | None:
    """Steps left in the first run; None if it is over, and for staff who are not administrators."""
    reference = visit[REFERENCE]
    if not visit.may(Role.ADMINISTRATOR) or not is_under_way(reference):
        return None
    return sum(not line.done for line in step_lines(reference))


def visible_seats(visit: PageRequest) -> frozenset[SeatId] | None:
    """The seats in the venues that this staff member works for; None if these are all venues."""
    if visit.may_in(None, Role.VIEWER):
        return None
    seats = visit[REFERENCE].catalog.all_seats
    return frozenset(id for id in seats if sees_seat(visit, id))


def staff_context(visit: PageRequest) -> StaffContext:
    assert visit.role is not None
    return StaffContext(visit.reader, visit.role, visit.now, visit.zone, visit.rights)


def page_number(visit: PageRequest) -> int:
    """The page number in the query; 1 if it is missing or invalid."""
    text = visit.request.query.get("page", "1")
    return int(text) if text.isascii() and text.isdecimal() and 0 < int(text) < 100_000 else 1


def pages_of(total: int) -> int:
    return max(1, -(-total // PAGE))


def reader_label(reader: Reader | None) -> str:
    """The reader's name and masked number; empty for None."""
    return f"{reader.name} {reader.student_no_masked}" if reader is not None else ""
