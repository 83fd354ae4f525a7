"""Pairing: a screen without a key sends a request; an administrator chooses its kiosk."""

from __future__ import annotations

from datetime import datetime

from models.kernel.errors import NotFound
from models.kiosks.entities import PairingRequest
from models.kiosks.errors import PairingCodeUnknown, PairingOver
from models.kiosks.pairing_repository import PairingRepository
from models.storage.encryption import FieldCipher


class KioskPairing:
    """Stores and finds the screens' pairing requests, which ``staff/pairing.py`` confirms."""

    def __init__(self, pairings: PairingRepository, cipher: FieldCipher) -> None:
        self._pairings, self._cipher = pairings, cipher

    async def ask(
        self, browser: str, address: str, network: str, now: datetime
    ) -> tuple[str, PairingRequest]:
        """Stores a new request of a screen; returns the screen's secret and the request. The
        number of requests of one ``network`` is limited. Raises: Busy."""
        secret = self._cipher.new_token()
        return secret, await self._pairings.add(secret, browser, address, network, now)

    async def of_screen(self, secret: str, now: datetime) -> PairingRequest:
        """The request of the screen that has this secret. Raises: NotFound if it has expired."""
        issued = self._cipher.has_issued(secret)
        request = await self._pairings.by_secret(secret, now) if issued else None
        if request is None:
            raise NotFound()
        return request

    async def with_code(self, code: str, now: datetime) -> PairingRequest:
        """The unconfirmed request whose screen shows this code. Raises: PairingCodeUnknown."""
        request = await self._pairings.by_code(code, now)
        if request is None:
            raise PairingCodeUnknown()
        return request

    async def with_id(self, id: str, now: datetime) -> PairingRequest:
        """The unconfirmed request with this id, which an administrator has found by its code.
        Raises: PairingOver if the request was confirmed or has expired since."""
        request = await self._pairings.by_id(id, now)
        if request is None:
            raise PairingOver()
        return request
