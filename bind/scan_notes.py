"""Scan notes: encrypted records of a scanned kiosk code or seat label.

Signing in takes longer than a kiosk code lives, so the browser or phone keeps a note instead. A
note is valid for one holder: a session that is signed in, for ``SIGNED_IN_FOR``; or a sign-in that
begins within ``BEGIN_WITHIN``, and then its session, until ``SIGN_IN_FOR`` after the scan. A WeChat
session without a bound reader holds its note for ``SIGN_IN_FOR``. The time of the scan is when this
service received it; a phone could claim any time. A note has an id, so that the first reader who
checks in with it uses it up.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from models.check_in.arrival import KioskCodeScan, PresenceScan, SeatLabelScan
from models.check_in.errors import QrExpired
from models.library.entities import KioskId, SeatId
from models.storage.encryption import DecryptionError, FieldCipher

SIGNED_IN_FOR: Final = timedelta(seconds=90)
BEGIN_WITHIN: Final = timedelta(seconds=60)
SIGN_IN_FOR: Final = timedelta(minutes=5)
_NO_HOLDER: Final = ""


@dataclass(frozen=True, slots=True)
class _Note:
    """``holder``: ``session:…``, ``state:…``, or ``_NO_HOLDER``. Times are Unix seconds.
    ``seat_id``: the seat whose label was scanned; empty for a kiosk code."""

    id: str
    kiosk_id: str
    time_step: int
    scanned_at: float
    holder: str
    until: float
    seat_id: str = ""


class ScanNotes:
    def __init__(self, cipher: FieldCipher) -> None:
        self._cipher = cipher

    def issue(
        self, scan: PresenceScan, session_id: str | None, now: datetime, *, bound: bool = True
    ) -> str:
        """Returns a note of the scan, held by the session, or by no one if ``session_id`` is None.
        ``bound``: whether the session belongs to a reader."""
        in_session = SIGNED_IN_FOR if bound else SIGN_IN_FOR
        lasts = BEGIN_WITHIN if session_id is None else in_session
        if isinstance(scan, SeatLabelScan):
            kiosk_id, time_step, seat_id = "", 0, str(scan.seat_id)
        else:
            kiosk_id, time_step, seat_id = str(scan.kiosk_id), scan.code_step, ""
        return self._sealed(
            _Note(
                secrets.token_hex(8),
                kiosk_id,
                time_step,
                now.timestamp(),
                _NO_HOLDER if session_id is None else f"session:{session_id}",
                (now + lasts).timestamp(),
                seat_id,
            )
        )

    def begin_sign_in(self, text: str, state: str, now: datetime) -> str | None:
        """Hands a note without holder to the sign-in with this state; None for any other note."""
        note = self._opened(text, _NO_HOLDER, now)
        return self._passed_on(note, f"state:{state}") if note is not None else None

    def finish_sign_in(self, text: str, state: str, session_id: str, now: datetime) -> str | None:
        """Hands the note of this sign-in to its new session; None for any other note."""
        note = self._opened(text, f"state:{state}", now)
        return self._passed_on(note, f"session:{session_id}") if note is not None else None

    def hand_over(self, text: str, session_id: str, now: datetime) -> str | None:
        """Hands a note without holder to a new session; None for any other note."""
        note = self._opened(text, _NO_HOLDER, now)
        return self._passed_on(note, f"session:{session_id}") if note is not None else None

    def scan_of(self, text: str, session_id: str, now: datetime) -> PresenceScan:
        """The scan in this session's note. Raises: QrExpired for any other or expired note."""
        note = self._opened(text, f"session:{session_id}", now)
        if note is None:
            raise QrExpired()
        if note.seat_id:
            return SeatLabelScan(SeatId(note.seat_id))
        return KioskCodeScan(KioskId(note.kiosk_id), note.time_step, True, note_id=note.id)

    def _passed_on(self, note: _Note, holder: str) -> str:
        until = note.scanned_at + SIGN_IN_FOR.total_seconds()
        return self._sealed(replace(note, holder=holder, until=until))

    def _sealed(self, note: _Note) -> str:
        return self._cipher.encrypt(json.dumps(asdict(note)), "scan note")

    def _opened(self, text: str, holder: str, now: datetime) -> _Note | None:
        """The note if it belongs to the holder and has not expired."""
        try:
            note = _Note(**json.loads(self._cipher.decrypt(text, "scan note")))
        except (DecryptionError, ValueError):
            return None
        return note if note.holder == holder and now.timestamp() <= note.until else None
