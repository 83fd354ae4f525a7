"""邮件通知 for apps."""

from __future__ import annotations

from dataclasses import replace

from handlers.email_addresses import presenter
from handlers.email_addresses.schemas import (
    ChooseMail,
    ConfirmEmail,
    EmailAddressOut,
    RequestEmailCode,
)
from handlers.http.endpoint import ApiRequest
from models.email_addresses.service import EmailAddressService
from models.kernel.errors import InvalidRequest
from models.messages.entities import Template


async def show(call: ApiRequest) -> EmailAddressOut:
    found = await call[EmailAddressService].of(call.reader.id)
    if found.pending is not None and found.pending.expires_at <= call.now:
        found = replace(found, pending=None)
    return presenter.email_address(found)


async def request_code(call: ApiRequest, body: RequestEmailCode) -> EmailAddressOut:
    await call[EmailAddressService].request(call.reader.id, body.address, call.now)
    return await show(call)


async def confirm(call: ApiRequest, body: ConfirmEmail) -> EmailAddressOut:
    await call[EmailAddressService].confirm(call.reader.id, body.code, call.now)
    return await show(call)


async def choose(call: ApiRequest, body: ChooseMail) -> EmailAddressOut:
    try:
        choices = {Template(name): wanted for name, wanted in body.kinds.items()}
    except ValueError:
        raise InvalidRequest("kinds", "the templates of GET /email-address") from None
    await call[EmailAddressService].choose(call.reader.id, choices)
    return await show(call)


async def remove(call: ApiRequest) -> None:
    await call[EmailAddressService].remove(call.reader.id)
