"""Indexes of the reservations. The unique index over ``claims`` decides every race."""

from __future__ import annotations

from typing import Final

from pymongo import ASCENDING, DESCENDING, IndexModel

from models.readers.personal_data_repository import A_ROOM_BOOKING
from models.reservation_store.room_block_repository import A_BLOCK
from models.text_checks.repository import check_index

INDEXES: Final[dict[str, list[IndexModel]]] = {
    "reservations": [
        # Partial, or two empty arrays would collide; queries on claims then need $type too.
        IndexModel(
            [("claims", ASCENDING)],
            name="claims",
            unique=True,
            partialFilterExpression={"claims": {"$type": "string"}},
        ),
        IndexModel(
            # For pruning claims: contains the ended reservations of hardly two days.
            [("day", ASCENDING)],
            name="ended_with_claims",
            partialFilterExpression={"claims": {"$type": "string"}, "live": False},
        ),
        IndexModel(
            # A reader's list in its order. With the state in it, reservations of one state are
            # found and counted without reading the others.
            [
                ("reader", ASCENDING),
                ("start", DESCENDING),
                ("created_at", DESCENDING),
                ("state", ASCENDING),
            ],
            name="reader_list",
        ),
        IndexModel(
            # ``live`` is repeated as a key: the planner does not derive it from the partial filter,
            # and a query is covered only with it.
            [
                (name, ASCENDING)
                for name in (
                    "day",
                    "state",
                    "seat",
                    "start",
                    "end",
                    "available_from",
                    "reader",
                    "rev",
                    "_id",
                    "live",
                )
            ],
            name="occupancy",
            partialFilterExpression={"live": True},
        ),
        IndexModel(
            # The past occupants of a seat. Written only at the end of a reservation, so bookings do
            # not pay for it.
            [("seat", ASCENDING), ("start", ASCENDING)],
            name="ended_on_seat",
            partialFilterExpression={"live": False},
        ),
        IndexModel(
            # All deadlines by the first of each reservation: one entry to write, and one question
            # that says whether any job has work. By the state a job skips what others have due.
            [("due_at", ASCENDING), ("state", ASCENDING)],
            name="due",
            partialFilterExpression={"due_at": {"$type": "date"}},
        ),
        IndexModel(
            [("tombstone", ASCENDING)],
            name="tombstones",
            partialFilterExpression={"tombstone": True},
        ),
        IndexModel(
            [("asker", ASCENDING), ("day", ASCENDING)],
            name="parties",
            partialFilterExpression={"asker": {"$type": "string"}},
        ),
        IndexModel(
            # By the state the server knows without further fields that a seat's booking has none.
            [("people", ASCENDING), ("start", ASCENDING)],
            name="people_in_rooms",
            partialFilterExpression=dict(A_ROOM_BOOKING),
        ),
        check_index(),
        IndexModel(
            [("day", ASCENDING), ("room", ASCENDING)],
            name="blocks_of_rooms",
            partialFilterExpression=dict(A_BLOCK),
        ),
        IndexModel(
            [("patrol_at", ASCENDING)],
            name="patrol",
            partialFilterExpression={"patrol_at": {"$type": "date"}},
        ),
        IndexModel(
            [("report.at", ASCENDING)],
            name="desk_reports",
            partialFilterExpression={"report.desk": True},
        ),
        IndexModel(
            [("outbox.at", ASCENDING)],
            name="outbox",
            partialFilterExpression={"outbox.at": {"$type": "date"}},
        ),
    ]
}
