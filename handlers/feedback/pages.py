from __future__ import annotations

import hashlib
from typing import Final

from aiohttp import web

from handlers.http.authentication import QUESTIONS, enforce_rate_limit
from handlers.http.forms import Form
from handlers.http.free_text import checked_text
from handlers.http.keys import REFERENCE
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.http.refusals import count_error
from handlers.http.rendering import render_page
from handlers.texts.errors import text_of
from models.feedback.entities import MAX_LENGTH
from models.feedback.service import FeedbackService
from models.kernel.errors import Throttled
from models.kernel.request_id import REQUEST_ID

_SHOWN: Final = 20


async def contact(visit: PageRequest) -> web.StreamResponse:
    return await _page(visit, sent="sent" in visit.request.query)


async def send(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Stores the reader's feedback. If the feedback is refused, the form keeps its text."""
    text, wrong = checked_text(form)
    if wrong:
        return await _page(visit, status=422, text=text, wrong=wrong)
    try:
        await enforce_rate_limit(visit.request, QUESTIONS, visit.reader.id)
    except Throttled as error:
        count_error(visit.request, error)
        wrong = text_of(error.code, {"retry_after": error.retry_after})
        response = await _page(visit, status=429, text=text, wrong=wrong)
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    # The text is part of the key, since a reader may stop a slow request and edit the text.
    sent = f"{form_text(form, 'key') or REQUEST_ID.get()} {text}"
    key = hashlib.sha256(sent.encode()).hexdigest()
    await visit[FeedbackService].add(visit.reader.id, key, text, visit.now)
    return redirect("/contact?sent")


async def _page(
    visit: PageRequest, *, status: int = 200, text: str = "", wrong: str = "", sent: bool = False
) -> web.StreamResponse:
    reader = visit.reader
    items, _ = await visit[FeedbackService].page_of(reader.id, 0, _SHOWN)
    return render_page(
        visit.request,
        "feedback/contact.html",
        status=status,
        reader=reader,
        contact=visit[REFERENCE].profile.contact,
        items=items,
        max_length=MAX_LENGTH,
        text=text,
        wrong=wrong,
        sent=sent,
    )
