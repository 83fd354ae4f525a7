"""扫座位码签到: a fixed code on each seat, where the venue accepts it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from models.code_sharing.service import CROWD_SIZE
from models.identity.roles import Role
from models.library.entities import PresenceSource
from models.reservations.presence import PresenceMethod
from tests.api.browsing import Browser
from tests.api.console import staff
from tests.api.presence_methods import choose, nothing_proves, proofs
from tests.api.seat_labels import label
from tests.api.seat_reports import one
from tests.living import SEAT, Living, living
from tests.waiting import patience

OTHER = "2f-hall-064"


async def with_labels(service: Living) -> None:
    await choose(service, PresenceSource.KIOSK, PresenceSource.SEAT_LABEL)


async def test_a_seat_label_is_refused_where_the_venue_does_not_accept_labels(
    service: Living,
) -> None:
    reader = await service.reader()
    made = await reader.reserve(start="now", end="12:00")
    body = {"qr": label(service)}
    for action, more in (("check-in", {}), ("return", {}), ("report", {"kind": "occupied"})):
        path = f"/reservations/{made['id']}/{action}"
        no = await reader.refused("422 presence_method_off", "POST", path, body | more)
        assert no.details == {"method": "seat_label"}
    page = await Browser(await service.web_reader(reader)).get(label(service)[len(service.base) :])
    assert page.status == 422 and "不用这种方式签到" in page.body


async def test_a_seat_label_proves_presence_for_check_in_and_return(service: Living) -> None:
    await with_labels(service)
    await nothing_proves(service)
    reader = await service.reader()
    made = await reader.reserve(start="now", end="09:00")
    following = await reader.reserve(start="09:00", end="10:00")
    path, body = f"/reservations/{made['id']}", {"qr": label(service)}
    first = await reader.ok("POST", f"{path}/check-in", body)
    assert (first["state"], first["presence_wanted"]) == ("in_use", False)
    assert (await proofs(service)).keys() == {PresenceMethod.SEAT_LABEL}
    # A fixed code is not used up; where nothing is asked for, nothing happens.
    assert (await reader.ok("POST", f"{path}/check-in", body))["rev"] == first["rev"]
    for _ in range(2):
        await reader.ok("POST", f"{path}/leave")
        assert (await reader.ok("POST", f"{path}/return", body))["state"] == "in_use"
    await reader.ok("POST", f"{path}/leave")
    assert (await reader.ok("POST", f"{path}/check-in", body))["state"] == "in_use"
    await reader.refused("409 wrong_state", "POST", f"{path}/return", body)
    # Carried over, and seen again.
    await service.move("09:01")
    carried = f"/reservations/{following['id']}"
    assert (await one(reader, following))["presence_wanted"]
    carried_over = await reader.ok("POST", f"{carried}/check-in", body)
    assert (carried_over["state"], carried_over["presence_wanted"]) == ("in_use", False)
    answer = await reader.ok("POST", f"{carried}/report", {"kind": "occupied"} | body)
    assert answer["deadline_stopped"]
    stored = await service.db["reservations"].find_one({"_id": following["id"]})
    assert stored is not None and stored["presence"]["seat"] == SEAT


async def test_the_label_of_another_seat_is_refused(service: Living) -> None:
    await with_labels(service)
    reader, waits = await service.reader(), await service.reader()
    made = await reader.reserve(start="now", end="12:00")
    theirs = {"qr": label(service, OTHER)}
    path = f"/reservations/{made['id']}"
    for action, more in (("check-in", {}), ("return", {}), ("report", {"kind": "occupied"})):
        no = await reader.refused("422 wrong_seat", "POST", f"{path}/{action}", theirs | more)
        assert no.details == {"seat_id": OTHER}
    await reader.ok("POST", f"{path}/check-in", {"qr": label(service)})
    await reader.refused("422 wrong_seat", "POST", f"{path}/check-in", theirs)
    # A taken seat is reported from its own label, and stops the deadline.
    taken = await waits.reserve(OTHER, "now", "12:00")
    body = {"kind": "occupied", "qr": label(service, OTHER)}
    answer = await waits.ok("POST", f"/reservations/{taken['id']}/report", body)
    assert answer["deadline_stopped"]


async def test_wrong_seat_labels_count_towards_the_attempt_limit(
    mongo_url: str, redis_url: str
) -> None:
    async with living(mongo_url, redis_url, RATE_LIMIT_SCALE="1") as service:
        await with_labels(service)
        reader = await service.reader()
        made = await reader.reserve(start="now", end="12:00")
        path, good = f"/reservations/{made['id']}/check-in", label(service)
        wrong = [
            *(good[:-1], f"{good}0", f"{good}&c=1", good[:-32], good[:-32] + "0" * 32),
            *(good.replace(SEAT, OTHER), good.replace("/s/", "/S/"), good.replace("/s/", "/k/")),
            *(good.replace(SEAT, "nowhere"), good[:-1] + "\uff11", good.replace(SEAT, "\u5ea7")),
            good[:-1] + "%EF%BC%91",
        ]
        for text in wrong:
            await reader.refused("422 qr_invalid", "POST", path, {"qr": text})
        for _ in range(20 - len(wrong)):
            await reader.refused("422 qr_invalid", "POST", path, {"qr": wrong[0]})
        await reader.refused("429 too_many_attempts", "POST", path, {"qr": good})


@pytest.mark.whole
async def test_many_readers_using_one_label_are_not_listed_as_code_sharing(service: Living) -> None:
    await with_labels(service)
    for _ in range(CROWD_SIZE):
        reader = await service.reader()
        made = await reader.reserve(start="now", end="09:00")
        path = f"/reservations/{made['id']}"
        await reader.ok("POST", f"{path}/check-in", {"qr": label(service)})
        await reader.ok("POST", f"{path}/finish")
    await service.settle()
    assert await service.db["kiosk_scans"].count_documents({}) == 0


async def test_a_label_opened_in_a_browser_checks_the_reader_in(service: Living) -> None:
    await with_labels(service)
    reader = await service.reader()
    made = await reader.reserve(start="now", end="12:00")
    browser = Browser(await service.web_reader(reader))
    link, here = label(service)[len(service.base) :], f"/s/{SEAT}/check-in"
    assert (await browser.get(f"/s/{SEAT}?c={'0' * 32}")).status == 422
    assert "或座位上的座位码" in (await browser.get("/check-in")).body
    assert "也可以扫描座位上的座位码" in (await browser.get(f"/reservations/{made['id']}")).body
    assert (await browser.get(f"/s/nowhere?c={'0' * 32}")).status == 404
    assert "请重新扫描座位上的码" in (await browser.get(here)).body
    form = {"csrf": await browser.token(), "reservation": made["id"]}
    assert (await browser.post(here, form, service.base)).headers["Location"] == here
    for button, done in (("签到", "check_in"), ("返回座位", "return")):
        opened = await browser.get(link)
        assert (opened.status, opened.headers["Location"]) == (303, here)
        page = (await browser.get(here)).body
        assert f">{button}</button>" in page and "二层中厅065号" in page
        for _ in range(2):  # and once more by who got no answer
            answer = await browser.post(here, form, service.base)
            assert answer.headers["Location"] == f"/reservations/{made['id']}?done={done}"
            if done == "return":
                break
        await reader.ok("POST", f"/reservations/{made['id']}/leave")
    # The note is of this seat, and soon over.
    other = label(service, OTHER)[len(service.base) :]
    await browser.get(other)
    assert "没有这个座位的预约" in (await browser.get(f"/s/{OTHER}/check-in")).body
    assert (await browser.post(here, form, service.base)).headers["Location"] == here
    await browser.get(link)
    await service.move(timedelta(seconds=91))
    assert (await browser.post(here, form, service.base)).headers["Location"] == here
    assert (await one(reader, made))["state"] == "away"


async def test_an_occupied_seat_is_reported_from_its_label(service: Living) -> None:
    await with_labels(service)
    reader = await service.reader()
    made = await reader.reserve(start="now", end="12:00")
    browser = Browser(await service.web_reader(reader))
    form = {"csrf": await browser.token(), "reservation": made["id"], "kind": "occupied"}
    path = f"/s/{SEAT}/report"
    assert (await browser.post(path, form, service.base)).headers["Location"].endswith("/check-in")
    await browser.get(label(service)[len(service.base) :])
    assert (await browser.post(path, form | {"kind": "x"}, service.base)).status == 400
    answer = await browser.post(path, form, service.base)
    assert answer.headers["Location"] == f"/reservations/{made['id']}?done=report"


async def test_administrators_print_seat_labels(service: Living) -> None:
    head, desk = await staff(service, Role.ADMINISTRATOR), await staff(service, Role.LIBRARIAN)
    path = "/console/plans/2f-hall"
    assert f'href="{path}/labels"' in (await head.get(path)).body
    assert "labels" not in (await desk.get(path)).body
    assert (await desk.get(f"{path}/labels")).status == 403
    assert (await head.get("/console/plans/nowhere/labels")).status == 404
    page = (await head.get(f"{path}/labels")).body
    seats = service.inside.reference.area("2f-hall").seats
    assert page.count("<b>065</b>") == 1 and page.count("扫码签到") == len(seats)
    assert "现在不用座位码签到" in page
    await with_labels(service)
    assert "现在不用座位码签到" not in (await head.get(f"{path}/labels")).body


@pytest.mark.whole
async def test_the_labels_of_150_seats_come_within_three_seconds(service: Living) -> None:
    areas = service.inside.reference.catalog.areas
    area = max(areas, key=lambda id: len(service.inside.reference.area(id).seats))
    head = await staff(service, Role.ADMINISTRATOR)
    async with asyncio.timeout(patience(3)):
        page = (await head.get(f"/console/plans/{area}/labels")).body
    assert page.count("<svg") > page.count("扫码签到") > 150
