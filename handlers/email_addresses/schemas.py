from __future__ import annotations

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from handlers.http.schemas import Request, Response
from handlers.messages.schemas import MessageKind
from models.email_addresses.entities import LONGEST


class EmailAddressOut(Response):
    address: str | None
    """The confirmed address, masked: z***@example.edu.cn"""
    from_campus: bool
    undeliverable: bool
    pending: str | None
    """A masked address that the reader has entered and not confirmed yet."""
    pending_until: datetime | None
    kinds: list[MessageKind]


class RequestEmailCode(Request):
    address: Annotated[str, Meta(min_length=3, max_length=LONGEST)]


class ConfirmEmail(Request):
    code: Annotated[str, Meta(pattern="^[0-9]{6}$")]


class ChooseMail(Request):
    kinds: Annotated[
        dict[Annotated[str, Meta(max_length=40)], bool],
        Meta(min_length=1, max_length=20, description="template → true if its messages are mailed"),
    ]
