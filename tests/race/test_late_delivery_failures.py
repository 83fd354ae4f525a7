"""Delivery failures that WeChat reports after it accepted the message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.kernel.ids import ReaderId
from models.messages.entities import DeliveryResult, DeliveryState, Message
from notify.wechat.channel import LEASE
from tests.deliveries import queue_of, state_of, tell
from tests.race.channel_messages import LI, MINUTE, REMINDER, message
from tests.race.stage import EIGHT, Stage, clock, put_around


@pytest.mark.parametrize("names", [True, False], ids=["with ids", "without ids"])
@pytest.mark.parametrize("when", ["before", "between", "after"])
async def test_a_late_delivery_failure_is_recorded_before_and_after_sent(
    stage: Stage, when: str, names: bool
) -> None:
    """Before our own "sent" is written, after it, or between the two lookups of the messages."""
    messages, other = (
        queue_of(stage.db, stage.cipher),
        queue_of(stage.db, stage.cipher),
    )
    failed, earlier, theirs = (
        message(reader, EIGHT + n * MINUTE, timedelta(hours=3))
        for n, reader in enumerate([LI, LI, ReaderId("6" * 24)])
    )
    failed, earlier = earlier, failed
    await tell(stage.db, stage.cipher, [failed, earlier, theirs])

    async def sent(*which: Message) -> None:
        for m in which:
            (d,) = await messages.lease_next([m.reader_id], clock(9), clock(9), LEASE)
            assert d.message.id == m.id
            held.append(
                DeliveryResult(d, DeliveryState.SENT, 0, msgid=f"w-{m.at:%M}" if names else None)
            )
        await messages.save_results(held[:-1])

    held: list[DeliveryResult] = []
    if names:
        await sent(earlier, theirs)
        await messages.save_results(held)
        held.clear()
    else:
        await sent(theirs, earlier)
        await messages.save_results(held)
        await messages.save_results([])
        await stage.db["deliveries"].update_one(
            {"message": earlier.id}, {"$set": {"msgid": "w-00"}}
        )
        held.clear()
    await sent(failed)

    async def settle() -> None:
        await messages.save_results(held)

    if when == "after":
        await settle()
    if when == "between":
        put_around(other, "update_many", behind=settle)
    assert await other.failed_late(LI, REMINDER, "w-01", 1003, "system failure")
    if when == "before":
        await settle()
    for m, state, codes in (
        (failed, "failed", [0, 1003]),
        (earlier, "sent", [0]),
        (theirs, "sent", [0]),
    ):
        row = await stage.db["deliveries"].find_one({"message": m.id})
        assert row is not None
        assert (row["state"], row["codes"], row["open"]) == (state, codes, False)
        assert row.get("words") == ("system failure" if state == "failed" else None)
    assert not await other.failed_late(LI, REMINDER, "w-77", 1003, "of somebody else")


@pytest.mark.parametrize(
    ("as_stored", "names", "failed"),
    [
        ({"$unset": {"msgid": "", "sent_at": ""}}, "", False),
        ({"$set": {"msgid": None, "sent_at": datetime(2026, 1, 1, tzinfo=UTC)}}, "", False),
        ({"$set": {"msgid": None}}, "", True),
        ({"$set": {"msgid": None}}, "being sent", False),
        ({"$set": {"msgid": "w-2"}}, "being sent", True),
    ],
    ids=["by the version before", "long ago", "lately", "another is sent now", "by its name"],
)
async def test_a_late_delivery_failure_marks_no_old_message(
    stage: Stage, as_stored: dict[str, Any], names: str, failed: bool
) -> None:
    messages = queue_of(stage.db, stage.cipher)
    old, new = (message(LI, EIGHT + n * MINUTE, timedelta(hours=3)) for n in range(2))
    await tell(stage.db, stage.cipher, [old, new])
    (d,) = await messages.lease_next([LI], clock(9), clock(9), LEASE)
    await messages.save_results([DeliveryResult(d, DeliveryState.SENT, 0)])
    await stage.db["deliveries"].update_one({"message": old.id}, as_stored)
    if names:
        await messages.lease_next([LI], clock(9), clock(9), LEASE)
    marked = await messages.failed_late(LI, REMINDER, "w-2", 1003, "system failure")
    assert marked == (failed or bool(names))
    assert await state_of(stage.db, old) is DeliveryState("failed" if failed else "sent")


async def test_without_the_mark_a_failure_that_comes_before_sent_is_lost(stage: Stage) -> None:
    """The control."""
    messages, other = (
        queue_of(stage.db, stage.cipher),
        queue_of(stage.db, stage.cipher),
    )
    sent = message(LI, EIGHT, timedelta(hours=3))
    await tell(stage.db, stage.cipher, [sent])
    (d,) = await messages.lease_next([LI], clock(9), clock(9), LEASE)
    await other.failed_late(LI, REMINDER, "w-1", 1003, "system failure")
    await stage.db["deliveries"].update_many({}, {"$unset": {"late": ""}})
    await messages.save_results([DeliveryResult(d, DeliveryState.SENT, 0, msgid="w-1")])
    assert await state_of(stage.db, sent) is DeliveryState.SENT
