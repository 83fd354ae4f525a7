"""Feedback: the entries to answer, the archive, and the messages of one reader."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final
from urllib.parse import urlencode

from aiohttp import web
from msgspec import Meta
from multidict import MultiDict, MultiDictProxy

from handlers.feedback.console.answer_way import AnswerWay, answer_way
from handlers.http.forms import Form
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.staff.forms import Lines, Revision, day_of, decode, required_text
from handlers.staff.layout import PAGE, page_number, pages_of, reader_label, render, staff_context
from handlers.staff.sent_forms import keep_typed, sent_form
from models.feedback.entities import MAX_LENGTH, Feedback, FeedbackQuery
from models.feedback.service import FeedbackService
from models.feedback.staff import StaffFeedback
from models.kernel.errors import Malformed
from models.kernel.zone import Zone
from models.readers.staff.readers import StaffReaders
from notify.conversations import Conversations

_STATES: Final = {"waiting": False, "answered": True, "all": None}


class NoteForm(Revision):
    note: Annotated[Lines, Meta(max_length=MAX_LENGTH)] = ""


async def reader_feedback(visit: PageRequest) -> web.StreamResponse:
    """The page of a reader's feedback with the answers. The audit log records each view."""
    staff = visit[StaffReaders]
    who = await staff.get(visit.id)
    await staff.look_at(staff_context(visit), who)
    number = page_number(visit)
    items, total = await visit[FeedbackService].page_of(who.id, (number - 1) * PAGE, PAGE)
    return render(
        visit,
        "reader_feedback",
        who=who,
        items=[(f, "", _way(visit, f)) for f in items],
        number=number,
        pages=pages_of(total),
        canned=await visit[FeedbackService].canned_answers(),
        most=MAX_LENGTH,
    )


async def reply(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Answers a feedback entry once or, with the form field ``close``, closes it without an
    answer. With the field ``fill``, only puts a canned answer into the form."""
    if form_text(form, "fill"):
        return await _filled(visit, form)
    closes = bool(form_text(form, "close"))
    text = "" if closes else required_text(form)
    entry = await visit[FeedbackService].get(visit.id)
    if entry.answered_at is None and _way(visit, entry).reaches is closes:
        raise Malformed("text", "page_outdated")
    await visit[StaffFeedback].reply(staff_context(visit), visit.id, text)
    return redirect(f"/console/questions?done={visit.id}")


def _way(visit: PageRequest, f: Feedback) -> AnswerWay:
    return answer_way(visit.zone, f, visit[Conversations].is_open(f, visit.now), visit.now)


async def _done(visit: PageRequest) -> str:
    """A text that says where the answer that was just sent has gone; empty if none was sent."""
    id = visit.request.query.get("done", "")
    if not id:
        return ""
    return _way(visit, await visit[FeedbackService].get(id)).went


async def _filled(visit: PageRequest, form: Form) -> web.StreamResponse:
    parts = [form_text(form, "text")]
    for answer in await visit[FeedbackService].canned_answers():
        parts += [answer.text] if answer.id == form_text(form, "canned") else []
    filled = MultiDict(form)
    filled["text"] = "\n".join(part for part in parts if part)
    keep_typed(visit, MultiDictProxy(filled))
    return await feedback(visit)


async def set_note(visit: PageRequest, form: Form) -> web.StreamResponse:
    typed = decode(visit.zone, form, NoteForm)
    await visit[StaffFeedback].set_note(staff_context(visit), visit.id, typed.rev, typed.note)
    return redirect("/console/questions?state=all&noted")


async def feedback(visit: PageRequest) -> web.StreamResponse:
    """Lists unanswered entries, oldest first, or the archive, newest first. After a refused form
    only the entry of the form is shown."""
    number, filters = page_number(visit), _filters(visit)
    service, skip = visit[FeedbackService], (number - 1) * PAGE
    if sent_form(visit.request):
        items, total = [await service.get(visit.id)], 1
    elif filters["state"] == "waiting" and not (filters["from"] or filters["to"]):
        waiting = await service.waiting(skip + PAGE)
        _, total = await service.archive(FeedbackQuery(answered=False), 0, 1)
        items = waiting[skip:]
    else:
        items, total = await service.archive(_query(visit.zone, filters), skip, PAGE)
    people = await visit[StaffReaders].many({f.reader_id for f in items if f.reader_id})

    def who(f: Feedback) -> str:
        return reader_label(people.get(f.reader_id)) if f.reader_id else ""

    return render(
        visit,
        "feedback",
        items=[(f, who(f), _way(visit, f)) for f in items],
        asked=filters,
        query=urlencode({name: value for name, value in filters.items() if value}),
        number=number,
        pages=pages_of(total),
        total=total,
        canned=await service.canned_answers(),
        done=await _done(visit),
        noted="noted" in visit.request.query,
        most=MAX_LENGTH,
    )


def _filters(visit: PageRequest) -> dict[str, str]:
    """The state and dates in the query. Raises: Malformed."""
    query = visit.request.query
    filters = {name: query.get(name, "") for name in ("state", "from", "to")}
    filters["state"] = filters["state"] or "waiting"
    if filters["state"] not in _STATES:
        raise Malformed("state", "state_unknown")
    return filters


def _query(zone: Zone, filters: dict[str, str]) -> FeedbackQuery:
    """The feedback archive's query for the state and days in ``filters``. Raises: Malformed."""
    days = {n: day_of(filters[n], n) if filters[n] else None for n in ("from", "to")}
    if any(day is not None and not 2000 <= day.year < 2100 for day in days.values()):
        raise Malformed("from", "not_our_time")
    first, last = days["from"], days["to"]
    return FeedbackQuery(
        _STATES[filters["state"]],
        zone.midnight(first) if first is not None else None,
        zone.midnight(last + timedelta(days=1)) if last is not None else None,
    )
