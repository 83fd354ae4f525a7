"""Sign-in by a ticket of the campus's own service."""

from __future__ import annotations

from bind.providers.base import (
    _PROOF,
    ExternalIdentity,
    LoginRejected,
    ProviderUnavailable,
    _Client,
    _user,
)


class CampusTicketProvider(_Client):
    """The app opens us with a one-time ticket, which its server exchanges for a person.

    ``POST <url>`` with ``Authorization: Bearer <secret>`` and ``{"ticket": …}`` answers 200
    ``{"student_no", "name", "kind"}``, or 4xx for a ticket that is unknown, used or late.
    """

    proof = "ticket"

    def __init__(self, url: str, secret: str) -> None:
        super().__init__()
        self._url = url
        self._secret = secret

    def authorization_url(self, state: str) -> str | None:
        return None

    async def authenticate(self, proof: str) -> ExternalIdentity:
        if not _PROOF.fullmatch(proof):
            raise LoginRejected()
        status, found = await self.ask(
            "POST",
            self._url,
            json={"ticket": proof},
            headers={"Authorization": f"Bearer {self._secret}"},
        )
        if status in (401, 403):
            raise ProviderUnavailable("secret")  # it is we who are refused there
        if 400 <= status < 500:
            raise LoginRejected()
        if status != 200:
            raise ProviderUnavailable("status")
        return _user(found, "student_no")
