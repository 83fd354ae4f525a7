"""Kiosk codes, which prove that a reader stood in front of a kiosk a moment ago.

RFC 6238 with 8 digits and one secret per kiosk. The last 6 are the code of 6 digits of the same
step (RFC 4226, 5.3), for readers who type. The steps are compared one by one because
``valid_window`` of pyotp would also accept the next step.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping, Sequence
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
TYPED_DIGITS: Final = 6
_ACCEPTED_BACK: Final = 1
_RECOGNISED_STEPS: Final = 20
"""``verified`` recognises codes up to this many steps old; these do not count as wrong guesses."""
_OLDEST: Final = timedelta(days=1)
"""Codes up to this age are reported as expired (qr_expired), older ones as invalid (qr_invalid)."""
_STEPS_AT_ONCE: Final = 100
"""Number of codes that are compared before the event loop may serve other requests."""


@dataclass(frozen=True, slots=True)
class KioskCode:
    """The text of the QR code that a kiosk shows until ``expires_at``."""

    payload: str
    expires_at: datetime


class KioskCodeService:
    def __init__(self, kiosks: KioskRepository, public_base_url: str) -> None:
        self._kiosks = kiosks
        self._base = public_base_url.rstrip("/")

    async def current(self, kiosk_id: KioskId, step_seconds: int, now: datetime) -> KioskCode:
        """The code that the kiosk shows now. Raises: QrInvalid for a kiosk without a secret."""
        secret = await self._kiosks.kiosk_secret(kiosk_id)
        if secret is None:
            raise QrInvalid()
        step = int(now.timestamp()) // step_seconds
        return KioskCode(
            payload=f"{self._base}/k/{kiosk_id}?c={_digits(secret, step, step_seconds)}",
            expires_at=datetime.fromtimestamp((step + 1) * step_seconds, UTC),
        )

    async def verified(self, text: str, step_seconds: int, now: datetime) -> KioskCodeScan:
        """Verifies the link in a scanned QR code. Returns the code's kiosk and time step, and
        whether the code is recent enough for a check-in. Raises: QrInvalid."""
        kiosk_id, digits, secret = await self._read(text)
        return _scan_of({kiosk_id: secret}, digits, DIGITS, step_seconds, now)

    async def typed(
        self, kiosk_ids: Sequence[KioskId], digits: str, step_seconds: int, now: datetime
    ) -> KioskCodeScan:
        """Verifies the last ``TYPED_DIGITS`` digits of the code of one of these kiosks. Returns
        what ``verified`` returns. Raises: QrInvalid."""
        secrets = await self._kiosks.kiosk_secrets(kiosk_ids)
        return _scan_of(secrets, digits, TYPED_DIGITS, step_seconds, now)

    async def was_shown(self, text: str, step_seconds: int, now: datetime) -> bool:
        """True if a kiosk has shown this code during the last day: the code is expired, not
        invented. Slow, because it compares the code with all codes of the day."""
        try:
            _, digits, secret = await self._read(text)
        except QrInvalid:
            return False
        codes = pyotp.TOTP(secret, digits=DIGITS, interval=step_seconds)
        current = int(now.timestamp()) // step_seconds
        oldest = current - int(_OLDEST.total_seconds()) // step_seconds
        for first in range(current, oldest, -_STEPS_AT_ONCE):
            last = max(first - _STEPS_AT_ONCE, oldest)
            recent_codes = (codes.generate_otp(step) for step in range(first, last, -1))
            if any(hmac.compare_digest(code, digits) for code in recent_codes):
                return True
            await asyncio.sleep(0)
        return False

    async def _read(self, text: str) -> tuple[KioskId, str, str]:
        """Parses a kiosk code's link into kiosk id, digits and kiosk secret. Raises: QrInvalid."""
        kiosk_id, digits = id_and_code(text, f"{self._base}/k/")
        secret = await self._kiosks.kiosk_secret(kiosk_id) if len(digits) == DIGITS else None
        if secret is None:
            raise QrInvalid()
        return KioskId(kiosk_id), digits, secret


def _scan_of(
    secrets: Mapping[KioskId, str], digits: str, count: int, step_seconds: int, now: datetime
) -> KioskCodeScan:
    """The kiosk and the latest step whose code ends with these ``count`` digits.

    Raises: QrInvalid.
    """
    current = int(now.timestamp()) // step_seconds
    for back in range(_RECOGNISED_STEPS + 1):
        for kiosk_id, secret in secrets.items():
            code = _digits(secret, current - back, step_seconds)[-count:]
            if hmac.compare_digest(code.encode(), digits.encode()):
                return KioskCodeScan(kiosk_id, current - back, back <= _ACCEPTED_BACK)
    raise QrInvalid()


def _digits(secret: str, step: int, step_seconds: int) -> str:
    return pyotp.TOTP(secret, digits=DIGITS, interval=step_seconds).at(step * step_seconds)
