from __future__ import annotations

from datetime import datetime

from models.kernel.errors import NotFound, Unauthenticated
from models.kiosks.entities import KeyHolder
from models.kiosks.repository import KioskRepository
from models.library.entities import Kiosk, KioskId
from models.readers.card_repository import CardRepository
from models.readers.entities import Reader
from models.readers.errors import CardUnknown
from models.readers.repository import ReaderRepository
from models.reference_data import ReferenceData


class KioskService:
    def __init__(
        self,
        kiosks: KioskRepository,
        cards: CardRepository,
        readers: ReaderRepository,
        reference: ReferenceData,
    ) -> None:
        self._kiosks, self._cards = kiosks, cards
        self._readers, self._reference = readers, reference

    async def authenticate(self, kiosk_id: str, key: str) -> Kiosk:
        """The kiosk with this id. Raises: NotFound; Unauthenticated if ``key`` is not its key."""
        kiosk = self._reference.catalog.kiosks.get(KioskId(kiosk_id))
        if kiosk is None:
            raise NotFound()
        if not key or not await self._kiosks.verify_kiosk_key(kiosk.id, key):
            raise Unauthenticated()
        return kiosk

    async def reader_of_card(self, card: str) -> Reader:
        """The reader with this library card. Raises: CardUnknown."""
        reader_id = await self._cards.reader_of(card)
        reader = await self._readers.get(reader_id) if reader_id is not None else None
        if reader is None:
            raise CardUnknown()
        return reader

    async def key_holders(self) -> dict[KioskId, KeyHolder]:
        """For each kiosk that has a key, the screen that holds it."""
        return await self._kiosks.key_holders()

    async def last_seen(self) -> dict[KioskId, datetime]:
        """The time of the last contact of each kiosk in use that has ever had one."""
        return await self._kiosks.kiosk_last_seen()
