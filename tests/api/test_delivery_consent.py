"""Messages no longer sent, consent that ends with its binding, and one message for a suspension."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from models.kernel.errors import Unavailable
from models.kernel.ids import ReaderId
from tests.api.deliveries import MANY, dispatch, misbehave, tell, templates_of, warm_up, way_of
from tests.living import Living

pytestmark = pytest.mark.whole


async def test_no_reminder_is_sent_for_a_booking_that_needs_none_any_more(service: Living) -> None:
    reader = await service.reader()
    made = await reader.reserve()
    await service.move("13:59")
    start = datetime.fromisoformat(made["start"])
    assert await service.inside.deadlines.send_reminders(start) == 1
    await reader.ok("POST", f"/reservations/{made['id']}/check-in", {"qr": await service.qr()})
    await service.settle()
    assert "CHECK_IN_REMINDER" not in await templates_of(reader)
    detail = await service.inside.stored.reservations.get(made["id"])
    assert detail is not None and detail.outbox == ()


async def test_queued_messages_overtaken_by_later_events_are_not_sent(service: Living) -> None:
    """WeChat is unavailable for a while: a reader who has cancelled gets no "booked", one who has
    checked in no "check in"; completed events are still notified."""
    await warm_up(service)
    gone, came, left, stays = [await service.reader() for _ in range(4)]
    for reader in (gone, came, left, stays):
        await reader.accept("RESERVED", "CHECK_IN_REMINDER", "ENDED", "NO_SHOW")
    await misbehave(service, subscribe_send={"status": 503, "times": MANY})
    made = [
        await reader.reserve(f"2f-hall-00{n}", "09:00", "12:00")
        for n, reader in enumerate((gone, came, left, stays), start=1)
    ]
    await service.move("09:02")
    await gone.ok("POST", f"/reservations/{made[0]['id']}/cancel")
    for reader, r in ((came, made[1]), (left, made[2])):
        await reader.ok("POST", f"/reservations/{r['id']}/check-in", {"qr": await service.qr()})
    await service.move("09:05")
    await left.ok("POST", f"/reservations/{made[2]['id']}/finish")
    await service.move("09:10")
    assert await stays.messages() == []
    await misbehave(service)
    await service.move("09:20")
    arrived = [[m["template"] for m in await r.messages()] for r in (gone, came, left, stays)]
    assert arrived == [[], [], ["ENDED"], ["RESERVED", "CHECK_IN_REMINDER"]]
    ways = [await way_of(service, made[n], seq) for n, seq in ((0, 1), (1, 1), (1, 2), (2, 1))]
    assert {(way.state, way.reason) for way in ways} == {("expired", "overtaken")}
    assert (await templates_of(came))[:2] == ["RESERVED", "CHECK_IN_REMINDER"], (
        "in the app all the same"
    )


async def test_a_suspension_is_notified_once(service: Living) -> None:
    """The dispatcher breaks off repeatedly between writing the messages and removing the event."""
    reader = await service.reader()
    for day in range(3):
        made = await reader.reserve(start="10:00", end="12:00")
        if day < 2:
            await service.move("10:31")
            await service.move(timedelta(hours=21, minutes=29))
    deadline = datetime.fromisoformat(made["check_in_until"])
    await service.inside.stored.heartbeat.set(deadline)  # it was up until then
    assert await service.inside.deadlines.no_show(deadline) == 1

    async def breaks(_: ReaderId) -> None:
        raise Unavailable()

    recorder = service.inside.violation_recorder
    works, recorder._on_reader_changed = recorder._on_reader_changed, breaks
    for _ in range(2):
        with pytest.raises(Unavailable):
            await dispatch(service)
    recorder._on_reader_changed = works
    await tell(service)
    templates = await templates_of(reader)
    assert templates.count("SUSPENDED") == 1 and templates.count("NO_SHOW") == 3
    assert await service.db["suspensions"].count_documents({}) == 1
    assert (await reader.ok("GET", "/violations"))["total"] == 3
    texts = [m["text"] for m in (await reader.ok("GET", "/messages"))["items"]]
    assert sum("第 3/3 次" in text for text in texts) == 1
