"""Labels of seats and study rooms: a fixed code at each, a keyed hash of its id. Nothing is stored.

A label is weak evidence of presence: with a photo of it a reader can check in from anywhere, but
only for a booking of that seat or room. The links of both begin with ``/s/``, which libraries have
registered with WeChat.
"""

from __future__ import annotations

import hmac
from typing import Final

from bind.code_links import id_and_code
from models.check_in.arrival import RoomLabelScan, SeatLabelScan
from models.kiosks.errors import QrInvalid
from models.library.entities import SeatId
from models.library.rooms import RoomId
from models.storage.encryption import FieldCipher

_SEAT: Final = "seat label"
_ROOM: Final = "room label"
"""The purposes of the hashes: with equal ids a seat's label is none of the room."""
_HEX_DIGITS: Final = 32
"""Length of a label's code. 128 bits cannot be guessed; more would make a denser QR code."""


class SeatLabels:
    def __init__(self, cipher: FieldCipher, public_base_url: str) -> None:
        self._cipher = cipher
        self.prefix = f"{public_base_url.rstrip('/')}/s/"
        self._room_prefix = f"{self.prefix}room/"

    def link(self, seat_id: SeatId) -> str:
        """The URL in the QR code of the seat's label."""
        return f"{self.prefix}{seat_id}?c={self._codes(seat_id, _SEAT)[0]}"

    def room_link(self, room_id: RoomId) -> str:
        """The URL in the QR code of the room's label."""
        return f"{self._room_prefix}{room_id}?c={self._codes(room_id, _ROOM)[0]}"

    def verified(self, text: str) -> SeatLabelScan | RoomLabelScan:
        """The scan that the text of a genuine label stands for. Raises: QrInvalid for other
        texts."""
        if text.startswith(self._room_prefix):
            return RoomLabelScan(RoomId(self._verified_id(text, self._room_prefix, _ROOM)))
        return SeatLabelScan(SeatId(self._verified_id(text, self.prefix, _SEAT)))

    def _verified_id(self, text: str, prefix: str, purpose: str) -> str:
        id, code = id_and_code(text, prefix)
        if not any([hmac.compare_digest(right, code) for right in self._codes(id, purpose)]):
            raise QrInvalid()
        return id

    def _codes(self, id: str, purpose: str) -> list[str]:
        """The label codes of a seat or room, one for each data key, the current key's first. Codes
        of old keys stay valid because labels are printed once and outlive key rotations."""
        hashes = self._cipher.hashes(id, purpose)
        return [hash.partition(":")[2][:_HEX_DIGITS] for hash in hashes]
