"""Seat labels: a fixed code on each seat, a keyed hash of the seat's id. Nothing is stored.

A label is weak evidence of presence: with a photo of it a reader can check in from anywhere, but
only for a booking of that seat.
"""

from __future__ import annotations

import hmac
from typing import Final

from bind.code_links import id_and_code
from models.check_in.arrival import SeatLabelScan
from models.kiosks.errors import QrInvalid
from models.library.entities import SeatId
from models.storage.encryption import FieldCipher

_HEX_DIGITS: Final = 32
"""Length of a label's code. 128 bits cannot be guessed; more would make a denser QR code."""


class SeatLabels:
    def __init__(self, cipher: FieldCipher, public_base_url: str) -> None:
        self._cipher = cipher
        self.prefix = f"{public_base_url.rstrip('/')}/s/"

    def link(self, seat_id: SeatId) -> str:
        """The URL in the QR code of the seat's label."""
        return f"{self.prefix}{seat_id}?c={self._codes(seat_id)[0]}"

    def verified(self, text: str) -> SeatLabelScan:
        """The scan that the text of a genuine seat label stands for. Raises: QrInvalid for other
        texts."""
        seat_id, code = id_and_code(text, self.prefix)
        if not any([hmac.compare_digest(expected, code) for expected in self._codes(seat_id)]):
            raise QrInvalid()
        return SeatLabelScan(SeatId(seat_id))

    def _codes(self, seat_id: str) -> list[str]:
        """The label codes of a seat, one for each data key, the current key's first. Codes of
        old keys stay valid because labels are printed once and outlive key rotations."""
        hashes = self._cipher.hashes(seat_id, "seat label")
        return [hash.partition(":")[2][:_HEX_DIGITS] for hash in hashes]
