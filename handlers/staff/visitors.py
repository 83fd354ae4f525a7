"""TODO docstring."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiohttp import web

from bind.account_binding import link
from handlers import deeds
from handlers.http.forms import Form
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.http.qr import svg
from handlers.staff.layout import error_text, staff_context
from handlers.staff.readers import _LONGEST_STAY, LONGEST_NAME, _again, _date, _list, _page, _reader
from models.kernel.errors import Conflict, InvalidRequest, NotFound
from models.kernel.text import is_printable_line
from models.kernel.time_range import local_date
from models.readers.entities import Visit
from models.readers.errors import CardTaken
from models.kernel.errors import InvalidState


# --- visitors -------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    stay: Visit
    card: str


async def add_visitor(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Somebody whom the campus does not know, for some days."""
    typed = {name: form_text(form, name) for name in ("name", "first", "last", "card", "reason")}
    try:
        entry = _entry(visit, form)
        made = await deeds.add_visitor(
            staff_context(visit), entry.name, entry.stay, entry.card, form_reason(form)
        )
    except InvalidRequest as error:
        return _list(visit, 400, typed=typed, wrong=str(error.details["reason"]))
    except CardTaken as error:
        return _list(visit, 409, typed=typed, wrong=error_text(visit, error))
    return redirect(f"/console/readers/{made}?done=visitor")


def _entry(visit: PageRequest, form: Form) -> _Entry:
    """Raises: InvalidRequest."""
    name, card = form_text(form, "name"), form_text(form, "card")
    if not 0 < len(name) <= LONGEST_NAME or not is_printable_line(name):
        raise InvalidRequest("name", f"姓名为 1–{LONGEST_NAME} 字")
    if card and not re.fullmatch(r"[!-~]{4,32}", card):
        raise InvalidRequest("card", "卡号为 4–32 个字母或数字")
    return _Entry(name, _stay(visit, form), card)


def _stay(visit: PageRequest, form: Form) -> Visit:
    first, last = _date(form, "first"), _date(form, "last")
    today = local_date(visit.now)
    if not first <= last or last < today or last - max(first, today) > _LONGEST_STAY:
        raise InvalidRequest("last", "请填写今后一年以内的日期，结束不早于开始")
    return Visit(first, last)


async def change_stay(visit: PageRequest, form: Form) -> web.StreamResponse:
    who = await _reader(visit)
    try:
        stay = _stay(visit, form)
        if who.stay is None:
            raise NotFound()
        if form_text(form, "was") != str(who.stay):
            raise InvalidState(state="stay")
        await deeds.change_visit(staff_context(visit), who, stay, form_reason(form))
    except (Conflict, InvalidRequest) as error:
        return await _again(visit, who, form, error)
    return redirect(f"/console/readers/{who.id}?done=stay")


async def show_code(visit: PageRequest, _: Form) -> web.StreamResponse:
    """A visitor has no page of their own: the desk shows them the code that binds their WeChat."""
    who = await _reader(visit)
    code = await deeds.reveal_activation_code(staff_context(visit), who)
    qr = svg(link(visit.services.public_base_url, code.secret))
    return await _page(visit, who, code=code, qr=qr)


async def answer_binding(visit: PageRequest, form: Form) -> web.StreamResponse:
    """The visitor has compared the number on their phone with that on the desk's screen."""
    who, theirs = await _reader(visit), form_text(form, "theirs") == "yes"
    try:
        await deeds.answer_binding(staff_context(visit), who, form_text(form, "request"), theirs)
    except Conflict as error:
        return await _again(visit, who, form, error)
    return redirect(f"/console/readers/{who.id}?done={'bind' if theirs else 'refuse_binding'}")
