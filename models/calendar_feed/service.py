from __future__ import annotations

from datetime import datetime

from models.calendar_feed import rules
from models.calendar_feed.entities import CalendarFeed
from models.calendar_feed.repository import CalendarFeedRepository
from models.kernel.errors import NotFound
from models.kernel.ids import ReaderId
from models.reservation_store.queries import ReservationQueries
from models.reservations.entities import Reservation
from models.storage.encryption import FieldCipher, token_hash


class CalendarFeeds:
    """Issues, revokes and reads calendar feeds. A feed's secret URL is shown once, at issue."""

    def __init__(
        self,
        feeds: CalendarFeedRepository,
        reservations: ReservationQueries,
        sealer: FieldCipher,
    ) -> None:
        """``sealer`` recognises this service's tokens; others are refused without a query."""
        self._feeds, self._reservations, self._sealer = feeds, reservations, sealer

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

    async def read(self, id: str, now: datetime) -> tuple[CalendarFeed, list[Reservation]]:
        """The feed whose token has this id (``id_of``), and the reader's bookings, latest first.
        Raises: NotFound if the feed was revoked or its reader erased; Unavailable."""
        feed = await self._feeds.by_secret(id)
        if feed is None:
            raise NotFound()
        since = now - rules.KEPT_FOR
        bookings = await self._reservations.recent_of(feed.reader_id, since, rules.MOST_ENTRIES)
        return feed, bookings
