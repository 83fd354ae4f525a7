"""Kiosk codes: proof that somebody stood in front of a kiosk a moment ago.

RFC 6238 with 8 digits and one secret a kiosk. ``valid_window`` of pyotp would accept the next step
as well, so the steps that count are compared one by one.
"""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import pyotp

from bind.code_links import id_and_code
from models.check_in.arrival import KioskCodeScan
from models.kiosks.errors import QrInvalid
from models.kiosks.repository import KioskRepository
from models.library.entities import KioskId

DIGITS: Final = 8
_ACCEPTED_BACK: Final = 1
_RECOGNISED_STEPS: Final = 20
"""Steps for which an old code counts as no guess."""
_OLDEST: Final = timedelta(days=1)
"""So long an old code is told from a wrong one (qr_expired, not qr_invalid)."""
_STEPS_AT_ONCE: Final = 100
"""Other requests go on between them."""


@dataclass(frozen=True, slots=True)
class KioskCode:
    """What a kiosk shows until ``expires_at``."""

    payload: str
    expires_at: datetime


class KioskCodeService:
    def __init__(self, kiosks: KioskRepository, public_base_url: str) -> None:
        self._kiosks = kiosks
        self._base = public_base_url.rstrip("/")

    async def current(self, kiosk_id: KioskId, step_seconds: int, now: datetime) -> KioskCode:
        """The code of this moment. Raises: QrInvalid for a kiosk without a secret."""
        secret = await self._kiosks.kiosk_secret(kiosk_id)
        if secret is None:
            raise QrInvalid()
        step = int(now.timestamp()) // step_seconds
        return KioskCode(
            payload=f"{self._base}/k/{kiosk_id}?c={_digits(secret, step, step_seconds)}",
            expires_at=datetime.fromtimestamp((step + 1) * step_seconds, UTC),
        )

    async def verified(self, text: str, step_seconds: int, now: datetime) -> KioskCodeScan:
        """Which kiosk showed this, and when. Raises: QrInvalid."""
        kiosk_id, digits, secret = await self._read(text)
        current = int(now.timestamp()) // step_seconds
        for back in range(_RECOGNISED_STEPS + 1):
            if hmac.compare_digest(_digits(secret, current - back, step_seconds), digits):
                return KioskCodeScan(kiosk_id, current - back, back <= _ACCEPTED_BACK)
        raise QrInvalid()

    async def was_shown(self, text: str, step_seconds: int, now: datetime) -> bool:
        """Whether a kiosk has shown this in the last day, a photo of it, say: that takes thousands
        of times as long as ``verified``."""
        try:
            _, digits, secret = await self._read(text)
        except QrInvalid:
            return False
        codes = pyotp.TOTP(secret, digits=DIGITS, interval=step_seconds)
        current = int(now.timestamp()) // step_seconds
        oldest = current - int(_OLDEST.total_seconds()) // step_seconds
        for first in range(current, oldest, -_STEPS_AT_ONCE):
            last = max(first - _STEPS_AT_ONCE, oldest)
            shown = (codes.generate_otp(step) for step in range(first, last, -1))
            if any(hmac.compare_digest(code, digits) for code in shown):
                return True
            await asyncio.sleep(0)
        return False

    async def _read(self, text: str) -> tuple[KioskId, str, str]:
        """The kiosk that the text names, the code, and the kiosk's secret. Raises: QrInvalid."""
        kiosk_id, digits = id_and_code(text, f"{self._base}/k/")
        secret = await self._kiosks.kiosk_secret(kiosk_id) if len(digits) == DIGITS else None
        if secret is None:
            raise QrInvalid()
        return KioskId(kiosk_id), digits, secret


def _digits(secret: str, step: int, step_seconds: int) -> str:
    return pyotp.TOTP(secret, digits=DIGITS, interval=step_seconds).at(step * step_seconds)
