"""Sign-in by CAS."""

from __future__ import annotations

from bind.providers.base import ExternalIdentity, LoginRejected
from bind.providers.cas_client import CasClient


class CasProvider:
    """The app's webview holds the campus's CAS cookie: one redirect there and back signs in."""

    proof = ""

    def __init__(self, cas: CasClient) -> None:
        self._cas = cas

    def authorization_url(self, state: str) -> str | None:
        return self._cas.login_url(state)

    async def authenticate(self, proof: str) -> ExternalIdentity:
        raise LoginRejected()
