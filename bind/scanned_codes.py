"""Verifies scanned kiosk codes and labels, and scan notes of them. Limits wrong guesses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from bind.kiosk_codes import KioskCodeService
from bind.scan_notes import ScanNotes
from bind.seat_labels import SeatLabels
from models.check_in.arrival import KioskCodeScan, PresenceScan
from models.check_in.errors import QrExpired
from models.kernel.ids import ReaderId
from models.kiosks.errors import QrInvalid
from models.library.entities import KioskId
from models.storage.attempt_limiter import AttemptLimit, AttemptLimiter

_GUESSES: Final = 20
_GUESSES_OF_AN_ADDRESS: Final = 2000
"""Limit of wrong codes from one IP address in ten minutes. Right codes pass even beyond the
limit, so guessing can go on at the rate limit of an IP address (1,000 requests a second at each
worker). Two of a kiosk's 10⁸ codes are accepted at a time: finding one takes fourteen hours on
average, divided by the number of workers and of IP addresses."""
_WINDOW: Final = timedelta(minutes=10)
_TYPED: Final = 10
_TYPED_OF_AN_ADDRESS: Final = 100
"""Limits of wrong digits that are typed: of a reader in a day, of an address in an hour, right ones
included. docs/security.md has what guessing comes to."""
_NOTE: Final = "note:"
"""Prefix that marks a text of an API client as a scan note; no scanned link begins with it."""


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
        """A scan note for an API client, which sends the note with a later request in place of
        the scanned link. ``bound``: whether the session belongs to a reader."""
        return _NOTE + self._notes.issue(scan, session_id, now, bound=bound)

    def note_after_login(self, text: str, session_id: str, now: datetime) -> str | None:
        """Makes the new session the holder of the scan note ``text``. Returns the changed note;
        None if ``text`` is no valid note or already has a holder."""
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
        """Verifies the text that a client sends for a check-in. Returns the scan. ``text`` is the
        scanned link, or a scan note that this session holds (without a session no note is
        accepted).

        Wrong links are limited per reader: beyond ``_GUESSES`` in ten minutes right ones are
        refused too.

        Raises: QrInvalid; TooManyAttempts; QrExpired for an expired code or note, and for a note
        that the session does not hold.
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

    async def typed(
        self,
        kiosk_ids: Sequence[KioskId],
        digits: str,
        reader_id: ReaderId,
        network: str,
        step_seconds: int,
        now: datetime,
    ) -> KioskCodeScan:
        """Verifies the digits that a reader has read from one of these kiosks and typed. Wrong
        ones are limited per reader and per ``network``; beyond that right ones are refused too.
        Raises: QrInvalid, TooManyAttempts."""
        limits = [
            AttemptLimit(f"digits:{reader_id}", _TYPED, timedelta(days=1)),
            AttemptLimit(f"digits:address:{network}", _TYPED_OF_AN_ADDRESS, timedelta(hours=1)),
        ]
        await self._throttles.register(limits, now)
        scan = await self._kiosk_codes.typed(kiosk_ids, digits, step_seconds, now)
        await self._throttles.refund(limits)
        return scan

    async def verify_signed_out(
        self, text: str, address: str, step_seconds: int, now: datetime
    ) -> PresenceScan:
        """Verifies a link scanned without a session. Only wrong codes are limited by IP address,
        because a whole campus may share one. Raises: QrInvalid, QrExpired, TooManyAttempts."""
        try:
            return await self._verified(text, step_seconds, now)
        except QrInvalid:
            limit = AttemptLimit(f"qr:address:{address}", _GUESSES_OF_AN_ADDRESS, _WINDOW)
            await self._throttles.register([limit], now)
            await self._reject_if_old(text, step_seconds, now)
            raise

    async def _verified(self, text: str, step_seconds: int, now: datetime) -> PresenceScan:
        if text.startswith(self._labels.prefix):
            return self._labels.verified(text)
        return await self._kiosk_codes.verified(text, step_seconds, now)

    async def _reject_if_old(self, text: str, step_seconds: int, now: datetime) -> None:
        """Raises: QrExpired if ``text`` is a code that a kiosk has shown during the last day."""
        if await self._kiosk_codes.was_shown(text, step_seconds, now):
            raise QrExpired()
