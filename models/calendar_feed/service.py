"""A reader's calendar feed: its secret address, and the bookings that stand in it."""

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
    """Keeps one address for each reader, who alone was told it, once."""

    def __init__(
        self,
        feeds: CalendarFeedRepository,
        reservations: ReservationQueries,
        sealer: FieldCipher,
    ) -> None:
        """``sealer`` marks tokens as issued here, so that others are refused without a look-up."""
        self._feeds, self._reservations, self._sealer = feeds, reservations, sealer

    async def of(self, reader_id: ReaderId) -> CalendarFeed | None:
        """The reader's feed; None where it is off. Raises: Unavailable."""
        return await self._feeds.of(reader_id)

    async def issue(self, reader_id: ReaderId, language: str, now: datetime) -> str:
        """A new token, which nobody can be shown again; the one before ends at once. Raises:
        Unavailable."""
        token = self._sealer.new_token()
        await self._feeds.put(CalendarFeed(reader_id, now, language), token_hash(token))
        return token

    async def revoke(self, reader_id: ReaderId) -> None:
        """No address leads to the reader's bookings any more. Raises: Unavailable."""
        await self._feeds.remove(reader_id)

    def id_of(self, token: str) -> str:
        """What stands for the token inside the service; it may be revoked, nothing is looked up.

        Raises: NotFound for a token that was never issued.
        """
        if not self._sealer.has_issued(token):
            raise NotFound()
        return token_hash(token)

    async def read(self, id: str, now: datetime) -> tuple[CalendarFeed, list[Reservation]]:
        """The feed of a token by its ``id_of``, with its bookings, the latest first.

        Raises: NotFound where the token was revoked or its reader erased; Unavailable.
        """
        feed = await self._feeds.by_secret(id)
        if feed is None:
            raise NotFound()
        since = now - rules.KEPT_FOR
        found = await self._reservations.recent_of(feed.reader_id, since, rules.MOST_ENTRIES)
        return feed, found
