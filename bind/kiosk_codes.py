"""Kiosk codes: proof that somebody stood in front of a kiosk a moment ago.

RFC 6238 with 8 digits and one secret a kiosk. ``valid_window`` of pyotp would accept the next step
as well, so the steps that count are compared one by one.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pyotp

from models.check_in.service import KioskCodeScan
from models.kernel.ids import ReaderId
from models.kiosks.errors import QrInvalid
from models.kiosks.repository import KioskRepository
from models.library.entities import KioskId
from models.storage.attempt_limiter import AttemptLimit, AttemptLimiter

DIGITS: Final = 8
_ACCEPTED_BACK: Final = 1
_RECOGNISED_STEPS: Final = 20
"""Steps for which an old code is still told from a wrong one (qr_expired, not qr_invalid)."""
_GUESSES: Final = 20
_GUESSES_OF_AN_ADDRESS: Final = 2000
"""Wrong ones in ten minutes. Past them guessing goes on, since right ones pass, at the pace of any
address (1,000 a second at each worker): of 10⁸ codes two are accepted, so it takes fourteen hours
on average to find one, divided by the number of workers and of addresses."""
_WINDOW: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class KioskCode:
    """What a kiosk shows until ``expires_at``."""

    payload: str
    expires_at: datetime


class KioskCodeService:
    def __init__(
        self,
        kiosks: KioskRepository,
        throttles: AttemptLimiter,
        public_base_url: str,
    ) -> None:
        self._kiosks = kiosks
        self._throttles = throttles
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

    async def verify(
        self, text: str, reader_id: ReaderId, step_seconds: int, now: datetime
    ) -> KioskCodeScan:
        """Which kiosk showed this, and when. After too many wrong ones of the reader's, right ones
        are refused as well. Raises: QrInvalid, TooManyAttempts.
        """
        limits = [AttemptLimit(f"qr:{reader_id}", _GUESSES, _WINDOW)]
        await self._throttles.register(limits, now)
        scan = await self._verified(text, step_seconds, now)
        await self._throttles.refund(limits)
        return scan

    async def verify_signed_out(
        self, text: str, address: str, step_seconds: int, now: datetime
    ) -> KioskCodeScan:
        """The same where nobody has signed in. A whole campus may stand behind the address, so a
        right code always passes, and only wrong ones are counted and refused.

        Raises: QrInvalid, TooManyAttempts.
        """
        try:
            return await self._verified(text, step_seconds, now)
        except QrInvalid:
            limit = AttemptLimit(f"qr:address:{address}", _GUESSES_OF_AN_ADDRESS, _WINDOW)
            await self._throttles.register([limit], now)
            raise

    async def _verified(self, text: str, step_seconds: int, now: datetime) -> KioskCodeScan:
        kiosk_id, digits = self._parse(text)
        secret = await self._kiosks.kiosk_secret(kiosk_id)
        if secret is None:
            raise QrInvalid()
        current = int(now.timestamp()) // step_seconds
        for back in range(_RECOGNISED_STEPS + 1):
            if hmac.compare_digest(_digits(secret, current - back, step_seconds), digits):
                return KioskCodeScan(KioskId(kiosk_id), current - back, back <= _ACCEPTED_BACK)
        raise QrInvalid()

    def _parse(self, text: str) -> tuple[str, str]:
        """The payload is a link of this service: ``<base>/k/<kiosk>?c=<8 digits>``."""
        prefix = f"{self._base}/k/"
        if not text.startswith(prefix) or len(text) > 256:
            raise QrInvalid()
        parts = urlsplit(text)
        codes = parse_qs(parts.query).get("c", [])
        if len(codes) != 1 or len(codes[0]) != DIGITS or not codes[0].isascii():
            raise QrInvalid()
        return text.removeprefix(prefix).partition("?")[0], codes[0]


def _digits(secret: str, step: int, step_seconds: int) -> str:
    return pyotp.TOTP(secret, digits=DIGITS, interval=step_seconds).at(step * step_seconds)
