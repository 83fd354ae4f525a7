from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bind.providers.base import (
    PROOF,
    Attempt,
    CampusClient,
    EntryRefused,
    EntryUnavailable,
    ExternalIdentity,
    identity_of,
)
from notify.outgoing_calls import OutgoingSystem


class CampusTicketProvider(CampusClient):
    """Sign-in from the campus's app. The app opens this service with a one-time ticket, and this
    service redeems the ticket at the app's server.

    ``POST <url>`` with ``Authorization: Bearer <secret>`` and ``{"ticket": …}`` returns 200 with
    ``{"student_no", "name", "kind"}``, or 4xx for a ticket that is unknown, used or expired.
    """

    def __init__(self, url: str, secret: str) -> None:
        super().__init__(OutgoingSystem.CAMPUS_TICKET)
        self._url = url
        self._secret = secret

    async def authorization_url(self, attempt: Attempt) -> str | None:
        return None

    async def authenticate(
        self, answer: Mapping[str, str], attempt: Attempt | None
    ) -> ExternalIdentity:
        proof = answer.get("ticket", "")
        if not PROOF.fullmatch(proof):
            raise EntryRefused()
        status, person = await self.ask(
            "POST",
            self._url,
            json={"ticket": proof},
            headers={"Authorization": f"Bearer {self._secret}"},
        )
        if status in (401, 403):
            raise EntryUnavailable("secret")  # the server refuses our secret, not the ticket
        if 400 <= status < 500:
            raise EntryRefused()
        if status != 200:
            raise EntryUnavailable("status")
        # No browser asks for these tickets: the app sends them.
        user = identity_of(person, "student_no")
        return replace(user, ticket=f"entry {proof}", unasked=True)
