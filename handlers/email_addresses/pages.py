"""邮件通知: the reader's address, the code that confirms it, and what is mailed."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from aiohttp import web

from handlers.email_addresses import presenter
from handlers.http.authentication import client_address
from handlers.http.errors import status_of
from handlers.http.forms import Form, form_of
from handlers.http.keys import LOAD_SHEDDER, service_key
from handlers.http.local_rate_limiter import raise_if_limited
from handlers.http.pages import PageRequest, form_text, redirect
from handlers.http.refusals import count_error
from handlers.http.rendering import render_page
from handlers.messages import presenter as messages
from handlers.messages.pages import ticked
from handlers.texts.errors import text_of
from models.email_addresses.entities import LONGEST
from models.email_addresses.errors import EmailAddressRefused, EmailCodeInvalid, MailUnavailable
from models.email_addresses.service import EmailAddressService
from models.kernel.errors import DomainError, TooManyAttempts
from notify.email.unsubscribing import UnsubscribeLinks

_HERE: Final = "/me/email"
_MAX_BYTES: Final = 4096


async def settings(visit: PageRequest) -> web.StreamResponse:
    """The page."""
    return await _page(visit, done=visit.request.query.get("done", ""))


async def _page(
    visit: PageRequest, *, status: int = 200, done: str = "", wrong: str = "", address: str = ""
) -> web.StreamResponse:
    found = await visit[EmailAddressService].of(visit.reader.id)
    if found.pending is not None and found.pending.expires_at <= visit.now:
        found = replace(found, pending=None)
    return render_page(
        visit.request,
        "email_addresses/settings.html",
        status=status,
        reader=visit.reader,
        mail=presenter.email_address(found),
        done=done,
        wrong=wrong,
        address=address,
        longest=LONGEST,
    )


async def request_code(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Send six digits to an address."""
    address = form_text(form, "address")
    try:
        await visit[EmailAddressService].request(
            visit.reader.id, address, visit.now, visit[LOAD_SHEDDER].door.step_aside()
        )
    except (EmailAddressRefused, MailUnavailable, TooManyAttempts) as error:
        return await _refused(visit, error, address)
    return redirect(f"{_HERE}?done=sent")


async def confirm(visit: PageRequest, form: Form) -> web.StreamResponse:
    """The six digits."""
    try:
        await visit[EmailAddressService].confirm(
            visit.reader.id, form_text(form, "code"), visit.now
        )
    except EmailCodeInvalid as error:
        return await _refused(visit, error)
    return redirect(f"{_HERE}?done=confirmed")


async def _refused(visit: PageRequest, error: DomainError, address: str = "") -> web.StreamResponse:
    """The page once more, with what was typed and why it was not taken."""
    facts = dict(error.details)
    if isinstance(error, TooManyAttempts):
        facts["retry_after"] = error.retry_after
    count_error(visit.request, error)
    wrong = text_of(error.code, facts)
    return await _page(visit, status=status_of(type(error)), wrong=wrong, address=address)


async def choose(visit: PageRequest, form: Form) -> web.StreamResponse:
    """What is mailed: the boxes that are ticked."""
    addresses = visit[EmailAddressService]
    choices = (await addresses.of(visit.reader.id)).choices
    await addresses.choose(visit.reader.id, choices.changed_to(ticked(form)))
    return redirect(f"{_HERE}?done=saved")


async def remove(visit: PageRequest, _: Form) -> web.StreamResponse:
    """No mail any more."""
    await visit[EmailAddressService].remove(visit.reader.id)
    return redirect(f"{_HERE}?done=removed")


async def unsubscribe_question(request: web.Request) -> web.StreamResponse:
    """The page behind the link in a mail: one press, and no more mails of that kind. Nothing
    happens before that, as programs that look through mail open links too."""
    return _unsubscribe_page(request, request.query.get("t", ""))


async def unsubscribe(request: web.Request) -> web.StreamResponse:
    """No more mails of that kind. A mail program asks for it by itself too (RFC 8058), without a
    session: the link is the proof."""
    token = request.query.get("t", "")
    raise_if_limited(request.app[LOAD_SHEDDER].addresses.wait_for(client_address(request)))
    await form_of(request, _MAX_BYTES)
    about = request.app[service_key(UnsubscribeLinks)].read(token)
    if about is not None:
        reader_id, template = about
        await request.app[service_key(EmailAddressService)].unsubscribe(reader_id, template)
    return _unsubscribe_page(request, token, ended=True)


def _unsubscribe_page(request: web.Request, token: str, *, ended: bool = False) -> web.Response:
    about = request.app[service_key(UnsubscribeLinks)].read(token)
    if about is None:
        raise web.HTTPNotFound
    return render_page(
        request,
        "email_addresses/unsubscribe.html",
        token=token,
        ended=ended,
        kind=messages.title_of(about[1]),
    )
