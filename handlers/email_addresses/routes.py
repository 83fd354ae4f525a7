"""Operations of the API: a reader's e-mail address."""

from __future__ import annotations

from typing import Final

from handlers.email_addresses import api
from handlers.http.endpoint import delete, get, post
from models.email_addresses.errors import EmailAddressRefused, EmailCodeInvalid, MailUnavailable
from models.kernel.errors import NotFound, TooManyAttempts

ROUTES: Final = (
    get("/email-address", api.show, "Where the reader's mail goes, and which messages"),
    post(
        "/email-address",
        api.request_code,
        "Send six digits to an address, which counts once they are confirmed",
        signs_in=True,
        errors=(EmailAddressRefused, MailUnavailable, TooManyAttempts),
    ),
    post(
        "/email-address/confirm",
        api.confirm,
        "The six digits that came by mail",
        errors=(EmailCodeInvalid,),
    ),
    post(
        "/email-address/kinds",
        api.choose,
        "Kinds of messages that are mailed or not",
        errors=(NotFound,),
    ),
    delete("/email-address", api.remove, "No mail any more"),
)
