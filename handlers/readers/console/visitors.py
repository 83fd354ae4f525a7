"""Visitors: entering one, other days, and the activation code for their WeChat account."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from aiohttp import web

from bind.account_binding import link
from handlers.http.forms import Form
from handlers.http.keys import SITE
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.http.qr import svg
from handlers.readers.console.readers import (
    LONGEST_NAME,
    reader_of,
    render_reader,
    render_refusal,
    render_search,
)
from handlers.staff.forms import date_in, refusal, typed_in
from handlers.staff.layout import staff_context
from handlers.texts.console import WRONG_TEXT
from models.kernel.errors import Conflict, InvalidRequest, NotFound
from models.kernel.text import is_printable_line
from models.kernel.time_range import local_date
from models.readers.entities import Visit, is_card_number
from models.readers.errors import CardTaken, VisitChanged
from models.readers.staff.visitors import StaffVisitors
from models.staff.review_access import ReviewAccess

_LONGEST_VISIT: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class _NewVisitor:
    name: str
    visit: Visit
    card: str


async def add_visitor(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Somebody whom the campus does not know, for some days."""
    try:
        new = _new_visitor(visit, form)
        id = await visit[StaffVisitors].add(
            staff_context(visit), new.name, new.visit, new.card, form_reason(form)
        )
    except (InvalidRequest, CardTaken) as error:
        typed = typed_in(form, ("name", "first", "last", "card", "reason"))
        return render_search(visit, **refusal(visit, error, typed))
    return redirect(f"/console/readers/{id}?done=visitor")


def _new_visitor(visit: PageRequest, form: Form) -> _NewVisitor:
    """Raises: InvalidRequest."""
    name, card = form_text(form, "name"), form_text(form, "card")
    if not 0 < len(name) <= LONGEST_NAME or not is_printable_line(name):
        raise InvalidRequest("name", WRONG_TEXT["visitor_name_length"].format(most=LONGEST_NAME))
    if card and not is_card_number(card):
        raise InvalidRequest("card", WRONG_TEXT["card_format"])
    return _NewVisitor(name, _days(visit, form), card)


def _days(visit: PageRequest, form: Form) -> Visit:
    """Raises: InvalidRequest."""
    first, last = date_in(form, "first"), date_in(form, "last")
    today = local_date(visit.now)
    if not first <= last or last < today or last - max(first, today) > _LONGEST_VISIT:
        raise InvalidRequest("last", WRONG_TEXT["visit_dates"])
    return Visit(first, last)


async def change_visit(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Other days for a visitor."""
    who = await reader_of(visit)
    try:
        days = _days(visit, form)
        if who.stay is None:
            raise NotFound()
        if form_text(form, "was") != str(who.stay):
            raise VisitChanged()
        await visit[StaffVisitors].change_visit(staff_context(visit), who, days, form_reason(form))
    except (Conflict, InvalidRequest) as error:
        return await render_refusal(visit, who, form, error)
    return redirect(f"/console/readers/{who.id}?done=stay")


async def reveal_activation_code(visit: PageRequest, _: Form) -> web.StreamResponse:
    """A visitor has no page of their own: the service desk shows them the code that binds their
    WeChat account."""
    who = await reader_of(visit)
    code = await visit[StaffVisitors].reveal_activation_code(staff_context(visit), who)
    qr = svg(link(visit[SITE].public_base_url, code.secret))
    return await render_reader(visit, who, code=code, qr=qr)


async def issue_review_code(visit: PageRequest, _: Form) -> web.StreamResponse:
    """For whoever reviews the mini-program at WeChat; the code is on this page and nowhere else."""
    who = await reader_of(visit)
    issued = await visit[ReviewAccess].issue(staff_context(visit), who)
    qr = svg(link(visit[SITE].public_base_url, issued.secret))
    return await render_reader(visit, who, issued=issued, qr=qr)


async def revoke_review_code(visit: PageRequest, _: Form) -> web.StreamResponse:
    """Nobody gets in by it any more; who has got in stays bound until the binding is ended."""
    who = await reader_of(visit)
    await visit[ReviewAccess].revoke(staff_context(visit), who)
    return redirect(f"/console/readers/{who.id}?done=revoke_review_code")


async def answer_binding(visit: PageRequest, form: Form) -> web.StreamResponse:
    """The visitor has compared the number on their phone with that on the screen at the desk."""
    who, theirs = await reader_of(visit), form_text(form, "theirs") == "yes"
    try:
        await visit[StaffVisitors].answer_binding(
            staff_context(visit), who, form_text(form, "request"), theirs
        )
    except Conflict as error:
        return await render_refusal(visit, who, form, error)
    return redirect(f"/console/readers/{who.id}?done={'bind' if theirs else 'refuse_binding'}")
