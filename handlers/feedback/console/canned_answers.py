"""常用答复: answers that the library gives often."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from handlers.http.forms import Form
from handlers.http.free_text import checked_text
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.staff.forms import refusal, typed_in
from handlers.staff.layout import render, staff_context
from handlers.texts.console import WRONG_TEXT
from models.feedback.entities import LONGEST_TITLE, MAX_LENGTH, CannedAnswer
from models.feedback.service import FeedbackService
from models.feedback.staff import StaffFeedback
from models.kernel.errors import Conflict, DomainError, InvalidRequest
from models.kernel.text import is_printable_line

MOST: Final = 50


async def canned_answers(visit: PageRequest) -> web.StreamResponse:
    """All of them, with a form to add one."""
    return await _page(visit)


async def add_canned_answer(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Keep another answer."""
    try:
        title, text = _read(form)
        if len(await visit[FeedbackService].canned_answers()) >= MOST:
            raise InvalidRequest("title", WRONG_TEXT["too_many_canned"].format(most=MOST))
        await visit[StaffFeedback].add_canned_answer(staff_context(visit), title, text)
    except InvalidRequest as error:
        return await _refused(visit, form, error, "new")
    return redirect("/console/canned-answers?done")


async def change_canned_answer(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Save or remove an answer. The second of two is told, and finds what was typed."""
    staff, rev = visit[StaffFeedback], form_text(form, "rev")
    try:
        if not rev.isascii() or not rev.isdecimal() or len(rev) > 6:
            raise InvalidRequest("rev", WRONG_TEXT["page_outdated"])
        if form_text(form, "remove"):
            await staff.remove_canned_answer(staff_context(visit), visit.id, int(rev))
        else:
            new = CannedAnswer(visit.id, *_read(form), int(rev) + 1)
            await staff.change_canned_answer(staff_context(visit), new)
    except (InvalidRequest, Conflict) as error:
        return await _refused(visit, form, error, visit.id)
    return redirect("/console/canned-answers?done")


def _read(form: Form) -> tuple[str, str]:
    """Title and text. Raises: InvalidRequest."""
    title = form_text(form, "title")
    if not 0 < len(title) <= LONGEST_TITLE or not is_printable_line(title):
        raise InvalidRequest("title", WRONG_TEXT["canned_title_length"].format(most=LONGEST_TITLE))
    text, wrong = checked_text(form)
    if wrong:
        raise InvalidRequest("text", wrong)
    return title, text


async def _refused(visit: PageRequest, form: Form, error: DomainError, id: str) -> web.Response:
    return await _page(
        visit, **refusal(visit, error, typed_in(form, ("title", "text"))), refused=id
    )


async def _page(visit: PageRequest, **more: Any) -> web.Response:
    facts: dict[str, Any] = {
        "items": await visit[FeedbackService].canned_answers(),
        "done": "done" in visit.request.query,
        "typed": {},
        "refused": "",
        "wrong": "",
        "longest": LONGEST_TITLE,
        "most": MAX_LENGTH,
    }
    return render(visit, "canned_answers", **facts | more)
