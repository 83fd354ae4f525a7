"""邮件通知: the reader's mail address, its confirmation, and the kinds of messages sent to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from aiohttp import web

from handlers.email_addresses import presenter
from handlers.http.authentication import client_address
from handlers.http.errors import status_of
from handlers.http.forms import Form, form_of
from handlers.http.keys import LOAD_SHEDDER, service_key
from handlers.http.language import language_of
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
    return await _page(visit, done=visit.request.query.get("done", ""))


async def _page(
    visit: PageRequest, *, status: int = 200, done: str = "", wrong: str = "", address: str = ""
) -> web.StreamResponse:
    email_address = await visit[EmailAddressService].of(visit.reader.id)
    if email_address.pending is not None and email_address.pending.expires_at <= visit.now:
        email_address = replace(email_address, pending=None)
    return render_page(
        visit.request,
        "email_addresses/settings.html",
        status=status,
        reader=visit.reader,
        mail=presenter.email_address(visit.zone, email_address),
        done=done,
        wrong=wrong,
        address=address,
        longest=LONGEST,
    )


async def request_code(visit: PageRequest, form: Form) -> web.StreamResponse:
    """Sends a six-digit code to the form's mail address, for the reader to confirm the address."""
    address = form_text(form, "address")
    try:
        await visit[EmailAddressService].request(
            visit.reader.id,
            address,
            language_of(visit.request).tag,
            visit.now,
            visit[LOAD_SHEDDER].door.step_aside(),
        )
    except (EmailAddressRefused, MailUnavailable, TooManyAttempts) as error:
        return await _refused(visit, error, address)
    return redirect(f"{_HERE}?done=sent")


async def confirm(visit: PageRequest, form: Form) -> web.StreamResponse:
    try:
        await visit[EmailAddressService].confirm(
            visit.reader.id, form_text(form, "code"), visit.now
        )
    except EmailCodeInvalid as error:
        return await _refused(visit, error)
    return redirect(f"{_HERE}?done=confirmed")


async def _refused(visit: PageRequest, error: DomainError, address: str = "") -> web.StreamResponse:
    facts = dict(error.details)
    if isinstance(error, TooManyAttempts):
        facts["retry_after"] = error.retry_after
    count_error(visit.request, error)
    wrong = text_of(error.code, facts)
    return await _page(visit, status=status_of(type(error)), wrong=wrong, address=address)


async def choose(visit: PageRequest, form: Form) -> web.StreamResponse:
    addresses = visit[EmailAddressService]
    choices = (await addresses.of(visit.reader.id)).choices
    await addresses.choose(visit.reader.id, choices.changed_to(ticked(form)))
    return redirect(f"{_HERE}?done=saved")


async def remove(visit: PageRequest, _: Form) -> web.StreamResponse:
    await visit[EmailAddressService].remove(visit.reader.id)
    return redirect(f"{_HERE}?done=removed")


async def unsubscribe_question(request: web.Request) -> web.StreamResponse:
    """The page that a mail's unsubscribe link opens. The page only asks, because mail scanners
    open links, too, and must not unsubscribe the reader."""
    return _unsubscribe_page(request, request.query.get("t", ""))


async def unsubscribe(request: web.Request) -> web.StreamResponse:
    """Unsubscribes the reader from the kind of message that the link's token names. Mail
    programs send this request, too (RFC 8058), so it needs no session: the token is the proof."""
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
