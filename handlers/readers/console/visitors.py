from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from bind.account_binding import link
from handlers.http.forms import Form
from handlers.http.keys import SITE
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.http.qr import svg
from handlers.readers.console.readers import LONGEST_NAME, reader_of, render_reader
from handlers.staff.forms import decode
from handlers.staff.layout import staff_context
from models.kernel.errors import Malformed, NotFound
from models.readers.entities import Visit, is_card_number
from models.readers.errors import VisitChanged
from models.readers.staff.visitors import StaffVisitors
from models.staff.review_access import ReviewAccess

_LONGEST_VISIT: Final = timedelta(days=366)


class DaysForm(msgspec.Struct):
    first: date
    last: date


class VisitorForm(DaysForm):
    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
    card: str = ""


async def add_visitor(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Adds a visitor for some days: a reader whom the campus's sign-on does not know."""
    new = decode(visit.zone, form, VisitorForm)
    if new.card and not is_card_number(new.card):
        raise Malformed("card", "card_format")
    id = await visit[StaffVisitors].add(
        staff_context(visit), new.name, _stay(visit, new), new.card, form_reason(form)
    )
    return redirect(f"/console/readers/{id}?done=visitor")


def _stay(visit: PageRequest, days: DaysForm) -> Visit:
    """The first and last day of the visit in the form. Raises: Malformed."""
    first, last, today = days.first, days.last, visit.zone.day(visit.now)
    if not first <= last or last < today or last - max(first, today) > _LONGEST_VISIT:
        raise Malformed("last", "visit_dates")
    return Visit(first, last)


async def change_visit(visit: PageRequest, form: Form) -> web.StreamResponse:
    who, stay = await reader_of(visit), _stay(visit, decode(visit.zone, form, DaysForm))
    if who.stay is None:
        raise NotFound()
    if form_text(form, "was") != str(who.stay):
        raise VisitChanged()
    await visit[StaffVisitors].change_visit(staff_context(visit), who, stay, form_reason(form))
    return redirect(f"/console/readers/{who.id}?done=stay")


async def reveal_activation_code(visit: PageRequest, _: Form) -> web.StreamResponse:
    """Shows the activation code at the service desk: visitors cannot sign in to see it."""
    who = await reader_of(visit)
    code = await visit[StaffVisitors].reveal_activation_code(staff_context(visit), who)
    qr = svg(link(visit[SITE].public_base_url, code.secret))
    return await render_reader(visit, who, code=code, qr=qr)


async def issue_review_code(visit: PageRequest, _: Form) -> web.StreamResponse:
    """Issues a code for WeChat's reviewers of the mini-program. Only this page shows the code."""
    who = await reader_of(visit)
    issued = await visit[ReviewAccess].issue(staff_context(visit), who)
    qr = svg(link(visit[SITE].public_base_url, issued.secret))
    return await render_reader(visit, who, issued=issued, qr=qr)


async def revoke_review_code(visit: PageRequest, _: Form) -> web.StreamResponse:
    """Revokes the visitor's review code. A WeChat account that the code has bound stays bound."""
    who = await reader_of(visit)
    await visit[ReviewAccess].revoke(staff_context(visit), who)
    return redirect(f"/console/readers/{who.id}?done=revoke_review_code")


async def answer_binding(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Confirms or refuses a visitor's binding request, after the visitor has compared the
    numbers on the phone and on the staff's screen."""
    who, theirs = await reader_of(visit), form_text(form, "theirs") == "yes"
    await visit[StaffVisitors].answer_binding(
        staff_context(visit), who, form_text(form, "request"), theirs
    )
    return redirect(f"/console/readers/{who.id}?done={'bind' if theirs else 'refuse_binding'}")
