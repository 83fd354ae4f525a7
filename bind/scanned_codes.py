"""What readers scan, a kiosk's code or a seat's label, and how many wrong ones they may try. The
note of a scan stands for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from bind.kiosk_codes import KioskCodeService
from bind.scan_notes import ScanNotes
from bind.seat_labels import SeatLabels
from models.check_in.arrival import PresenceScan
from models.check_in.errors import QrExpired
from models.kernel.ids import ReaderId
from models.kiosks.errors import QrInvalid
from models.storage.attempt_limiter import AttemptLimit, AttemptLimiter

_GUESSES: Final = 20
_GUESSES_OF_AN_ADDRESS: Final = 2000
"""Wrong ones in ten minutes. Past them guessing goes on, since right ones pass, at the pace of any
address (1,000 a second at each worker): of a kiosk's 10⁸ codes two are accepted, so it takes
fourteen hours on average to find one, divided by the number of workers and of addresses."""
_WINDOW: Final = timedelta(minutes=10)
_NOTE: Final = "note:"
"""So begins what an API client holds of a scan; links begin otherwise."""


class ScannedCodes:
    def __init__(
        self,
        kiosk_codes: KioskCodeService,
        labels: SeatLabels,
        notes: ScanNotes,
        throttles: AttemptLimiter,
    ) -> None:
        self._kiosk_codes, self._labels = kiosk_codes, labels
        self._notes, self._throttles = notes, throttles

    def note_of(
        self, scan: PresenceScan, session_id: str | None, now: datetime, *, bound: bool
    ) -> str:
        """What ``brought`` takes in the place of the text that was scanned now."""
        return _NOTE + self._notes.issue(scan, session_id, now, bound=bound)

    def note_after_login(self, text: str, session_id: str, now: datetime) -> str | None:
        """Nobody's note as one of the session that was opened now; None where it is none."""
        sealed = text.removeprefix(_NOTE)
        handed_over = self._notes.hand_over(sealed, session_id, now) if sealed != text else None
        return None if handed_over is None else _NOTE + handed_over

    async def brought(
        self,
        text: str,
        session_id: str | None,
        reader_id: ReaderId,
        step_seconds: int,
        now: datetime,
    ) -> PresenceScan:
        """The reader's scan is returned, by its text or by the session's note of it; without a
        session by its text alone. After too many wrong ones, right ones are refused as well.

        Raises: QrInvalid; QrExpired, also for a note that is over or another's; TooManyAttempts.
        """
        if session_id is not None and text.startswith(_NOTE):
            return self._notes.scan_of(text.removeprefix(_NOTE), session_id, now)
        limits = [AttemptLimit(f"qr:{reader_id}", _GUESSES, _WINDOW)]
        await self._throttles.register(limits, now)
        try:
            scan = await self._verified(text, step_seconds, now)
        except QrInvalid:
            await self._reject_if_old(text, step_seconds, now)
            raise
        await self._throttles.refund(limits)
        return scan

    async def verify_signed_out(
        self, text: str, address: str, step_seconds: int, now: datetime
    ) -> PresenceScan:
        """The scan of somebody who has not signed in. A whole campus may stand behind the address,
        so a right code always passes, and only wrong ones are counted and refused.

        Raises: QrInvalid, QrExpired, TooManyAttempts.
        """
        try:
            return await self._verified(text, step_seconds, now)
        except QrInvalid:
            limit = AttemptLimit(f"qr:address:{address}", _GUESSES_OF_AN_ADDRESS, _WINDOW)
            await self._throttles.register([limit], now)
            await self._reject_if_old(text, step_seconds, now)
            raise

    async def _verified(self, text: str, step_seconds: int, now: datetime) -> PresenceScan:
        """The scan of a seat's label or a kiosk's code. Raises: QrInvalid."""
        if text.startswith(self._labels.prefix):
            return self._labels.verified(text)
        return await self._kiosk_codes.verified(text, step_seconds, now)

    async def _reject_if_old(self, text: str, step_seconds: int, now: datetime) -> None:
        """Raises: QrExpired."""
        if await self._kiosk_codes.was_shown(text, step_seconds, now):
            raise QrExpired()
