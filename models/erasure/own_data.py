from __future__ import annotations

from datetime import datetime

from models.booking.service import ReservationService
from models.erasure.errors import ErasureNotNow, ErasureObstacle
from models.erasure.service import ErasureService
from models.kernel.ids import ReaderId
from models.readers.entities import Reader
from models.readers.personal_data_repository import export
from models.reference_data import ReferenceData
from models.rooms.service import RoomService
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database, Document
from models.violations.service import ViolationService


class OwnData:
    """Exports a reader's data, and erases it unless erasure would evade a library rule."""

    def __init__(
        self,
        db: Database,
        cipher: FieldCipher,
        erasure: ErasureService,
        reservations: ReservationService,
        rooms: RoomService,
        violations: ViolationService,
        reference: ReferenceData,
    ) -> None:
        self._db, self._cipher, self._erasure = db, cipher, erasure
        self._reservations, self._rooms = reservations, rooms
        self._violations = violations
        self._reference = reference

    async def export(self, reader_id: ReaderId) -> dict[str, list[Document]]:
        """All data of the reader, decrypted, by collection."""
        return await export(self._db, self._cipher, reader_id)

    async def obstacle(
        self, reader: Reader, works_here: bool, now: datetime
    ) -> ErasureObstacle | None:
        """The obstacle to erasing the reader now, if any. ``works_here``: the reader is staff."""
        if works_here:
            return ErasureObstacle.STAFF
        if reader.suspended_until is not None and now < reader.suspended_until:
            return ErasureObstacle.SUSPENDED
        if (await self._violations.violation_count(reader.id, now)).count:
            return ErasureObstacle.VIOLATIONS
        live = await self._reservations.live_now(reader.id, now)
        live_rooms = [b for b in await self._rooms.of(reader.id, now) if b.live]
        today = self._reference.zone.day(now)
        if live or live_rooms or await self._reservations.on_day(reader.id, today):
            return ErasureObstacle.BOOKINGS
        return None

    async def erase(self, reader: Reader, works_here: bool, now: datetime) -> None:
        """Erases the reader. ``works_here``: the reader is staff. Raises: ErasureNotNow if there
        is an obstacle; Busy if the reader makes a booking meanwhile."""
        if (obstacle := await self.obstacle(reader, works_here, now)) is not None:
            raise ErasureNotNow(obstacle)
        await self._erasure.erase(reader, now)
