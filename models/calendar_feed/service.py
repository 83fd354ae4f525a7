from __future__ import annotations

from datetime import date, datetime

from models.calendar_feed import rules
from models.calendar_feed.entities import CalendarFeed, RoomFeed
from models.calendar_feed.repository import CalendarFeedRepository
from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId
from models.library.rooms import RoomId
from models.reservation_store.queries import ReservationQueries
from models.reservation_store.room_repository import RoomBookingRepository
from models.reservations.entities import Reservation
from models.reservations.room_booking import RoomBooking
from models.storage.encryption import FieldCipher, token_hash


class CalendarFeeds:
    """Issues, revokes and reads calendar feeds. A feed's secret URL is shown once, at issue."""

    def __init__(
        self,
        feeds: CalendarFeedRepository,
        reservations: ReservationQueries,
        rooms: RoomBookingRepository,
        sealer: FieldCipher,
    ) -> None:
        """``sealer`` recognises this service's tokens; others are refused without a query."""
        self._feeds, self._sealer = feeds, sealer
        self._reservations, self._rooms = reservations, rooms

    async def of(self, reader_id: ReaderId) -> CalendarFeed | None:
        """The reader's feed; None if there is none. Raises: Unavailable."""
        return await self._feeds.of(reader_id)

    async def issue(self, reader_id: ReaderId, language: str, now: datetime) -> str:
        """Issues a feed for the reader and returns its token, which is shown once. The token of
        an earlier feed stops working. Raises: Unavailable."""
        token = self._sealer.new_token()
        await self._feeds.put(CalendarFeed(reader_id, now, language), token_hash(token))
        return token

    async def revoke(self, reader_id: ReaderId) -> None:
        """Deletes the reader's feed; its URL stops working. Raises: Unavailable."""
        await self._feeds.remove(reader_id)

    def id_of(self, token: str) -> str:
        """The id of a feed's token, found without a database query; the feed may have been
        revoked. Raises: NotFound if this service has not issued the token."""
        if not self._sealer.has_issued(token):
            raise NotFound()
        return token_hash(token)

    async def read(self, id: str) -> CalendarFeed | RoomFeed:
        """The feed whose token has this id (``id_of``). Raises: NotFound if the feed was revoked
        or its reader erased; Unavailable."""
        feed = await self._feeds.by_secret(id)
        if feed is None:
            raise NotFound()
        return feed

    async def bookings_of(
        self, reader_id: ReaderId, now: datetime
    ) -> list[Reservation | RoomBooking]:
        """The reader's bookings of seats, latest first, and of rooms, with those in which the
        reader takes part. Raises: Unavailable."""
        since = now - rules.KEPT_FOR
        seats = await self._reservations.recent_of(reader_id, since, rules.MOST_ENTRIES)
        rooms = await self._rooms.of(reader_id, since)
        return [*seats, *(b for b in rooms if rules.has_stay(b))]

    async def stays_in(self, room_id: RoomId, today: date) -> list[RoomBooking]:
        """The bookings that hold the room today or later, earliest first. Raises: Unavailable."""
        return await self._rooms.of_room(room_id, today)
