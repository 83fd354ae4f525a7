from __future__ import annotations

from dataclasses import replace

from handlers.email_addresses import presenter
from handlers.email_addresses.schemas import (
    ChooseMail,
    ConfirmEmail,
    EmailAddressOut,
    RequestEmailCode,
)
from handlers.http.api_routes import ApiRoutes
from handlers.http.endpoint import ApiRequest
from handlers.http.language import language_of
from models.email_addresses.errors import EmailAddressRefused, EmailCodeInvalid, MailUnavailable
from models.email_addresses.service import EmailAddressService
from models.kernel.errors import Malformed, NotFound, TooManyAttempts
from models.messages.entities import Template

routes = ApiRoutes()


@routes.get(
    "/email-address", "Get the reader's e-mail address and the kinds of messages mailed to it"
)
async def show(call: ApiRequest) -> EmailAddressOut:
    email_address = await call[EmailAddressService].of(call.reader.id)
    if email_address.pending is not None and email_address.pending.expires_at <= call.now:
        email_address = replace(email_address, pending=None)
    return presenter.email_address(call.zone, email_address)


@routes.post(
    "/email-address",
    "Mail a six-digit code to a new address, which is used once the code is confirmed",
    signs_in=True,
    errors=(EmailAddressRefused, MailUnavailable, TooManyAttempts),
)
async def request_code(call: ApiRequest, body: RequestEmailCode) -> EmailAddressOut:
    language = language_of(call.request).tag
    await call[EmailAddressService].request(call.reader.id, body.address, language, call.now)
    return await show(call)


@routes.post(
    "/email-address/confirm",
    "Confirm the new e-mail address with the mailed code",
    errors=(EmailCodeInvalid,),
)
async def confirm(call: ApiRequest, body: ConfirmEmail) -> EmailAddressOut:
    await call[EmailAddressService].confirm(call.reader.id, body.code, call.now)
    return await show(call)


@routes.post(
    "/email-address/kinds", "Choose which kinds of messages are mailed", errors=(NotFound,)
)
async def choose(call: ApiRequest, body: ChooseMail) -> EmailAddressOut:
    try:
        choices = {Template(name): mailed for name, mailed in body.kinds.items()}
    except ValueError:
        raise Malformed("kinds", "the templates of GET /email-address") from None
    await call[EmailAddressService].choose(call.reader.id, choices)
    return await show(call)


@routes.delete("/email-address", "Remove the reader's e-mail address")
async def remove(call: ApiRequest) -> None:
    await call[EmailAddressService].remove(call.reader.id)
