"""Feedback: what waits for a reply, the archive, and the messages of one reader."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from aiohttp import web

from handlers.feedback.console.answer_way import AnswerWay, answer_way
from handlers.http.forms import Form
from handlers.http.free_text import checked_text
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.staff.forms import day_of, refusal, typed_in
from handlers.staff.layout import PAGE, page_number, pages_of, reader_label, render, staff_context
from handlers.texts.console import WRONG_TEXT
from models.feedback.entities import MAX_LENGTH, Feedback, FeedbackQuery
from models.feedback.service import FeedbackService
from models.feedback.staff import StaffFeedback
from models.kernel.errors import Conflict, DomainError, InvalidRequest
from models.kernel.time_range import local_instant
from models.readers.staff.readers import StaffReaders
from notify.conversations import Conversations

_STATES: Final = {"waiting": False, "answered": True, "all": None}
_FIELDS: Final = ("text", "note", "canned")


async def feedback(visit: PageRequest) -> web.StreamResponse:
    """What waits for a reply, the oldest first; or the archive, the newest first."""
    return await _page(visit)


async def reader_feedback(visit: PageRequest) -> web.StreamResponse:
    """All that one reader has written, with the answers; the audit log keeps that it was read."""
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
        typed={},
        refused="",
        wrong="",
        most=MAX_LENGTH,
    )


async def reply(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Reply once; or close, without a reply, what cannot be answered. ``fill`` only puts a canned
    answer into the form. What is refused stands in the form again."""
    if form_text(form, "fill"):
        return await _filled(visit, form)
    closes = bool(form_text(form, "close"))
    text, wrong = ("", "") if closes else checked_text(form)
    try:
        if wrong:
            raise InvalidRequest("text", wrong)
        asked = await visit[FeedbackService].get(visit.id)
        if asked.answered_at is None and _way(visit, asked).reaches is closes:
            raise InvalidRequest("text", WRONG_TEXT["page_outdated"])
        await visit[StaffFeedback].reply(staff_context(visit), visit.id, text)
    except (InvalidRequest, Conflict) as error:
        return await _refused(visit, form, error)
    return redirect(f"/console/questions?done={visit.id}")


def _way(visit: PageRequest, f: Feedback) -> AnswerWay:
    return answer_way(f, visit[Conversations].is_open(f, visit.now), visit.now)


async def _done(visit: PageRequest) -> str:
    """Where the answer went that has just been given."""
    id = visit.request.query.get("done", "")
    if not id:
        return ""
    return _way(visit, await visit[FeedbackService].get(id)).went


async def _filled(visit: PageRequest, form: Form) -> web.Response:
    chosen = next(
        (
            c
            for c in await visit[FeedbackService].canned_answers()
            if c.id == form_text(form, "canned")
        ),
        None,
    )
    typed = typed_in(form, _FIELDS)
    if chosen is not None:
        typed["text"] = "\n".join(part for part in (typed["text"], chosen.text) if part)
    return await _page(visit, typed=typed, refused=visit.id)


async def set_note(visit: PageRequest, form: Form) -> web.StreamResponse:
    """A note for colleagues. The second of two is told, and finds what was typed."""
    note, rev = form_text(form, "note").replace("\r\n", "\n"), form_text(form, "rev")
    try:
        if len(note) > MAX_LENGTH:
            raise InvalidRequest("note", WRONG_TEXT["note_length"].format(most=MAX_LENGTH))
        if not rev.isascii() or not rev.isdecimal() or len(rev) > 6:
            raise InvalidRequest("rev", WRONG_TEXT["page_outdated"])
        await visit[StaffFeedback].set_note(staff_context(visit), visit.id, int(rev), note)
    except (InvalidRequest, Conflict) as error:
        return await _refused(visit, form, error)
    return redirect("/console/questions?state=all&noted")


async def _refused(visit: PageRequest, form: Form, error: DomainError) -> web.Response:
    """The page with that piece of feedback alone, and with what was typed."""
    return await _page(visit, **refusal(visit, error, typed_in(form, _FIELDS)), refused=visit.id)


async def _page(visit: PageRequest, **more: Any) -> web.Response:
    number, asked = page_number(visit), _asked(visit)
    service, skip = visit[FeedbackService], (number - 1) * PAGE
    if refused := more.get("refused", ""):
        # Whatever list it was sent from: the one that it is about, as it is by now.
        items, total = [await service.get(refused)], 1
    elif asked["state"] == "waiting" and not (asked["from"] or asked["to"]):
        waiting = await service.waiting(skip + PAGE)
        _, total = await service.archive(FeedbackQuery(answered=False), 0, 1)
        items = waiting[skip:]
    else:
        items, total = await service.archive(_query(asked), skip, PAGE)
    people = await visit[StaffReaders].many({f.reader_id for f in items if f.reader_id})

    def who(f: Feedback) -> str:
        return reader_label(people.get(f.reader_id)) if f.reader_id else ""

    facts: dict[str, Any] = {
        "items": [(f, who(f), _way(visit, f)) for f in items],
        "asked": asked,
        "query": urlencode({name: value for name, value in asked.items() if value}),
        "number": number,
        "pages": pages_of(total),
        "total": total,
        "canned": await service.canned_answers(),
        "done": await _done(visit),
        "noted": "noted" in visit.request.query,
        "typed": {},
        "refused": "",
        "wrong": "",
        "most": MAX_LENGTH,
    }
    return render(visit, "feedback", **facts | more)


def _asked(visit: PageRequest) -> dict[str, str]:
    """The state and the days that the address asks for. Raises: InvalidRequest."""
    query = visit.request.query
    asked = {name: query.get(name, "") for name in ("state", "from", "to")}
    asked["state"] = asked["state"] or "waiting"
    if asked["state"] not in _STATES:
        raise InvalidRequest("state", WRONG_TEXT["state_unknown"])
    return asked


def _query(asked: dict[str, str]) -> FeedbackQuery:
    """Raises: InvalidRequest."""
    days = {n: day_of(asked[n], n) if asked[n] else None for n in ("from", "to")}
    if any(day is not None and not 2000 <= day.year < 2100 for day in days.values()):
        raise InvalidRequest("from", WRONG_TEXT["not_our_time"])
    first, last = days["from"], days["to"]
    return FeedbackQuery(
        _STATES[asked["state"]],
        local_instant(first, time()) if first is not None else None,
        local_instant(last + timedelta(days=1), time()) if last is not None else None,
    )
