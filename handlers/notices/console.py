"""Notices (通知公告): writing them, with a preview, and withdrawing them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from aiohttp import web
from markupsafe import Markup

from handlers.http.forms import Form
from handlers.http.markdown import html_of
from handlers.http.pages import LONGEST_REASON, PageRequest, form_reason, form_text, redirect
from handlers.staff.forms import instant_in, refusal, typed_in
from handlers.staff.layout import PAGE, page_number, pages_of, render, staff_context
from handlers.texts.console import WRONG_TEXT
from handlers.texts.console_labels import NOTICE_TEXT
from models.identity.roles import Role
from models.kernel.errors import InvalidRequest
from models.kernel.text import is_printable_line
from models.kernel.time_range import to_local
from models.notices.entities import Notice
from models.notices.errors import NoticeChanged
from models.notices.service import NoticeService
from models.notices.staff import StaffNotices

LONGEST_TITLE: Final = 60
LONGEST_BODY: Final = 10_000
LARGEST_NOTICE: Final = 128 * 1024
"""Bytes of a form with the longest one: a character can take twelve there."""


async def notices(visit: PageRequest) -> web.StreamResponse:
    """All of them, also those to come and those that are over."""
    number = page_number(visit)
    items, total = await visit[NoticeService].all((number - 1) * PAGE, PAGE)
    return render(
        visit,
        "notices",
        items=[(n, _state_text(n, visit.now)) for n in items],
        number=number,
        pages=pages_of(total),
        writes=visit.may_in(None, Role.LIBRARIAN),
        done="done" in visit.request.query,
    )


def _state_text(n: Notice, now: datetime) -> str:
    if now < n.published_at:
        return NOTICE_TEXT["to_come"]
    return NOTICE_TEXT["over" if n.until is not None and n.until <= now else "shown"]


async def new_notice(visit: PageRequest) -> web.StreamResponse:
    """The editor, empty."""
    return _editor(visit, None, _typed(Notice("", "", "", visit.now)))


async def notice(visit: PageRequest) -> web.StreamResponse:
    """The editor; a viewer sees the notice."""
    found = await visit[NoticeService].get_for_staff(visit.id)
    return _editor(visit, found, _typed(found))


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
    visit: PageRequest, n: Notice | None, typed: dict[str, str], **more: Any
) -> web.Response:
    facts: dict[str, Any] = {
        "notice": n,
        "typed": typed,
        "wrong": "",
        "preview": None,
        "writes": visit.may_in(None, Role.LIBRARIAN),
        "longest": LONGEST_REASON,
        "longest_title": LONGEST_TITLE,
        "longest_body": LONGEST_BODY,
    }
    return render(visit, "notice", **facts | more)


async def add_notice(visit: PageRequest, form: Form) -> web.StreamResponse:
    """A new notice."""
    return await _write(visit, form, None)


async def change_notice(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Another text or other times of a notice."""
    return await _write(visit, form, await visit[NoticeService].get_for_staff(visit.id))


async def _write(visit: PageRequest, form: Form, old: Notice | None) -> web.StreamResponse:
    """Show it as readers will see it, or keep it. What was written is never lost."""
    typed = typed_in(form, _typed(Notice("", "", "", visit.now)))
    try:
        new = _read(form, old)
        if form_text(form, "operation") == "preview":
            return _editor(visit, old, typed, preview=Markup(html_of(new.body)))
        if old is not None and typed["base"] != str(old.rev):
            raise NoticeChanged()
        await visit[StaffNotices].write(staff_context(visit), old, new, form_reason(form))
    except (InvalidRequest, NoticeChanged) as error:
        return _editor(visit, old, **refusal(visit, error, typed))
    return redirect("/console/notices?done")


def _read(form: Form, old: Notice | None) -> Notice:
    """Raises: InvalidRequest."""
    title, body = form_text(form, "title"), form_text(form, "body").replace("\r\n", "\n")
    if not 0 < len(title) <= LONGEST_TITLE or not is_printable_line(title):
        raise InvalidRequest("title", WRONG_TEXT["title_length"].format(most=LONGEST_TITLE))
    if not 0 < len(body) <= LONGEST_BODY or not is_printable_line(
        body.replace("\n", "").replace("\t", "")
    ):
        raise InvalidRequest("body", WRONG_TEXT["body_length"].format(most=LONGEST_BODY))
    published_at = instant_in(form, "published_at")
    until = instant_in(form, "until") if form_text(form, "until") else None
    if until is not None and until <= published_at:
        raise InvalidRequest("until", WRONG_TEXT["withdrawn_before_published"])
    return Notice(
        id=old.id if old is not None else "",
        title=title,
        body=body,
        published_at=published_at,
        pinned=form_text(form, "pinned") == "on",
        until=until,
        rev=old.rev + 1 if old is not None else 0,
    )


async def withdraw_notice(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Not shown from this moment on. Another end shows it again."""
    old = await visit[NoticeService].get_for_staff(visit.id)
    if form_text(form, "base") != str(old.rev):
        raise NoticeChanged()
    await visit[StaffNotices].withdraw(staff_context(visit), old, form_reason(form))
    return redirect("/console/notices?done")
