"""The change stream: reported changes, omitted ones, and no unreported loss."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import cast

from miniapp_server.scheduler import end
from models.check_in import transitions
from models.kernel.ids import ReservationId
from models.policy.entities import Policy
from models.reservation_store.change_stream_repository import (
    ChangeBatch,
    ReservationChangeStream,
    row_of,
)
from models.reservation_store.repository import ReservationRepository
from models.reservations import transitions as reservations_transitions
from models.reservations.entities import Reservation
from models.reservations.occupancy_rows import RowRemoval, RowUpdate
from models.reservations.state_machine import ReservationState
from models.storage.mongo import Database, new_id
from tests.builders import BY_READER, PROOF, ZONE, on
from tests.store.changes import Heard, OldTokens, booking, following, kill_cursors, next_of


async def rests(changes: ReservationChangeStream) -> bool:
    """True if the stream pauses within some seconds."""
    for _ in range(1000):
        if changes.resting:
            return True
        await asyncio.sleep(0.01)
    return False


async def test_a_paused_stream_reports_all_changes_after_it_resumes(db: Database) -> None:
    mine, theirs = ReservationRepository(db), ReservationRepository(db)
    changes, heard = ReservationChangeStream(db, mine.writer), Heard()
    task = asyncio.create_task(heard.listen(changes))
    await heard.until(lambda: heard.anew == 1)
    unheard = 0
    for number in range(4):
        assert await rests(changes), "nobody looks"
        made = booking(number)
        await theirs.insert(made)
        unheard += not heard.knows(made.id, 1)  # unless it was just then that it was read
        await changes.wake()
        assert not changes.resting and heard.knows(made.id, 1)
    assert unheard > 0, "it is read as often as before"
    await end([task])


async def test_changes_of_other_writers_are_reported_once(db: Database) -> None:
    mine, theirs = ReservationRepository(db), ReservationRepository(db)
    async with following(ReservationChangeStream(db, mine.writer)) as heard:
        own, made = booking(0), booking(1)
        await mine.insert(own)  # known to who has written it
        await theirs.insert(made)
        await heard.until(lambda: heard.knows(made.id, 1))
        (document,) = await db["reservations"].find({"_id": made.id}).to_list(None)
        assert heard.changes == [("2026-09-07", row_of(made.id, document))]

        heard.changes.clear()
        stored = cast(Reservation, await theirs.get(made.id))
        await theirs.remove_outbox_events([stored])  # as the dispatcher does
        await theirs.release_claim(made.id, stored.claims[0])
        await db["reservations"].insert_one({"_id": new_id(), "tombstone": True})
        early = transitions.check_in(
            ZONE, made, PROOF, Policy(), BY_READER, on("08:45:30"), early=True
        )
        await theirs.replace(made, early)
        await mine.replace(own, reservations_transitions.cancel(own, BY_READER, on("08:10")))
        await heard.until(lambda: heard.knows(own.id, 2))
        assert heard.changes == [
            (
                None,
                RowUpdate(
                    made.id, 2, {"state": ReservationState.IN_USE, "available_from": on("08:45:30")}
                ),
            ),
            (None, RowUpdate(own.id, 2, {"state": ReservationState.CANCELLED})),
        ]
        row = row_of(made.id, document)
        (now,) = await db["reservations"].find({"_id": made.id}).to_list(None)
        patch = cast(RowUpdate, heard.changes[0][1])
        assert patch.on(row) == row_of(made.id, now) and patch.on(row).start == on("08:45")

        heard.changes.clear()
        await db["reservations"].delete_one({"_id": made.id})
        await heard.until(lambda: bool(heard.changes))
        assert heard.changes == [(None, RowRemoval(ReservationId(made.id)))]


async def test_an_idle_stream_reports_until_when_nothing_has_happened(db: Database) -> None:
    """It does so at each heartbeat."""
    async with following(ReservationChangeStream(db, "")) as heard:
        now = monotonic()
        await heard.until(lambda: heard.as_of is not None and heard.as_of > now)
        beats = heard.batches
        await heard.until(lambda: heard.batches >= beats + 3)
        assert not heard.changes and heard.as_of is not None and heard.as_of <= monotonic()


async def test_every_write_answered_before_as_of_has_been_reported(db: Database) -> None:
    """The occupancy's refusals rely on this. Other traffic and broken cursors change nothing; the
    stream resumes where it stopped."""
    them, answered = ReservationRepository(db), list[tuple[float, str, int]]()
    async with following(ReservationChangeStream(db, "")) as heard:
        reported = set[tuple[str, int]]()
        late = list[tuple[str, int]]()

        def check(batch: ChangeBatch) -> None:
            reported.update(
                (c.id, c.rev) for _, c in batch.changes if not isinstance(c, RowRemoval)
            )
            if batch.complete_until is not None:
                as_of = batch.complete_until
                late.extend(
                    (id, rev) for t, id, rev in answered if t < as_of and (id, rev) not in reported
                )

        heard.check = check

        async def write(first: int) -> None:
            for number in range(first, first + 50):
                r = booking(number)
                await them.insert(r)
                answered.append((monotonic(), r.id, 1))
                for _ in range(2):
                    changed = next_of(r)
                    changed = await them.replace(r, changed)
                    r = changed
                    answered.append((monotonic(), r.id, r.rev))

        async def other_traffic() -> None:
            for _ in range(40):
                await db["violations"].insert_many([{"n": n} for n in range(200)])

        async def break_it() -> None:
            for part in (100, 250, 400):
                await heard.until(lambda part=part: len(reported) >= part)  # type: ignore[misc]
                killed = await kill_cursors(db)
                while not killed:
                    killed = await kill_cursors(db)

        await asyncio.gather(*(write(50 * n) for n in range(4)), other_traffic(), break_it())
        await heard.until(lambda: len(reported) == 600)
        assert reported == {(id, rev) for _, id, rev in answered}
        assert not late and heard.anew == 1, "resumed, not begun anew"


async def test_lost_history_is_reported(db: Database) -> None:
    them, short = ReservationRepository(db), OldTokens(db)
    async with following(ReservationChangeStream(cast(Database, short), "")) as heard:
        await them.insert(first := booking(0))
        await heard.until(lambda: heard.knows(first.id, 1))
        short.armed = True
        while not await kill_cursors(db):
            pass
        await heard.until(lambda: heard.anew == 2)
        assert short.asked == 1
        await them.insert(second := booking(1))
        await heard.until(lambda: heard.knows(second.id, 1))
        await db["reservations"].drop()  # and the stream ends with it
        await heard.until(lambda: heard.anew == 3)
        await them.insert(third := booking(2))
        await heard.until(lambda: heard.knows(third.id, 1))
        assert heard.anew == 3


async def test_a_new_writer_name_begins_with_a_full_load(db: Database) -> None:
    """Inserts under the former name may not have been reported and must not be lost."""
    mine = ReservationRepository(db)
    changes, heard = ReservationChangeStream(db, mine.writer), Heard()
    task = asyncio.create_task(heard.listen(changes))
    await heard.until(lambda: heard.anew == 1)
    await mine.insert(booking(0))
    former, changes.writer = mine.writer, new_id()
    await heard.until(lambda: heard.anew == 2)
    await mine.insert(late := booking(1))  # by the former name
    mine.writer = changes.writer
    await mine.insert(left_out := booking(2))
    await heard.until(lambda: heard.knows(late.id, 1))
    beats = heard.batches
    await heard.until(lambda: heard.batches > beats + 1)
    assert not heard.knows(left_out.id, 1)
    assert heard.anew == 2 and former != mine.writer
    await end([task])
