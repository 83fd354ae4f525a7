"""An offer made after the library cancelled a booking: one message, shown to staff, who can answer
for the reader."""

from __future__ import annotations

import pytest

from models.identity.roles import Role
from tests.api.affected_bookings import moved, state
from tests.api.console import WHEREFORE, log, post, staff
from tests.living import Living

TITLE = "预约已取消，为您保留了另一个座位"


@pytest.mark.whole
async def test_one_message_announces_the_cancellation_and_the_offer(service: Living) -> None:
    reader, offer, _ = await moved(service)
    await service.settle()
    messages = (await reader.ok("GET", "/messages"))["items"]
    assert [m["title"] for m in messages] == [TITLE, "座位预约成功"]
    text = messages[0]["text"]
    assert "图书馆2层二层中厅010号，9月8日 09:00–11:00 的预约已由图书馆取消" in text
    assert (
        f"保留了另一个座位：{offer['seat']['label']}，9月8日 09:00–11:00，保留到 9月7日 10:00"
        in text
    )
    assert "重新选座" not in text
    (pushed,) = [m for m in await reader.messages() if m["template"] == "MOVED"]
    assert "已保留此座位" in str(pushed)
    assert not [m for m in await reader.messages() if m["template"] == "OFFER"]


async def test_staff_see_the_offer_and_a_conflicting_booking_names_it(service: Living) -> None:
    reader, offer, desk = await moved(service)
    here = f"/console/readers/{reader.reader_id}"
    page = (await desk.get(here)).body
    assert "为读者保留的座位" in page and offer["seat"]["label"] in page and "10:00" in page
    seen = (await (await staff(service, Role.VIEWER)).get(here)).body
    assert offer["seat"]["label"] in seen and "代为接受" not in seen
    form = {"area": "2f-hall", "no": "030", "date": service.tomorrow}
    before = await service.books()
    refused = await post(service, desk, f"{here}/book", **form, start="10:00", end="12:00")
    assert refused.status == 409 and "您在这段时间" not in refused.body
    assert (
        f"{offer['seat']['label']} 09:00–11:00，到 10:00 为止（可在下面代为接受或放弃）"
        in refused.body
    )
    assert 'value="030"' in refused.body and WHEREFORE in refused.body, "what was typed is kept"
    assert await service.books() == before
    beside = await post(service, desk, f"{here}/book", **form, start="11:00", end="12:00")
    assert beside.status == 303, "beside it there is nothing in the way"
    booked = await post(service, desk, f"{here}/book", **form, start="11:00", end="12:00")
    assert "030号 11:00–12:00 的预约" in booked.body, "a booking is named as one"
    # Declined, the time is free at once, and no other seat is held for them instead.
    offered = f"/console/reservations/{offer['id']}/decline"
    assert (await post(service, desk, offered)).status == 303
    await service.settle()
    again = await post(service, desk, f"{here}/book", **form, start="10:00", end="11:00")
    assert again.status == 303


@pytest.mark.parametrize(
    ("verb", "after", "told"),
    [("accept", "reserved", "座位预约成功"), ("decline", "offer_expired", "")],
)
async def test_staff_accept_or_refuse_the_offer_for_the_reader(
    service: Living, verb: str, after: str, told: str
) -> None:
    reader, offer, desk = await moved(service)
    await service.settle()
    before = {m["id"] for m in (await reader.ok("GET", "/messages"))["items"]}
    here = f"/console/reservations/{offer['id']}"
    page = (await desk.get(here)).body
    assert "代为接受" in page and "代为放弃" in page and "为读者保留到" in page
    assert (await post(service, desk, f"{here}/{verb}", reason="")).status == 400
    assert await state(reader, offer) == "offered"
    answer = await post(service, desk, f"{here}/{verb}")
    assert answer.headers["Location"] == f"{here}?done={verb}"
    assert await state(reader, offer) == after
    assert (await log(service))[-1] == (verb, f"reservation:{offer['id']}", "done")
    await service.settle()
    new = [m for m in (await reader.ok("GET", "/messages"))["items"] if m["id"] not in before]
    assert [m["title"] for m in new] == ([told] if told else []), "nothing was withdrawn"
    assert "为读者保留的座位" not in (await desk.get(f"/console/readers/{reader.reader_id}")).body
    again = await post(service, desk, f"{here}/{verb}")
    assert again.status == 409 and await state(reader, offer) == after


@pytest.mark.whole
async def test_an_expired_offer_cannot_be_accepted_by_staff(service: Living) -> None:
    reader, offer, desk = await moved(service)
    await service.jump("10:05")  # a slow machine made it some seconds after 08:00
    answer = await post(service, desk, f"/console/reservations/{offer['id']}/accept")
    assert answer.status == 409 and await state(reader, offer) == "offered"
