"""Reminders of a study room: of its check-in, and of people who lack; each once."""

from __future__ import annotations

from typing import Any

import pytest

from models.library.entities import PresenceSource
from models.messages.entities import Template
from tests.api.presence_methods import choose
from tests.api.rooms import GROUP, SEMINAR, SMALL, book, confirm, with_room
from tests.api.seat_labels import room_label
from tests.living import Client, Living


async def texts(reader: Client, template: Template = Template.CHECK_IN_REMINDER) -> list[str]:
    """The reader's messages of that kind, the oldest first."""
    found = (await reader.ok("GET", "/messages"))["items"]
    return [m["text"] for m in reversed(found) if m["template"] == template.value]


async def settled(service: Living, to: str) -> None:
    await service.move(to)
    for _ in range(2):  # nothing is sent twice
        await service.settle()


async def test_all_people_are_reminded_of_the_check_in_until_one_has_checked_in(
    service: Living,
) -> None:
    await choose(service, PresenceSource.KIOSK, PresenceSource.SEAT_LABEL)
    booker, friend, gone = [await service.reader() for _ in range(3)]
    booking = await book(service, booker)
    await confirm(booking, friend, gone)
    await gone.ok("POST", f"/room-invitations/{booking['invitation']}/withdraw")
    await settled(service, "13:29")
    assert await texts(booker) == await texts(friend) == []
    await settled(service, "13:30")
    for reader in (booker, friend):
        (text,) = await texts(reader)
        assert "研修间201，9月7日 14:00–16:00：现在可以签到了" in text
        assert "14:30 前到选座机、查询机扫码或扫房间码" in text
        assert ("来不了请取消预约" in text) is (reader is booker)
    (message,) = [
        m for m in (await friend.ok("GET", "/messages"))["items"] if "可以签到" in m["text"]
    ]
    assert (message["room_booking_id"], message["reservation_id"]) == (booking["id"], None)
    await settled(service, "14:00")
    assert [len(await texts(reader)) for reader in (booker, friend)] == [2, 2]
    assert "还没有人签到" in (await texts(friend))[1]
    body = {"qr": room_label(service, SMALL)}
    await friend.ok("POST", f"/room-bookings/{booking['id']}/check-in", body)
    await settled(service, "15:55")
    assert [len(await texts(reader)) for reader in (booker, friend, gone)] == [2, 2, 0]


@pytest.mark.whole
async def test_what_was_checked_in_or_cancelled_is_not_reminded_of(service: Living) -> None:
    early, cancels, soon = [await service.reader() for _ in range(3)]
    comes = await book(service, early)
    leaves = await book(service, cancels, "r202")
    await cancels.ok("POST", f"/room-bookings/{leaves['id']}/cancel")
    await settled(service, "13:30")
    path = f"/room-bookings/{comes['id']}/check-in"
    await early.ok("POST", path, {"qr": await service.qr()})
    await service.move("13:50")
    await book(service, soon, "r203", start="14:00", end="16:00")
    await settled(service, "14:00")
    assert [len(await texts(reader)) for reader in (early, cancels, soon)] == [1, 0, 1]


@pytest.mark.whole
async def test_after_a_pause_only_the_latest_reminder_is_sent(service: Living) -> None:
    first, second = [await service.reader() for _ in range(2)]
    await book(service, first)
    await book(service, second, "r202", start="12:00", end="13:00")
    await service.jump("14:05")
    await service.settle()
    await service.settle()
    (text,) = await texts(first)
    assert "还没有人签到" in text
    assert await texts(second) == [], "its deadline has passed"


@pytest.mark.whole
async def test_the_booker_is_reminded_of_people_who_lack(service: Living) -> None:
    await with_room(service, GROUP, confirm_minutes=60)
    booker, friend, other = [await service.reader() for _ in range(3)]
    booking = await book(service, booker, GROUP)  # three people by 13:00
    request = await book(service, other, SEMINAR, start="16:00", end="17:00")  # four by 14:00
    await confirm(booking, friend)
    await settled(service, "12:00")
    (text,) = await lacking(booker)
    assert "研修间301，9月7日 14:00–16:00：已确认 2 人，至少要 3 人" in text
    assert "9月7日 13:00 前人不够" in text
    assert await lacking(friend) == []
    third = await service.reader()
    await confirm(booking, third)
    await settled(service, "13:00")
    (text,) = await lacking(other)
    assert "研讨室401" in text, "a request, too"
    # Whose part ends is missed at once: the deadline is still ahead.
    full = await book(service, booker, "r302", start="18:00", end="19:00")
    await confirm(full, friend, third)
    await settled(service, "16:30")
    assert len(await lacking(booker)) == 1
    await third.ok("POST", f"/room-invitations/{full['invitation']}/withdraw")
    await service.settle()
    assert "研修间302" in (await lacking(booker))[-1]
    assert request["state"] == "requested"


async def lacking(reader: Client) -> list[Any]:
    return [text for text in await texts(reader, Template.ANSWER) if "人不够" in text]


@pytest.mark.whole
async def test_a_reminder_goes_by_wechat_to_who_has_consented(service: Living) -> None:
    booker, silent = [await service.reader() for _ in range(2)]
    await booker.accept(Template.CHECK_IN_REMINDER)
    await book(service, booker)
    await book(service, silent, "r202")
    await settled(service, "13:30")
    (sent,) = await booker.messages()
    assert "图书馆2层研修间201" in str(sent) and "选座机或查询机" in str(sent)
    assert await silent.messages() == [] and len(await texts(silent)) == 1
