"""签到 by the six digits that a kiosk shows: one reader's use of a code, and limits of guesses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from models.code_sharing.service import CROWD_SIZE
from tests.api.browsing import Browser
from tests.api.console import librarian
from tests.api.seat_reports import one
from tests.api.wishes import annex_code, with_library_changed
from tests.living import Answer, Client, Living, living


async def digits_of(service: Living, kiosk: str = "2f-south") -> str:
    return (await service.qr(kiosk))[-6:]


async def typed(
    service: Living, reader: Client, made: Any, digits: str, **headers: str
) -> tuple[int, str]:
    """Types the digits on the page 签到. Returns the status and where to, or the refusal."""
    browser = Browser(await service.web_reader(reader))
    form = {"csrf": await browser.token(), "reservation": made["id"], "digits": digits}
    browser.cookie |= headers
    answer: Answer = await browser.post("/check-in", form, service.base)
    if answer.status == 303:
        return 303, answer.headers["Location"].rpartition("?")[2]
    _, _, rest = answer.body.partition('role="alert" id="refusal">')
    return answer.status, rest.partition("<")[0]


async def arriving(service: Living, seat: str = "2f-hall-065") -> tuple[Client, Any]:
    reader = await service.reader()
    return reader, await reader.reserve(seat, "now", "12:00")


def other_than(digits: str) -> str:
    return f"{(int(digits) + 1) % 10**6:06}"


async def test_a_screens_digits_check_in_and_return_and_are_good_for_each_reader_once(
    service: Living,
) -> None:
    await service.jump("08:10:00")
    (first, made), (second, theirs) = [await arriving(service, f"2f-hall-06{n}") for n in range(2)]
    digits = await digits_of(service)
    spaced = "".join(chr(ord(c) + 0xFEE0) for c in digits[:3]) + " " + digits[3:]
    for _ in range(2):  # the answer may be lost
        assert await typed(service, first, made, spaced) == (303, "done=check_in")
    await service.jump("08:10:20")  # the next step: these still hold
    assert await typed(service, second, theirs, digits) == (303, "done=check_in")
    path = f"/reservations/{made['id']}"
    await first.ok("POST", f"{path}/leave")
    assert await typed(service, first, made, digits) == (
        422,
        "这六位数字您已用过，请等屏幕上出现新的数字",
    )
    await first.refused("422 qr_used", "POST", f"{path}/return", {"qr": await qr_before(service)})
    assert await typed(service, first, made, await digits_of(service)) == (303, "done=return")
    assert (await one(first, made))["state"] == "in_use"


async def qr_before(service: Living) -> str:
    """The code of the step before, whose digits have been typed."""
    await service.jump("08:10:10")
    code = await service.qr()
    await service.jump("08:10:20")
    return code


async def test_wrong_digits_and_those_of_another_step_venue_or_reader_check_nobody_in(
    service: Living,
) -> None:
    await with_library_changed(service)
    await service.jump("08:10:00")
    reader, made = await arriving(service)
    digits, theirs = await digits_of(service), (await annex_code(service))["qr"][-6:]
    wrong = "数字不对。请输入座位所在场馆的屏幕上现在的六位数字"
    for text in (other_than(digits), digits[1:], "二维码", theirs):
        assert await typed(service, reader, made, text) == (422, wrong)
    await service.jump("08:10:40")
    expired = "这六位数字已更换，请输入屏幕上现在的数字"
    assert await typed(service, reader, made, digits) == (422, expired)
    stranger = await service.reader()
    assert (await typed(service, stranger, made, await digits_of(service)))[0] == 404
    assert (await one(reader, made))["state"] == "reserved"
    # Any screen of the venue will do, and what is too early is not used up.
    later = await stranger.reserve("2f-hall-066", "11:00", "12:00")
    status, words = await typed(service, stranger, later, await digits_of(service, "3f-north"))
    assert status == 422 and "起可以操作" in words
    assert await typed(service, reader, made, await digits_of(service, "3f-north")) == (
        303,
        "done=check_in",
    )


async def test_ten_wrong_digits_a_day_bar_a_readers_right_ones_and_not_their_scan(
    service: Living,
) -> None:
    reader, made = await arriving(service)
    wrong = other_than(await digits_of(service))
    for _ in range(9):
        assert (await typed(service, reader, made, wrong))[0] == 422
    # A right one does not count.
    assert (await typed(service, reader, made, await digits_of(service)))[0] == 303
    await reader.ok("POST", f"/reservations/{made['id']}/leave")
    assert (await typed(service, reader, made, wrong))[0] == 422
    await service.jump("08:09:00")
    status, words = await typed(service, reader, made, await digits_of(service))
    assert status == 429 and "请扫码签到，或到服务台办理" in words
    other, theirs = await arriving(service, "2f-hall-066")
    assert (await typed(service, other, theirs, await digits_of(service)))[0] == 303
    path = f"/reservations/{made['id']}"
    await reader.ok("POST", f"{path}/return", {"qr": await service.qr()})
    await reader.ok("POST", f"{path}/finish")
    await service.leap(timedelta(days=1))
    made = await reader.reserve("2f-hall-067", "now", "12:00")
    assert (await typed(service, reader, made, await digits_of(service)))[0] == 303


async def test_a_hundred_wrong_digits_an_hour_bar_the_digits_of_an_address(
    mongo_url: str, redis_url: str
) -> None:
    """A host of IPv6 has a whole network of addresses, which count as one."""
    seats = iter(range(60, 70))
    async with living(mongo_url, redis_url, TRUSTED_PROXIES="127.0.0.0/8") as service:

        async def arrives(address: str, right: bool) -> int:
            reader, made = await arriving(service, f"2f-hall-0{next(seats)}")
            digits = await digits_of(service)
            sent = digits if right else other_than(digits)
            return (await typed(service, reader, made, sent, **{"X-Forwarded-For": address}))[0]

        for first, near, far in (
            ("203.0.113.9", "203.0.113.9", "203.0.113.10"),
            ("2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1"),
        ):
            assert await arrives(first, right=False) == 422
            counted = {"_id": {"$regex": "^digits:address:"}, "n": 1}
            full = await service.db["attempt_limits"].update_one(counted, {"$set": {"n": 100}})
            assert full.matched_count
            assert await arrives(near, right=True) == 429
            assert await arrives(far, right=True) == 303
        await service.move(timedelta(hours=1))
        assert await arrives("203.0.113.9", right=True) == 303


async def test_digits_that_many_readers_typed_are_listed_as_code_sharing(service: Living) -> None:
    desk = await librarian(service)
    arrived = [await arriving(service, f"3f-east-{n + 1:03}") for n in range(CROWD_SIZE)]
    digits, qr = await digits_of(service), {"qr": await service.qr()}
    for n, (reader, made) in enumerate(arrived):
        if n % 2:
            assert (await typed(service, reader, made, digits))[0] == 303
        else:
            await reader.ok("POST", f"/reservations/{made['id']}/check-in", qr)
    await service.move(timedelta(minutes=2))
    listing = await desk.ok("GET", "/staff/code-sharing")
    assert listing["total"] == CROWD_SIZE
    assert {tuple(item["reasons"]) for item in listing["items"]} == {("crowd",)}
