"""The frequent queries of the service, with the indexes that MongoDB's profiler reports for
them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from models.check_in import transitions
from models.kernel.ids import ReservationId
from models.kernel.time_range import TimeRange
from models.library.rooms import RoomId
from models.messages.delivery_report_repository import ChannelDeliveries
from models.messages.entities import Channel, DeliveryResult, DeliveryState, Template
from models.pending_work import PendingWork
from models.reservations.claims import presence_claim, room_claims
from models.reservations.state_machine import ReservationState
from models.storage.encryption import token_hash
from models.storage.mongo import Document, new_id
from tests.builders import BY_READER, MONDAY, TOMORROW, ZONE, on
from tests.busy_day import EVENING, NEXT_YEARS, Store

LEASE: Final = timedelta(seconds=60)
Verb = Callable[[Store], Awaitable[object]]


def _of(name: str, *arguments: object, of: str = "reservations") -> Verb:
    """A frequent query on the reservations or another repository."""

    async def call(s: Store) -> object:
        return await getattr(getattr(s.stored, of), name)(*arguments)

    return call


async def _change(s: Store) -> None:
    gone = transitions.finish(s.mine, BY_READER, on("15:00"))
    await s.stored.reservations.replace(s.mine, gone, {"end": {"$lte": EVENING}})


def _queue(s: Store) -> ChannelDeliveries:
    return s.stored.channel_deliveries[Channel.WECHAT]


async def _claim_deliveries(s: Store) -> None:
    leased = await _queue(s).lease_next(s.readers[:40], EVENING, EVENING, LEASE)
    assert len(leased) == 40
    put_off = [DeliveryResult(d, DeliveryState.QUEUED, -1, EVENING) for d in leased[:20]]
    await _queue(s).save_results(
        [*put_off, *(DeliveryResult(d, DeliveryState.SENT, 0) for d in leased[20:30])]
    )
    await _queue(s).release(leased[30:])


async def _look_on(s: Store) -> None:
    _, place = await (queue := _queue(s)).readers_due(EVENING, None, 30)
    await queue.readers_due(EVENING, place, 30)


SPAN: Final = TimeRange(on("14:00"), on("15:30"))
EARLY_EVENING: Final = TimeRange(on("16:30"), on("17:30"))
ROOM_HOURS: Final = [c for n in (2, 22) for c in room_claims(ZONE, RoomId(f"r{n}"), EARLY_EVENING)]
# verb → what it sends: the plan's index (or IDHACK), and how many documents a found one may cost
HOT: Final[list[tuple[str, Verb, set[str]]]] = [
    ("occupancy_rows", _of("occupancy_rows", MONDAY), {"occupancy"}),
    ("due_for_no_show", _of("due_for_no_show", EVENING, 500), {"due"}),
    ("due_for_leave_expiry", _of("due_for_leave_expiry", EVENING, 500), {"due"}),
    ("due_for_completion", _of("due_for_completion", EVENING, 500), {"due"}),
    ("due_for_reminder", _of("due_for_reminder", EVENING, 500), {"due"}),
    ("due_for_carry_over", _of("due_for_carry_over", EVENING, 500), {"due"}),
    ("with_outbox_events", _of("with_outbox_events", 200), {"outbox"}),
    ("on_day", lambda s: s.stored.reservations.on_day(ZONE, s.readers[2], MONDAY), {"reader_list"}),
    ("on_seat", _of("on_seat", ZONE, "seat-003", MONDAY), {"occupancy", "ended_on_seat"}),
    ("rooms.due", _of("due", EVENING, 500, of="room_bookings"), {"due"}),
    ("rooms.taken", _of("taken", ROOM_HOURS, of="room_bookings"), {"claims"}),
    ("rooms.holder", _of("holder", ROOM_HOURS[0], of="room_bookings"), {"claims"}),
    ("rooms.requests", _of("requests", MONDAY, None, of="room_bookings"), {"occupancy"}),
    ("rooms.live_from", _of("live_from", MONDAY, of="room_bookings"), {"occupancy"}),
    (
        "rooms.of",
        lambda s: s.stored.room_bookings.of(s.readers[2], on("08:00")),
        {"people_in_rooms"},
    ),
    (
        "rooms.past_of",
        lambda s: s.stored.room_bookings.past_of(s.readers[2], 0, 20),
        {"people_in_rooms"},
    ),
    (
        "gate_events.of_day",
        lambda s: s.stored.gate_events.of_day(s.readers[2], on("00:00"), on("23:00")),
        {"reader_passages"},
    ),
    (
        "gate_events.seen",
        lambda s: s.stored.gate_events.passed_since(s.readers[:5], on("00:00")),
        {"reader_passages"},
    ),
    (
        "gate_events.left_open",
        lambda s: s.stored.gate_events.left_open(EVENING, 500),
        {"open"},
    ),
    (
        "gate_events.page_of",
        lambda s: s.stored.gate_events.page_of(s.readers[2], 0, 20),
        {"reader_passages"},
    ),
    (
        "violations.not_waived_between",
        lambda s: s.stored.violations.not_waived_between(on("14:00"), EVENING, 500),
        {"at"},
    ),
    ("text_checks.waiting", lambda s: s.stored.text_checks.waiting(EVENING, 9), {"unchecked"}),
    ("seasons.untold", _of("untold", 200, of="seasons"), {"news"}),
    ("pending_work", lambda s: PendingWork(s.db).kinds(EVENING), {"due"}),
    ("deadlines_within", _of("deadlines_within", SPAN), {"due"}),
    ("with_open_reports", _of("with_open_reports", on("14:00"), 0, 20), {"desk_reports"}),
    ("reported_occupied_seats", _of("reported_occupied_seats", on("14:00")), {"desk_reports"}),
    ("waitlist.ended_unnotified", lambda s: s.stored.waitlist.ended_unnotified(200), {"untold"}),
    ("waitlist.iterate_open", lambda s: s.stored.waitlist.iterate_open(None, 200), {"open"}),
    ("next_due", _of("next_due", on("13:00")), {"due"}),
    ("overdue", _of("overdue", EVENING), {"due"}),
    ("get", lambda s: s.stored.reservations.get(s.mine.id), {"_id_"}),
    ("replace", _change, {"_id_"}),
    (
        "find_by_claim",
        lambda s: s.stored.reservations.find_by_claim(presence_claim(s.readers[1])),
        {"claims"},
    ),
    (
        "live_of",
        lambda s: s.stored.reservations.live_of(s.readers[1], on("00:00")),
        {"reader_list"},
    ),
    (
        "used_daily_numbers",
        lambda s: s.stored.reservations.used_daily_numbers(ZONE, s.readers[1], MONDAY),
        {"reader_list"},
    ),
    ("page_of", lambda s: s.stored.reservations.page_of(s.readers[1], (), 0, 5), {"reader_list"}),
    (
        "page_of states",
        lambda s: s.stored.reservations.page_of(s.readers[1], (ReservationState.COMPLETED,), 0, 5),
        {"reader_list"},
    ),
    (
        "next_on_same_seat",
        lambda s: s.stored.reservations.next_on_same_seat(s.mine),
        {"reader_list"},
    ),
    (
        "drop_past_claims",
        _of("drop_past_claims", ZONE, TOMORROW, 500),
        {"ended_with_claims", "_id_"},
    ),
    ("drop_tombstones", _of("drop_tombstones", on("08:00", NEXT_YEARS)), {"tombstones"}),
    (
        "messages.page_of",
        lambda s: s.stored.messages.page_of(s.readers[0], True, 0, 9),
        {"reader_messages"},
    ),
    ("deliveries.readers_due", _look_on, {"open_due"}),
    ("deliveries.lease_next", _claim_deliveries, {"reader_open", "_id_"}),
    ("deliveries.expire", lambda s: _queue(s).expire(EVENING, EVENING, "away"), {"open_due"}),
    (
        "deliveries.failed_late",
        lambda s: _queue(s).failed_late(s.readers[0], Template.LEAVE, "1", 1003, ""),
        {"reader_open", "reader_deliveries"},
    ),
    ("deliveries.next_due", _of("next_due", on("13:00"), of="deliveries"), {"open_due"}),
    ("ids_before", _of("ids_before", on("08:00", NEXT_YEARS), 500, of="messages"), {"_id_"}),
    ("delete_ended", _of("delete_ended", ["a", "b"], of="deliveries"), {"_id_"}),
    (
        "deliveries.was_sent",
        lambda s: s.stored.deliveries.was_sent(s.readers[0], ReservationId("5" * 24), EVENING),
        {"reader_deliveries"},
    ),
    ("messages.mark_read", lambda s: s.stored.messages.mark_read(s.readers[0], ["x"]), {"_id_"}),
    (
        "sessions.find_principal",
        lambda s: s.stored.sessions.find_principal(token_hash(f"t{s.readers[0]}")),
        {"_id_"},
    ),
    (
        "sessions.find_principal wx",
        lambda s: s.stored.sessions.find_principal(token_hash("wx")),
        {"_id_", "openid_hashes"},
    ),
    (
        "consents.with_consent",
        lambda s: s.stored.consents.with_consent(
            [(s.readers[0], Template.LEAVE), (s.readers[1], Template.LEAVE)]
        ),
        {"_id_"},
    ),
    (
        "remove_outbox_events",
        lambda s: s.stored.reservations.remove_outbox_events([s.mine]),
        {"_id_"},
    ),
    (
        "sessions.close_by_ticket",
        lambda s: s.stored.sessions.close_by_ticket(f"ST-{s.readers[0]}", EVENING),
        {"_id_", "ticket"},
    ),
    ("prune", _of("prune", on("09:00"), on("09:00"), of="sessions"), {"expires_at", "at"}),
    (
        "readers.upsert_from_login",
        lambda s: s.stored.readers.upsert_from_login("1", "x", "y", EVENING),
        {"no_hashes"},
    ),
    ("bindings.reader_of", lambda s: s.stored.bindings.reader_of("o-x"), {"openid_hashes"}),
    ("bindings.openids_of", lambda s: s.stored.bindings.openids_of(s.readers[:9]), {"reader"}),
    (
        "codes.active_code",
        lambda s: s.stored.activation_codes.active_code(s.readers[0], EVENING),
        {"live_reader"},
    ),
    ("codes.redeem", lambda s: s.stored.activation_codes.redeem("1", EVENING), {"live_digits"}),
    (
        "codes.redeem_secret",
        lambda s: s.stored.activation_codes.redeem_secret("x" * 22, on("09:00")),
        {"live_secret"},
    ),
    (
        "codes.ask",
        lambda s: s.stored.activation_codes.ask("100001", "o-x", "s", "47", on("09:00")),
        {"live_digits"},
    ),
    ("review_codes.redeem", lambda s: s.stored.review_codes.redeem("x", EVENING), {"secret"}),
    (
        "review_codes.is_any_live",
        lambda s: s.stored.review_codes.is_any_live(EVENING),
        {"expires_at"},
    ),
    ("review_codes.revoke", lambda s: s.stored.review_codes.revoke(s.readers[0]), {"live_reader"}),
    ("review_codes.latest", lambda s: s.stored.review_codes.latest(s.readers[0]), {"latest"}),
    ("codes.request_of", lambda s: s.stored.activation_codes.request_of("o-x"), {"request_user"}),
    (
        "codes.answer",
        lambda s: s.stored.activation_codes.answer(s.readers[0], new_id(), True, on("09:00")),
        {"live_reader", "request_id"},
    ),
    ("consents.remaining", lambda s: s.stored.consents.remaining(s.readers[0]), {"reader"}),
    (
        "consents.consume",
        lambda s: s.stored.consents.consume([(r, Template.LEAVE) for r in s.readers]),
        {"_id_"},
    ),
    (
        "violations.counting_violations",
        lambda s: s.stored.violations.counting_violations(s.readers[0], on("00:00"), EVENING),
        {"reader_violations", "reader"},
    ),
    (
        "violations.page_of",
        lambda s: s.stored.violations.page_of(s.readers[0], 0, 9),
        {"reader_violations"},
    ),
]
KINDS: Final = {"pending_work": 11}
"""How many kinds of documents a query asks for, of each of which it reads one at most. On the first
day there are fewer kinds."""
RARE: Final = {"ids_before", "deliveries.expire", "due_for_completion", "due_for_reminder"}
"""The first reads messages that are on the way still, the last two what the jobs before them in the
round have due and left: hardly any. Here they are many. The second reads all that wait, every half
minute while nothing can be sent: an index of expiries would cost each message more."""


async def profiled(s: Store, verb: Verb) -> list[Document]:
    """The commands sent by the query, with their plans."""
    await s.db.command("profile", 0)
    await s.db["system.profile"].drop()
    await s.db.command("profile", 2)
    try:
        await verb(s)
    finally:
        await s.db.command("profile", 0)
    seen = await s.db["system.profile"].find({"planSummary": {"$exists": True}}).to_list(None)
    return [dict(row) for row in seen]
