"""Labels of seats: a fixed code for each, which shows that somebody has stood before the seat once.

The code is a keyed hash of the seat's id, so nothing is kept. It is weak: who has photographed it
can use it from anywhere, for a booking of that seat.
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
"""128 bits cannot be guessed; more would make a finer picture."""


class SeatLabels:
    def __init__(self, cipher: FieldCipher, public_base_url: str) -> None:
        self._cipher = cipher
        self.prefix = f"{public_base_url.rstrip('/')}/s/"

    def link(self, seat_id: SeatId) -> str:
        """What the seat's label says."""
        return f"{self.prefix}{seat_id}?c={self._codes(seat_id)[0]}"

    def verified(self, text: str) -> SeatLabelScan:
        """Whose label it is. Raises: QrInvalid."""
        seat_id, code = id_and_code(text, self.prefix)
        if not any([hmac.compare_digest(known, code) for known in self._codes(seat_id)]):
            raise QrInvalid()
        return SeatLabelScan(SeatId(seat_id))

    def _codes(self, seat_id: str) -> list[str]:
        """The code under each data key, the current one first: labels outlive a key's rotation."""
        hashes = self._cipher.hashes(seat_id, "seat label")
        return [hash.partition(":")[2][:_HEX_DIGITS] for hash in hashes]
