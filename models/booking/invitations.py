"""Invitations: words for links, by which whoever has one takes part in a booking."""

from __future__ import annotations

from hmac import compare_digest
from typing import Final

from models.kernel.errors import NotFound
from models.storage.encryption import FieldCipher

_SECRET_HEX: Final = 32


class Invitations:
    """`purpose`: what the invitations are to."""

    def __init__(self, cipher: FieldCipher, purpose: str) -> None:
        self._cipher, self._purpose = cipher, purpose

    def invitation_to(self, id: str) -> str:
        """The booking's id, and 128 bits made from it with the service's key."""
        return id + self._secrets(id)[0]

    def booking_of(self, invitation: str) -> str:
        """The id of the booking to which the invitation belongs. Raises: NotFound."""
        id, secret = invitation[:-_SECRET_HEX], invitation[-_SECRET_HEX:].encode()
        if not any(compare_digest(own.encode(), secret) for own in self._secrets(id)):
            raise NotFound()
        return id

    def _secrets(self, id: str) -> list[str]:
        return [
            keyed.partition(":")[2][:_SECRET_HEX]
            for keyed in self._cipher.hashes(id, self._purpose)
        ]
