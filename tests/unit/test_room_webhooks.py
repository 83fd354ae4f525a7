"""The webhook of each entry of a room booking's history."""

from __future__ import annotations

from typing import Any

import pytest

from models.kernel.ids import ReaderId, ReservationId
from models.reservation_store.room_outbox import RoomEventRecord
from notify.webhooks.room_events import webhook_of
from tests.builders import on


class NoRooms:
    """Reference data of a worker that has yet to load the rooms."""

    rooms: Any = {}  # noqa: RUF012


@pytest.mark.parametrize(
    ("seq", "event", "by", "type", "word"),
    [
        (0, "request", "reader", "created", None),
        (0, "reserve", "reader", "created", None),
        (1, "approve", "librarian", "approved", None),
        (1, "change", "reader", "changed", "rebooked"),
        (1, "reserve", "reader", "changed", "rebooked"),
        (2, "check_in", "reader", "checked_in", None),
        (3, "extend", "reader", "changed", "end_moved"),
        (1, "decline", "system", "ended", "state"),
        (1, "cancel", "reader", "ended", "state"),
        (1, "cancel", "librarian", "ended", "cancelled_by_library"),
        (1, "release", "system", "ended", "state"),
        (3, "finish", "reader", "ended", "state"),
        (3, "complete", "system", "ended", "state"),
        (1, "miss", "system", "no_show", None),
        (1, "outage", "system", None, None),
    ],
)
def test_each_entry_has_its_webhook(
    seq: int, event: str, by: str, type: str | None, word: str | None
) -> None:
    facts = {"room_id": "r1", "state": "state", "start": on("14:00")}
    booking, booker = ReservationId("b"), ReaderId("a" * 24)
    record = RoomEventRecord(booking, booker, seq, event, by, on("08:00"), facts)
    reference: Any = NoRooms()
    webhook = webhook_of(reference, record)
    if type is None:
        assert webhook is None
        return
    assert webhook is not None and webhook.type == f"room_booking.{type}"
    assert (webhook.id, webhook.subject, webhook.seq) == (f"evt_b_{seq}", "b", seq)
    assert (webhook.facts["change"] or webhook.facts["how"]) == word
    assert "room" not in webhook.facts
