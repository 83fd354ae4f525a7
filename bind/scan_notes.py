"""Notes for browsers and phones that have brought a kiosk's code: signing in takes longer than a
code lives. A seat's label gets one, too.

A note is sealed, and good for one holder: the session of who had signed in, for ``SIGNED_IN_FOR``;
or else the sign-in that has to begin within ``BEGIN_WITHIN`` and ends within ``SIGN_IN_FOR`` of the
scan, and then the session that comes of it. A phone's session that is bound to nobody yet holds its
note for ``SIGN_IN_FOR``. The time of a scan is when this service was shown it: what a phone says
about that would let a code live on. A note names the scan of a code, so that it is used up by the
first reader who checks in with it.
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
_NOBODY: Final = ""


@dataclass(frozen=True, slots=True)
class _Note:
    """``holder``: ``session:…``, ``state:…``, or nobody yet. Times are in seconds since 1970. The
    label of ``seat_id`` was scanned where it names one, or else a kiosk's code."""

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
        """The note of what was scanned now, by who has signed in or by nobody known. ``bound``: the
        session is a reader's."""
        in_session = SIGNED_IN_FOR if bound else SIGN_IN_FOR
        lasts = BEGIN_WITHIN if session_id is None else in_session
        if isinstance(scan, SeatLabelScan):
            kiosk_id, time_step, seat_id = "", 0, str(scan.seat_id)
        else:
            kiosk_id, time_step, seat_id = str(scan.kiosk_id), scan.time_step, ""
        return self._sealed(
            _Note(
                secrets.token_hex(8),
                kiosk_id,
                time_step,
                now.timestamp(),
                _NOBODY if session_id is None else f"session:{session_id}",
                (now + lasts).timestamp(),
                seat_id,
            )
        )

    def begin_sign_in(self, text: str, state: str, now: datetime) -> str | None:
        """The note as a part of the sign-in with that state; None where it is not nobody's."""
        note = self._opened(text, _NOBODY, now)
        return self._passed_on(note, f"state:{state}") if note is not None else None

    def finish_sign_in(self, text: str, state: str, session_id: str, now: datetime) -> str | None:
        """The note of the session that the sign-in has led to; None where it was another's."""
        note = self._opened(text, f"state:{state}", now)
        return self._passed_on(note, f"session:{session_id}") if note is not None else None

    def hand_over(self, text: str, session_id: str, now: datetime) -> str | None:
        """Nobody's note as one of the session that was opened now; None where it is another's."""
        note = self._opened(text, _NOBODY, now)
        return self._passed_on(note, f"session:{session_id}") if note is not None else None

    def scan_of(self, text: str, session_id: str, now: datetime) -> PresenceScan:
        """What the session's note says was scanned. Raises: QrExpired for an old one, another's,
        or no note."""
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
        """The note, where it is that holder's and still good."""
        try:
            note = _Note(**json.loads(self._cipher.decrypt(text, "scan note")))
        except (DecryptionError, ValueError):
            return None
        return note if note.holder == holder and now.timestamp() <= note.until else None
