"""客服咨询: how the library is reached, and writing to it."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Final

from aiohttp import web

from handlers.http.authentication import QUESTIONS, enforce_rate_limit
from handlers.http.forms import Form
from handlers.http.middleware import REQUEST_ID
from handlers.http.pages import PageRequest, count_error, form_text, redirect, render_page
from handlers.texts.errors import text_of
from models.feedback.entities import MAX_LENGTH
from models.kernel.errors import Throttled

_SHOWN: Final = 20
_UNSEEN: Final = frozenset({"Cc", "Cs", "Co", "Cn"})
_TURNS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of writing: what follows would be read otherwise than it is."""


async def shown(visit: PageRequest) -> web.StreamResponse:
    return await _page(visit, sent="sent" in visit.request.query)


async def send(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Keep it for the library. What cannot be kept stands in the form again."""
    text, wrong = written(form)
    if wrong:
        return await _page(visit, status=422, text=text, wrong=wrong)
    services = visit.services
    try:
        await enforce_rate_limit(services, QUESTIONS, visit.reader.id)
    except Throttled as error:
        count_error(visit.request, error)
        said = text_of(error.code, {"retry_after": error.retry_after})
        response = await _page(visit, status=429, text=text, wrong=said)
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    # With the text: who stopped a slow page and went on writing has written something else.
    sent = f"{form_text(form, 'key') or visit.request[REQUEST_ID]} {text}"
    key = hashlib.sha256(sent.encode()).hexdigest()
    await services.feedbacks.add(visit.reader.id, key, text, visit.now)
    return redirect("/contact?sent")


def written(form: Form) -> tuple[str, str]:
    """What somebody wrote in the form, and what is wrong with it."""
    text = form_text(form, "text").replace("\r\n", "\n")
    if not text:
        return text, "请写下您想说的"
    if len(text) > MAX_LENGTH:
        return text, f"最多 {MAX_LENGTH} 字，现在有 {len(text)} 字，请缩短"
    if any(unicodedata.category(c) in _UNSEEN and c not in "\n\t" for c in text) or _TURNS & set(
        text
    ):
        return text, "内容里有不能显示的字符，请删去后再发"
    return text, ""


async def _page(
    visit: PageRequest, *, status: int = 200, text: str = "", wrong: str = "", sent: bool = False
) -> web.StreamResponse:
    services, reader = visit.services, visit.reader
    items, _ = await services.feedbacks.page_of(reader.id, 0, _SHOWN)
    return render_page(
        visit.request,
        "feedback/contact.html",
        status=status,
        reader=reader,
        contact=services.contact,
        items=items,
        longest=MAX_LENGTH,
        text=text,
        wrong=wrong,
        sent=sent,
    )
