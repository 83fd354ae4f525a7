"""Sign-in by a ticket of the campus's own service."""

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
    """The app opens us with a one-time ticket, which its server exchanges for a person.

    ``POST <url>`` with ``Authorization: Bearer <secret>`` and ``{"ticket": …}`` answers 200
    ``{"student_no", "name", "kind"}``, or 4xx for a ticket that is unknown, used or late.
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
        status, found = await self.ask(
            "POST",
            self._url,
            json={"ticket": proof},
            headers={"Authorization": f"Bearer {self._secret}"},
        )
        if status in (401, 403):
            raise EntryUnavailable("secret")  # it is we who are refused there
        if 400 <= status < 500:
            raise EntryRefused()
        if status != 200:
            raise EntryUnavailable("status")
        # The campus's app sends tickets that nobody asked us for.
        user = identity_of(found, "student_no")
        return replace(user, ticket=f"entry {proof}", unasked=True)
