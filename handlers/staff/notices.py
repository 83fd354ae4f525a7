"""通知公告: writing them, with a look before they are published, and taking them back."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from aiohttp import web
from markupsafe import Markup

from handlers import deeds
from handlers.http.forms import Form
from handlers.http.markdown import html_of
from handlers.http.pages import (
    LONGEST_REASON,
    PageRequest,
    count_error,
    form_reason,
    form_text,
    redirect,
)
from handlers.staff.form_fields import instant_in
from handlers.staff.layout import PAGE, page_number, pages_of, render, staff_context
from handlers.texts.errors import text_of
from models.identity.roles import LIBRARIAN, has_role
from models.kernel.errors import InvalidRequest, NotFound
from models.kernel.text import is_printable_line
from models.kernel.time_range import to_local
from models.notices.entities import Notice
from models.notices.errors import NoticeChanged
from models.storage.mongo import new_id

LONGEST_TITLE: Final = 60
LONGEST_BODY: Final = 10_000
LARGEST_NOTICE: Final = 128 * 1024
"""Bytes of a form with the longest one: a character can take twelve there."""


async def notices(visit: PageRequest) -> web.StreamResponse:
    """All of them, also those to come and those that are over."""
    number = page_number(visit)
    items, total = await visit.services.desk.notices.all((number - 1) * PAGE, PAGE)
    return render(
        visit,
        "notices",
        items=[(n, _standing(n, visit.now)) for n in items],
        number=number,
        pages=pages_of(total),
        writes=has_role(visit.reader.category, LIBRARIAN),
        done="done" in visit.request.query,
    )


def _standing(n: Notice, now: datetime) -> str:
    if now < n.published_at:
        return "未到发布时间"
    return "已撤下" if n.until is not None and n.until <= now else "显示中"


async def new_notice(visit: PageRequest) -> web.StreamResponse:
    return _editor(visit, None, _typed(Notice("", "", "", visit.now)))


async def notice(visit: PageRequest) -> web.StreamResponse:
    n = await _found(visit)
    return _editor(visit, n, _typed(n))


async def _found(visit: PageRequest) -> Notice:
    """Raises: NotFound."""
    found = await visit.services.desk.notices.any(visit.id)
    if found is None:
        raise NotFound()
    return found


def _typed(n: Notice) -> dict[str, str]:
    return {
        "title": n.title,
        "body": n.body,
        "published_at": f"{to_local(n.published_at):%Y-%m-%dT%H:%M}",
        "until": f"{to_local(n.until):%Y-%m-%dT%H:%M}" if n.until is not None else "",
        "pinned": "on" if n.pinned else "",
        "base": str(n.rev),
        "reason": "",
    }


def _editor(
    visit: PageRequest, n: Notice | None, typed: dict[str, str], status: int = 200, **more: Any
) -> web.Response:
    facts = {"preview": None, "wrong": ""} | more
    return render(
        visit,
        "notice",
        status=status,
        notice=n,
        typed=typed,
        writes=has_role(visit.reader.category, LIBRARIAN),
        longest=LONGEST_REASON,
        longest_title=LONGEST_TITLE,
        longest_body=LONGEST_BODY,
        **facts,
    )


async def add_notice(visit: PageRequest, form: Form) -> web.StreamResponse:
    return await _write(visit, form, None)


async def change_notice(visit: PageRequest, form: Form) -> web.StreamResponse:
    return await _write(visit, form, await _found(visit))


async def _write(visit: PageRequest, form: Form, old: Notice | None) -> web.StreamResponse:
    """Show it as readers will see it, or keep it. What was written is never lost."""
    typed = {name: form_text(form, name) for name in _typed(Notice("", "", "", visit.now))}
    try:
        new = _read(form, old)
        if form_text(form, "deed") == "preview":
            return _editor(visit, old, typed, preview=Markup(html_of(new.body)))
        if old is not None and typed["base"] != str(old.rev):
            raise NoticeChanged()
        await deeds.write_notice(staff_context(visit), old, new, form_reason(form))
    except InvalidRequest as error:
        return _editor(visit, old, typed, 400, wrong=str(error.details["reason"]))
    except NoticeChanged as error:
        count_error(visit.request, error)
        return _editor(visit, old, typed, 409, wrong=text_of(error.code, error.details))
    return redirect("/console/notices?done")


def _read(form: Form, old: Notice | None) -> Notice:
    """Raises: InvalidRequest."""
    title, body = form_text(form, "title"), form_text(form, "body").replace("\r\n", "\n")
    if not 0 < len(title) <= LONGEST_TITLE or not is_printable_line(title):
        raise InvalidRequest("title", f"标题为 1–{LONGEST_TITLE} 字")
    if not 0 < len(body) <= LONGEST_BODY or not is_printable_line(
        body.replace("\n", "").replace("\t", "")
    ):
        raise InvalidRequest("body", f"正文为 1–{LONGEST_BODY} 字")
    published_at = instant_in(form, "published_at")
    until = instant_in(form, "until") if form_text(form, "until") else None
    if until is not None and until <= published_at:
        raise InvalidRequest("until", "撤下时间应晚于发布时间")
    return Notice(
        id=old.id if old is not None else new_id(),
        title=title,
        body=body,
        published_at=published_at,
        pinned=form_text(form, "pinned") == "on",
        until=until,
        rev=old.rev + 1 if old is not None else 0,
    )


async def withdraw_notice(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Not shown from this moment on. It can be shown again by another end."""
    old = await _found(visit)
    if form_text(form, "base") != str(old.rev):
        raise NoticeChanged()
    await deeds.withdraw_notice(staff_context(visit), old, form_reason(form))
    return redirect("/console/notices?done")
