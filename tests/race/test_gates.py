"""Two workers hear of one reader's passages at once; a waiver meets a new suspension."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from models.gates.entities import Direction, GateEvent, GateId
from models.gates.event_repository import GateEventRepository
from models.gates.service import ingest
from models.readers.entities import Reader
from models.reservations.state_machine import ReservationState
from models.seat_reports.service import report_empty
from models.storage.attempt_limiter import AttemptLimiter
from models.storage.mongo import new_id
from models.violations import service as violations_service
from models.violations.entities import Violation, Waiver
from models.violations.errors import NothingToAppeal
from models.wechat.callback_log_repository import WeChatCallbackLog
from tests.race.stage import EIGHT, Stage, ask, clock, events, put_around, unguard

guarded = pytest.mark.parametrize("guard", [True, False], ids=["guarded", "control"])


def passage(reader: Reader, way: str, at: datetime) -> tuple[GateEvent, str]:
    id = f"main:{way}:{at:%H%M}"
    return GateEvent(id, GateId("main"), reader.id, Direction(way), "card", at, False), "21070001"


@guarded
async def test_passages_in_two_workers_are_all_heeded(stage: Stage, guard: bool) -> None:
    """One worker has worked out what it knows, and the other knows more before it is written."""
    reader = await stage.reader()
    r = await stage.reserved(reader)
    slow, fast, now = await stage.worker(), await stage.worker(), clock(10, 20)

    async def meanwhile() -> None:
        await ingest(fast, [passage(reader, "out", clock(10, 15))], now)

    if not guard:
        unguard(slow.reservations)
    put_around(slow.reservations, "find_one_and_update", before=meanwhile)
    await ingest(slow, [passage(reader, "in", clock(10, 5))], now)
    found = await stage.stored(r)
    if guard:
        assert found.state is ReservationState.AWAY and events(found) == [
            "reserve",
            "check_in",
            "leave",
        ]
    else:
        assert found.state is ReservationState.IN_USE, "the leave is lost"


class KeptAnew(GateEventRepository):
    """The control: a passage has an id of its own each time."""

    async def add(
        self, passages: Sequence[tuple[GateEvent, str]], now: datetime
    ) -> tuple[list[GateEvent], int]:
        return await super().add([(replace(p, id=new_id()), n) for p, n in passages], now)


@guarded
async def test_a_passage_is_kept_once(stage: Stage, guard: bool) -> None:
    reader = await stage.reader()
    batch = [passage(reader, "in", clock(9, 5))]
    slow, fast = await stage.worker(), await stage.worker()
    kind = GateEventRepository if guard else KeptAnew
    slow.passages, fast.passages = (kind(stage.db, stage.sealer) for _ in range(2))
    counts: list[tuple[int, int]] = []

    async def meanwhile() -> None:
        counts.append(await ingest(fast, batch, clock(9, 6)))

    put_around(slow.passages, "insert_many", before=meanwhile)
    counts.append(await ingest(slow, batch, clock(9, 6)))
    assert counts == ([(1, 0), (0, 1)] if guard else [(1, 0), (1, 0)])
    assert (await stage.desk.passages.page_of(reader.id, 0, 9))[1] == (1 if guard else 2)


async def _violation(stage: Stage, reader: Reader, days: int) -> Violation:
    """A violation of that day, judged as the relay judges."""
    r = await stage.missed(replace(reader, suspended_until=None), EIGHT + timedelta(days=days))
    await violations_service.record_violation(stage.desk, r, r.outbox[-1])
    found = await stage.desk.violations.get(f"{r.id}:no_show")
    assert found is not None
    return found


@guarded
async def test_a_waiver_does_not_end_a_new_suspension(stage: Stage, guard: bool) -> None:
    """The reader's last day is counted between the look at what stands and the release."""
    reader = await stage.reader()
    rows = [await _violation(stage, reader, days) for days in range(3)]
    suspended = await stage.desk.readers.get(reader.id)
    assert suspended is not None and suspended.suspended_until is not None
    slow = await stage.worker()

    async def meanwhile() -> None:
        await _violation(stage, reader, 3)

    if not guard:
        unguard(slow.readers)
    put_around(slow.readers, "update_one", before=meanwhile)
    await violations_service.waive(slow, rows[0].id, Waiver("desk", "x", EIGHT + timedelta(days=3)))
    now = await stage.desk.readers.get(reader.id)
    stands = await stage.desk.violations.suspended_until(reader.id)
    assert now is not None and stands is not None
    assert (now.suspended_until == stands) is guard


@guarded
async def test_a_reader_is_doubted_once(stage: Stage, guard: bool) -> None:
    """Two others say at once that nobody sits there."""
    sits, first, second = [await stage.reader() for _ in range(3)]
    r = await stage.in_use(sits)
    slow, fast = await stage.worker(), await stage.worker()
    throttles = AttemptLimiter(stage.db)
    asked: list[bool] = []

    async def meanwhile() -> None:
        asked.append(await report_empty(fast, throttles, ask(second, clock(10, 5)), r.seat_id))

    if not guard:
        await stage.drop("reservations", "claims")
        unguard(slow.reservations)
    put_around(slow.reservations, "find_one_and_update", before=meanwhile)
    asked.append(await report_empty(slow, throttles, ask(first, clock(10, 5)), r.seat_id))
    assert asked == ([True, False] if guard else [True, True])
    told = [n.event for n in (await stage.stored(r)).outbox].count("doubted")
    assert told == (1 if guard else 2)


@guarded
async def test_an_appeal_is_made_and_settled_once(stage: Stage, guard: bool) -> None:
    reader = await stage.reader()
    violation = await _violation(stage, reader, 0)
    slow, fast = await stage.worker(), await stage.worker()
    if not guard:
        unguard(slow.violations)

    async def meanwhile() -> None:
        await violations_service.appeal(fast, reader.id, violation.id, "the first", EIGHT)

    put_around(slow.violations, "find_one_and_update", before=meanwhile)
    work = violations_service.appeal(slow, reader.id, violation.id, "the second", EIGHT)
    if guard:
        with pytest.raises(NothingToAppeal):
            await work
    else:
        await work
    kept = await stage.desk.violations.get(violation.id)
    assert kept is not None and kept.appeal is not None
    assert kept.appeal.text == ("the first" if guard else "the second")


@guarded
async def test_a_push_counts_once(stage: Stage, guard: bool) -> None:
    """WeChat repeats what it got no answer to, to another worker."""
    pushes = [WeChatCallbackLog(stage.db) for _ in range(2)]
    names = ["mp:x", "mp:x" if guard else "mp:y"]  # the control: another name each time
    found = await asyncio.gather(*(p.first(n, EIGHT) for p, n in zip(pushes, names, strict=True)))
    assert sorted(found) == ([False, True] if guard else [True, True])
