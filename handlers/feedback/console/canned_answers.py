from __future__ import annotations

from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from handlers.http.forms import Form
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.staff.forms import Revision, decode, required_text
from handlers.staff.layout import render, staff_context
from models.feedback.entities import LONGEST_TITLE, MAX_LENGTH, CannedAnswer
from models.feedback.service import FeedbackService
from models.feedback.staff import StaffFeedback
from models.kernel.errors import Malformed
from models.kernel.zone import Zone
from models.staff.audit import AuditAction

MOST: Final = 50


class CannedTitle(msgspec.Struct):
    title: Annotated[str, Meta(min_length=1, max_length=LONGEST_TITLE)]


async def canned_answers(visit: PageRequest) -> web.StreamResponse:
    return render(
        visit,
        "canned_answers",
        items=await visit[FeedbackService].canned_answers(),
        longest_title=LONGEST_TITLE,
        most=MAX_LENGTH,
    )


async def add_canned_answer(visit: PageRequest, form: Form) -> web.StreamResponse:
    title, text = _read(visit.zone, form)
    if len(await visit[FeedbackService].canned_answers()) >= MOST:
        raise Malformed("title", "too_many_canned", most=MOST)
    await visit[StaffFeedback].add_canned_answer(staff_context(visit), title, text)
    return redirect(f"/console/canned-answers?done={AuditAction.CANNED_ANSWER}")


async def change_canned_answer(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Saves or (form field ``remove``) removes a canned answer. Raises: FeedbackChanged."""
    staff, rev = visit[StaffFeedback], decode(visit.zone, form, Revision).rev
    if form_text(form, "remove"):
        await staff.remove_canned_answer(staff_context(visit), visit.id, rev)
    else:
        new = CannedAnswer(visit.id, *_read(visit.zone, form), rev + 1)
        await staff.change_canned_answer(staff_context(visit), new)
    return redirect(f"/console/canned-answers?done={AuditAction.CANNED_ANSWER}")


def _read(zone: Zone, form: Form) -> tuple[str, str]:
    """The title and the text of the canned answer in the form. Raises: Malformed."""
    return decode(zone, form, CannedTitle).title, required_text(form)
