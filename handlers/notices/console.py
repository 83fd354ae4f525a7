"""通知公告: the console's pages that write, preview and withdraw notices."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

import msgspec
from aiohttp import web
from markupsafe import Markup
from msgspec import Meta

from handlers.http.forms import Form
from handlers.http.markdown import html_of
from handlers.http.pages import PageRequest, form_reason, form_text, redirect
from handlers.staff.forms import Lines, decode, require_current
from handlers.staff.layout import PAGE, page_number, pages_of, render, staff_context
from handlers.staff.sent_forms import keep_typed
from handlers.texts.console_labels import NOTICE_TEXT
from models.identity.roles import Role
from models.kernel.errors import Malformed
from models.kernel.zone import Zone
from models.notices.entities import Notice
from models.notices.errors import NoticeChanged
from models.notices.service import NoticeService
from models.notices.staff import StaffNotices
from models.staff.audit import AuditAction

LONGEST_TITLE: Final = 60
LONGEST_BODY: Final = 10_000
LARGEST_NOTICE: Final = 128 * 1024
"""The largest form in bytes. A character of the notice takes up to twelve bytes in a form."""


class NoticeForm(msgspec.Struct):
    title: Annotated[str, Meta(min_length=1, max_length=LONGEST_TITLE)]
    body: Annotated[Lines, Meta(min_length=1, max_length=LONGEST_BODY)]
    published_at: datetime
    until: datetime | None = None
    pinned: bool = False


async def notices(visit: PageRequest) -> web.StreamResponse:
    number = page_number(visit)
    items, total = await visit[NoticeService].all((number - 1) * PAGE, PAGE)
    return render(
        visit,
        "notices",
        items=[(n, _state(n, visit.now)) for n in items],
        state_texts=NOTICE_TEXT,
        number=number,
        pages=pages_of(total),
        writes=visit.may_in(None, Role.LIBRARIAN),
    )


def _state(n: Notice, now: datetime) -> str:
    if now < n.published_at:
        return "to_come"
    return "over" if n.until is not None and n.until <= now else "shown"


async def new_notice(visit: PageRequest) -> web.StreamResponse:
    return _editor(visit, Notice("", "", "", visit.now))


async def notice(visit: PageRequest) -> web.StreamResponse:
    """The editor of the notice that the URL names. A viewer cannot change the notice."""
    return _editor(visit, await visit[NoticeService].get_for_staff(visit.id))


def _editor(visit: PageRequest, n: Notice, preview: Markup | None = None) -> web.Response:
    until = f"{visit.zone.local(n.until):%Y-%m-%dT%H:%M}" if n.until is not None else ""
    return render(
        visit,
        "notice",
        notice=n,
        published_at=f"{visit.zone.local(n.published_at):%Y-%m-%dT%H:%M}",
        until=until,
        preview=preview,
        writes=visit.may_in(None, Role.LIBRARIAN),
        longest_title=LONGEST_TITLE,
        longest_body=LONGEST_BODY,
    )


async def add_notice(visit: PageRequest, form: Form) -> web.StreamResponse:
    return await _write(visit, form, None)


async def change_notice(visit: PageRequest, form: Form) -> web.StreamResponse:
    return await _write(visit, form, await visit[NoticeService].get_for_staff(visit.id))


async def _write(visit: PageRequest, form: Form, old: Notice | None) -> web.StreamResponse:
    """Saves the notice, or shows its preview if the form's ``operation`` is ``preview``.
    ``old``: the stored notice; None for a new one."""
    new = _read(visit.zone, form, old)
    if form_text(form, "operation") == "preview":
        keep_typed(visit, form)
        return _editor(visit, old or new, Markup(html_of(new.body)))
    if old is not None:
        require_current(form, old.rev, NoticeChanged)
    await visit[StaffNotices].write(staff_context(visit), old, new, form_reason(form))
    return redirect(f"/console/notices?done={AuditAction.NOTICE}")


def _read(zone: Zone, form: Form, old: Notice | None) -> Notice:
    """The notice that the form describes. Raises: Malformed."""
    typed = decode(zone, form, NoticeForm)
    if typed.until is not None and typed.until <= typed.published_at:
        raise Malformed("until", "withdrawn_before_published")
    return Notice(
        id=old.id if old is not None else "",
        title=typed.title,
        body=typed.body,
        published_at=typed.published_at,
        pinned=typed.pinned,
        until=typed.until,
        rev=old.rev + 1 if old is not None else 0,
    )


async def withdraw_notice(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Ends the notice's publication now. A later end, set in the editor, publishes it again."""
    old = await visit[NoticeService].get_for_staff(visit.id)
    require_current(form, old.rev, NoticeChanged)
    await visit[StaffNotices].withdraw(staff_context(visit), old, form_reason(form))
    return redirect(f"/console/notices?done={AuditAction.NOTICE}")
