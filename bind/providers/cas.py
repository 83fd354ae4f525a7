from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bind.providers.base import Attempt, ExternalIdentity
from bind.providers.cas_client import STATE, CasClient
from notify.outgoing_calls import OutgoingCalls

_CONTEXT: Final = "authnContextClass"
_SECOND_FACTOR: Final = "mfa"
"""Apereo CAS begins the names of second factors with this: mfa-gauth, mfa-webauthn, …"""


class CasProvider:
    def __init__(self, cas: CasClient, email_attribute: str = "") -> None:
        """``email_attribute``: the name of the e-mail attribute; empty if CAS releases none."""
        self._cas, self._email_attribute = cas, email_attribute

    @property
    def calls(self) -> OutgoingCalls:
        return self._cas.calls

    async def authorization_url(self, attempt: Attempt) -> str | None:
        return self._cas.login_url(attempt.state, renew=attempt.renew)

    async def authenticate(
        self, answer: Mapping[str, str], attempt: Attempt | None
    ) -> ExternalIdentity:
        """Redeems the ticket at CAS. The identity is ``unasked`` if this browser did not begin
        the sign-in here. Raises: TicketInvalid, CasUnavailable."""
        ticket, state = answer.get("ticket", ""), answer.get(STATE, "")
        renew = attempt is not None and attempt.renew
        user = await self._cas.validate(ticket, state, renew=renew)
        begun_here = attempt is not None and (
            self._cas.exact_service or attempt.is_answered_by(state)
        )
        return ExternalIdentity(
            user.user,
            user.name,
            user.kind,
            next(iter(user.attributes.get(self._email_attribute, ())), ""),
            user.groups,
            ticket,
            dict(user.attributes),
            unasked=not begun_here,
            second_factor=any(
                context.startswith(_SECOND_FACTOR) for context in user.attributes.get(_CONTEXT, ())
            ),
        )

    async def logout_url(self, return_to: str) -> str | None:
        return self._cas.logout_url(return_to)

    async def answers(self) -> bool:
        return await self._cas.answers()
