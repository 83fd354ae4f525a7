"""Scan notes: encrypted records of a scanned kiosk code or label.

Signing in takes longer than a kiosk code is valid. The browser or phone therefore gets a scan note,
and later sends the note in place of the code.

Each note has at most one holder, which alone can use it. A note issued in a session is held by this
session, for ``SIGNED_IN_FOR`` (in a WeChat session without a bound reader for ``SIGN_IN_FOR``). A
note issued without a session has no holder yet. A sign-in that begins within ``BEGIN_WITHIN``
becomes the holder, and afterwards the session that it opens, both until ``SIGN_IN_FOR`` after the
scan.

The time of a scan is when this service received it, because a phone could claim any time. A note
has an id: the first reader who checks in with the note uses it up.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from models.check_in.arrival import KioskCodeScan, PresenceScan, RoomLabelScan, SeatLabelScan
from models.check_in.errors import QrExpired
from models.library.entities import KioskId, SeatId
from models.library.rooms import RoomId
from models.storage.encryption import DecryptionError, FieldCipher

SIGNED_IN_FOR: Final = timedelta(seconds=90)
BEGIN_WITHIN: Final = timedelta(seconds=60)
SIGN_IN_FOR: Final = timedelta(minutes=5)
_NO_HOLDER: Final = ""


@dataclass(frozen=True, slots=True)
class _Note:
    """A scan note. ``holder``: ``session:…``, ``state:…`` (a sign-in) or ``_NO_HOLDER``. Times
    are Unix seconds. ``seat_id``, ``room_id``: the scanned label's seat or room; both empty for a
    kiosk code."""

    id: str
    kiosk_id: str
    time_step: int
    scanned_at: float
    holder: str
    until: float
    seat_id: str = ""
    room_id: str = ""


class ScanNotes:
    def __init__(self, cipher: FieldCipher) -> None:
        self._cipher = cipher

    def issue(
        self, scan: PresenceScan, session_id: str | None, now: datetime, *, bound: bool = True
    ) -> str:
        """Returns a new note of the scan, held by the session. Without a ``session_id`` the note
        has no holder yet. ``bound``: whether the session belongs to a reader."""
        in_session = SIGNED_IN_FOR if bound else SIGN_IN_FOR
        lasts = BEGIN_WITHIN if session_id is None else in_session
        return self._sealed(
            _Note(
                secrets.token_hex(8),
                scan.kiosk_id if isinstance(scan, KioskCodeScan) else "",
                scan.code_step if isinstance(scan, KioskCodeScan) else 0,
                now.timestamp(),
                _NO_HOLDER if session_id is None else f"session:{session_id}",
                (now + lasts).timestamp(),
                scan.seat_id if isinstance(scan, SeatLabelScan) else "",
                scan.room_id if isinstance(scan, RoomLabelScan) else "",
            )
        )

    def begin_sign_in(self, text: str, state: str, now: datetime) -> str | None:
        """Makes the sign-in with this ``state`` the holder of the note ``text``. Returns the
        changed note; None if ``text`` is no valid note or already has a holder."""
        note = self._opened(text, _NO_HOLDER, now)
        return self._passed_on(note, f"state:{state}") if note is not None else None

    def finish_sign_in(self, text: str, state: str, session_id: str, now: datetime) -> str | None:
        """Makes a new session the holder of the note ``text``. Returns the changed note; None
        unless ``text`` is a valid note whose holder is the sign-in with this ``state``."""
        note = self._opened(text, f"state:{state}", now)
        return self._passed_on(note, f"session:{session_id}") if note is not None else None

    def hand_over(self, text: str, session_id: str, now: datetime) -> str | None:
        """Makes a new session the holder of the note ``text``. Returns the changed note; None if
        ``text`` is no valid note or already has a holder."""
        note = self._opened(text, _NO_HOLDER, now)
        return self._passed_on(note, f"session:{session_id}") if note is not None else None

    def scan_of(self, text: str, session_id: str, now: datetime) -> PresenceScan:
        """The scan recorded in a note that this session holds. Raises: QrExpired if the note is
        invalid or expired, or if the session does not hold it."""
        note = self._opened(text, f"session:{session_id}", now)
        if note is None:
            raise QrExpired()
        if note.seat_id:
            return SeatLabelScan(SeatId(note.seat_id))
        if note.room_id:
            return RoomLabelScan(RoomId(note.room_id))
        return KioskCodeScan(KioskId(note.kiosk_id), note.time_step, True, note_id=note.id)

    def _passed_on(self, note: _Note, holder: str) -> str:
        until = note.scanned_at + SIGN_IN_FOR.total_seconds()
        return self._sealed(replace(note, holder=holder, until=until))

    def _sealed(self, note: _Note) -> str:
        return self._cipher.encrypt(json.dumps(asdict(note)), "scan note")

    def _opened(self, text: str, holder: str, now: datetime) -> _Note | None:
        """Decrypts a note; None if it is forged, has expired or has another holder."""
        try:
            note = _Note(**json.loads(self._cipher.decrypt(text, "scan note")))
        except (DecryptionError, ValueError):
            return None
        return note if note.holder == holder and now.timestamp() <= note.until else None
