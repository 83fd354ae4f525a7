"""候补: entries that can no longer be met end with a message."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from models.identity.roles import Role
from models.policy.entities import OpeningRule
from models.readers.entities import FOREVER, Visit
from models.readers.repository import ReaderRepository
from tests.api.affected_bookings import without
from tests.api.changes import rules, suspended, with_seat
from tests.api.console import staff
from tests.api.floor_plans import exported, seat_of, send
from tests.api.reader_pages import suspend
from tests.api.violations import missed
from tests.api.waitlist import ONE, TWO, full, held_seat, join, offers, wish
from tests.living import SEAT, Client, Living

ENDED = "候补已结束"


async def states(reader: Client) -> list[str]:
    """The states of the reader's entries, newest first."""
    return [entry["state"] for entry in (await reader.ok("GET", "/waitlist"))["items"]]


async def titles_of(reader: Client) -> list[str]:
    """Titles of the reader's messages, newest first."""
    return [m["title"] for m in (await reader.ok("GET", "/messages"))["items"]]


async def cancel(owner: Client, made: Any) -> None:
    await owner.ok("POST", f"/reservations/{made['id']}/cancel")


async def test_entries_for_removed_seats_end_with_a_message(service: Living) -> None:
    head, taken = await staff(service, Role.ADMINISTRATOR), await full(service)
    only, either, anything = [await service.reader() for _ in range(3)]
    await only.accept("MOVED")
    await join(service, only, seats=[ONE])
    await join(service, either, seats=[ONE, TWO])
    await join(service, anything)
    assert (await without(service, head, "010", bookings="cancel")).status == 303
    await service.settle()
    assert (await states(only), await titles_of(only)) == (["over"], [ENDED])
    text = (await only.ok("GET", "/messages"))["items"][0]["text"]
    assert "图书馆2层二层中厅" in text and "9月7日 14:00–16:00" in text
    (sent,) = await only.messages()
    assert sent["template"] == "MOVED"
    for waits in (either, anything):
        assert (await states(waits), await titles_of(waits)) == (["waiting"], [])
    await service.settle()
    assert await titles_of(only) == [ENDED], "told once"
    # The time is theirs again, for a line in which there is something to wait for.
    no = await only.refused("404 not_found", "POST", "/waitlist", wish(service, seats=[ONE]))
    assert no.status == 404
    await join(service, only)
    await cancel(*taken[19])
    assert [o["seat"]["id"] for o in await offers(either)] == [TWO]


async def test_disabling_a_seat_ends_the_entries_for_those_days(service: Living) -> None:
    desk, reader, late = await staff(service, Role.ADMINISTRATOR), *await two(service)
    await (await service.reader()).reserve(ONE, "14:00", "16:00")
    await (await service.reader()).reserve(ONE, "14:00", "16:00", service.tomorrow)
    await join(service, reader, seats=[ONE])
    await join(service, late, seats=[ONE], date=service.tomorrow)
    plan = await exported(desk)
    days = {"disabled_from": service.tomorrow, "disabled_until": service.tomorrow}
    seat_of(plan, "010").update(disabled="插座维修", **days)
    assert (await send(service, desk, plan, confirmed="yes", bookings="keep")).status == 303
    await service.settle()
    assert (await states(reader), await states(late)) == (["waiting"], ["over"])
    assert (await titles_of(reader), await titles_of(late)) == ([], [ENDED])
    body = wish(service, seats=[ONE], date=service.tomorrow)
    no = await late.refused("422 seat_disabled", "POST", "/waitlist", body)
    assert no.details["reason"] == "插座维修"


async def two(service: Living) -> list[Client]:
    return [await service.reader() for _ in range(2)]


@pytest.mark.whole
async def test_removing_all_seats_of_an_area_ends_its_waitlist(service: Living) -> None:
    head, taken = await staff(service, Role.ADMINISTRATOR), await full(service)
    held, waits = await two(service)
    await join(service, held)
    await join(service, waits)
    await cancel(*taken[9])
    assert len(await offers(held)) == 1
    plan = await exported(head)
    plan["seats"] = []
    done = await send(service, head, plan, confirmed="yes", bookings="cancel")
    assert done.status == 303
    await service.settle()
    assert (await states(held), await states(waits)) == (["over"], ["over"])
    assert await titles_of(waits) == [ENDED]
    assert await titles_of(held) == [ENDED, "保留的座位已不能使用", "候补到座位"]
    assert await offers(held) == []


async def test_a_librarians_suspension_ends_entries_within_it_and_passes_offers_on(
    service: Living,
) -> None:
    """An entry for a time after the suspension waits on, and ends under a suspension without an
    end."""
    desk, (owner, made) = await staff(service), await held_seat(service)
    held, waits = await two(service)
    await held_seat(service, "18:00", "20:00")
    await join(service, held, seats=[ONE])
    await join(service, held, seats=[ONE], start="18:00", end="20:00")
    await join(service, waits, seats=[ONE])
    await cancel(owner, made)
    assert len(await offers(held)) == 1
    assert (await suspend(service, desk, held, until=f"{service.today}T17:00")).status == 303
    await service.settle()
    assert await states(held) == ["waiting", "over"], "the evening is theirs"
    assert sorted(await titles_of(held)) == sorted([ENDED, "暂停预约", "候补到座位"])
    assert await offers(held) == [] and len(await offers(waits)) == 1
    assert (await suspend(service, desk, held, forever="1")).status == 303
    await service.settle()
    assert await states(held) == ["over", "over"]
    texts = [m["text"] for m in (await held.ok("GET", "/messages"))["items"]]
    assert sum("解除前不能候补" in text for text in texts) == 1, texts
    await held.refused("422 suspended", "POST", "/waitlist", wish(service))


@pytest.mark.whole
async def test_a_suspension_by_violations_ends_the_readers_entries(service: Living) -> None:
    reader = await missed(service, 2)
    await service.move(timedelta(hours=22, minutes=40))
    now = service.clock.now()
    reader.token = (await service.sessions.open_wx(reader.openid, None, now)).token
    await held_seat(service)
    await reader.reserve("3f-east-001", "09:00", "12:00")
    await join(service, reader, seats=[ONE])
    await service.move("09:31")
    await service.settle()
    assert await states(reader) == ["over"]
    assert (await titles_of(reader))[:2] in ([ENDED, "预约资格暂停"], ["预约资格暂停", ENDED])


@pytest.mark.whole
async def test_an_offer_that_expires_before_the_suspension_ends_is_withdrawn(
    service: Living,
) -> None:
    """The entry, for a time after the suspension, keeps its place."""
    one, other = await held_seat(service), await held_seat(service, seat=TWO)
    held, waits = await two(service)
    await join(service, held, seats=[ONE, TWO])
    await join(service, waits, seats=[ONE, TWO])
    await cancel(*one)
    until = service.clock.now() + timedelta(hours=2)
    readers = service.inside.stored.readers
    assert await readers.set_suspended_until(held.reader_id, None, until)
    await service.settle()
    assert (await states(held), await offers(held)) == (["waiting"], [])
    assert len(await offers(waits)) == 1
    assert (await titles_of(held))[0] == "保留的座位已不能使用"
    await cancel(*other)
    await service.settle()
    assert await offers(held) == [], "they could not accept it now"
    await service.move("10:05")
    assert len(await offers(held)) == 1


@pytest.mark.whole
async def test_readers_who_could_not_accept_are_skipped(
    service: Living, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the change that frees the seat, without a query for each waiting reader."""
    owner, made = await held_seat(service)
    barred = [await service.reader() for _ in range(8)]
    gone, last = await two(service)
    for reader in (*barred, gone, last):
        await join(service, reader, seats=[ONE])
    for reader in barred[1:]:
        await suspended(service, reader, True)
    set_end = service.inside.stored.readers.set_suspended_until
    assert await set_end(barred[0].reader_id, None, FOREVER)
    visit = Visit(date(2026, 9, 1), date(2026, 9, 6))
    assert await service.inside.stored.readers.set_visit(gone.reader_id, None, visit)
    counts: list[int] = []
    many = ReaderRepository.many

    async def counted(readers: ReaderRepository, ids: Any) -> Any:
        counts.append(len(ids))
        return await many(readers, ids)

    monkeypatch.setattr(ReaderRepository, "many", counted)
    await cancel(owner, made)
    assert counts == [10]
    assert len(await offers(last)) == 1
    for reader in (*barred, gone):
        assert await offers(reader) == []


@pytest.mark.whole
async def test_the_job_skips_suspended_readers(service: Living) -> None:
    """A seat freed at night is offered in the morning."""
    owner, made = await held_seat(service)
    barred, last = await two(service)
    await join(service, barred, seats=[ONE])
    await join(service, last, seats=[ONE])
    until = service.clock.now() + timedelta(hours=3)
    readers = service.inside.stored.readers
    assert await readers.set_suspended_until(barred.reader_id, None, until)
    await service.jump("06:50:00")  # when nobody is woken
    await cancel(owner, made)
    assert await offers(last) == []
    await service.jump("08:01:00")
    await service.settle()
    assert (await offers(barred), len(await offers(last))) == ([], 1)
    assert await titles_of(barred) == [], "not even for a moment"


@pytest.mark.whole
@pytest.mark.parametrize("change", ["disabled", "closed", "kept"])
async def test_an_offer_made_before_a_plan_or_policy_change_arrived_is_withdrawn(
    service: Living, change: str
) -> None:
    """The worker that made the offer did not know of the change yet."""
    owner, (held, waits) = await service.reader(), await two(service)
    made = await owner.reserve(SEAT)
    await (await service.reader()).reserve(ONE)
    await join(service, held, seats=[SEAT, ONE])
    await join(service, waits, seats=[SEAT, ONE])
    await cancel(owner, made)
    assert len(await offers(held)) == 1
    if change == "disabled":
        await with_seat(service, disabled="插座维修")
    elif change == "kept":
        await with_seat(service, accessible=True)
        await rules(service, accessible_only=True)
    else:
        today = date.fromisoformat(service.today)
        opening = service.inside.reference.policy.opening
        closed = OpeningRule(None, None, today, today, reason="电路检修")
        await rules(service, opening=(*opening, closed))
    await service.settle()
    for reader in (held, waits):
        assert (await states(reader), await offers(reader)) == (["waiting"], [])
    assert await titles_of(held) == ["保留的座位已不能使用", "候补到座位"]
    assert await titles_of(waits) == []
