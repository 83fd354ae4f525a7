"""巡视: the plan shows each seat's state, and staff act from it."""

from __future__ import annotations

import re
from datetime import timedelta

from models.identity.roles import Role
from tests.api.affected_bookings import state
from tests.api.console import WHEREFORE, log, post, staff
from tests.living import Living

HERE = "/console/seats?area=2f-hall"


def drawn(page: str) -> dict[str, str]:
    """Each seat's class on the plan."""
    return {
        no: kind for kind, no in re.findall(r'class="seat ([\w ]+)" id="s-2f-hall-(\d+)"', page)
    }


async def test_the_staff_plan_shows_each_seats_state_and_reports(service: Living) -> None:
    desk, readers = await staff(service), [await service.reader() for _ in range(4)]
    made = [
        await r.reserve(f"2f-hall-{n:03}", "now", "11:00") for n, r in enumerate(readers[:3], 10)
    ]
    await readers[3].reserve("2f-hall-014", "14:00", "15:00")
    for n in (0, 1):
        qr = {"qr": await service.qr()}
        await readers[n].ok("POST", f"/reservations/{made[n]['id']}/check-in", qr)
    await readers[1].ok("POST", f"/reservations/{made[1]['id']}/leave")
    await readers[2].ok("POST", f"/reservations/{made[2]['id']}/report", {"kind": "occupied"})
    await readers[3].ok("POST", "/seats/2f-hall-020/faults", {"kind": "lamp"})
    page = (await desk.get(HERE)).body
    drawing = drawn(page)
    chips = re.findall(r'<a class="chip" href="/console/seats\?area=([\w-]+)"', page)
    areas = service.inside.reference.catalog.areas_in_use
    on_floor = {area.id for area in areas if area.floor == 2}
    assert len(on_floor) > 1 and on_floor <= set(chips), "the floor's other areas are a tap away"
    assert {area.floor for area in areas} == {area.floor for area in areas if area.id in chips}
    assert [drawing[no] for no in ("010", "011", "012", "014", "020", "021")] == [
        *("occupied", "away", "reserved", "free", "free", "free")
    ]
    said = dict(re.findall(r'id="s-2f-hall-(\d+)"[^>]*aria-label="([^"]+)"', page))
    assert "使用中" in said["010"] and "14:00 起有预约" in said["014"]
    assert "有读者报告座位被占" in said["012"] and "有 1 个报修" in said["020"]
    panel = (await desk.get(f"{HERE}&seat=2f-hall-010")).body
    panel = panel[panel.index("seat-panel") : panel.index('id="list"')]
    assert "张三" not in panel and "08:00 签到" in panel and "换座" in panel
    seen = await (await staff(service, Role.VIEWER)).get(f"{HERE}&seat=2f-hall-010")
    assert '<form method="post"' not in seen.body
    assert (await desk.get(f"{HERE}&seat=none")).status == 200
    assert (await desk.get(f"{HERE}&move=none")).status == 404


async def test_an_action_on_a_seat_returns_to_the_staff_plan(service: Living) -> None:
    desk, reader = await staff(service), await service.reader()
    made = await reader.reserve("2f-hall-010", "now", "11:00")
    other = await service.reader()
    await other.reserve("2f-hall-022", "10:00", "11:00")
    here = f"/console/reservations/{made['id']}"
    answer = await post(service, desk, f"{here}/check_in", patrol="1")
    assert answer.headers["Location"] == f"{HERE}&seat=2f-hall-010&done=check_in"
    moving = (await desk.get(f"{HERE}&move={made['id']}")).body
    drawing = drawn(moving)
    assert "aside" in drawing["010"] and "aside" in drawing["022"] and "aside" not in drawing["021"]
    taken = (await desk.get(f"{HERE}&move={made['id']}&seat=2f-hall-022")).body
    assert "在这段时间不能用" in taken
    ask = (await desk.get(f"{HERE}&move={made['id']}&seat=2f-hall-021")).body
    assert "把读者换到 021 号" in ask
    refused = await post(service, desk, f"{here}/move", patrol="1", seat="2f-hall-022")
    assert refused.status == 409 and WHEREFORE in refused.body
    assert (await reader.ok("GET", f"/reservations/{made['id']}"))["seat"]["no"] == "010"
    answer = await post(service, desk, f"{here}/move", patrol="1", seat="2f-hall-021")
    assert answer.headers["Location"] == f"{HERE}&seat=2f-hall-021&done=move"
    assert (await reader.ok("GET", f"/reservations/{made['id']}"))["seat"]["no"] == "021"
    # The reader has left without a word, and the desk frees the seat.
    assert drawn((await desk.get(HERE)).body)["021"] == "occupied"
    answer = await post(service, desk, f"{here}/finish", patrol="1")
    assert answer.headers["Location"] == f"{HERE}&seat=2f-hall-021&done=finish"
    assert drawn((await desk.get(HERE)).body)["021"] == "free"
    assert (await reader.ok("GET", f"/reservations/{made['id']}"))["state"] == "finished"


async def test_a_reader_moved_by_staff_gets_the_librarys_message(service: Living) -> None:
    """Before the check-in and during the stay; a reader who changes seats themselves gets none."""
    desk, reader = await staff(service), await service.reader()
    for _ in range(3):
        await reader.accept("MOVED")
    made = await reader.reserve("2f-hall-010", "09:00", "11:00")
    here = f"/console/reservations/{made['id']}"
    own = {"seat_id": "2f-hall-012"}
    await reader.ok("POST", f"/reservations/{made['id']}/change", own)
    await service.leap(timedelta(seconds=1))
    assert (await post(service, desk, f"{here}/move", seat="2f-hall-021")).status == 303
    await service.move("08:40")
    assert (await post(service, desk, f"{here}/check_in")).status == 303
    assert (await post(service, desk, f"{here}/move", seat="2f-hall-022")).status == 303
    await service.settle()
    got = [m["data"]["thing1"]["value"] for m in await reader.messages()]
    assert got == [f"图书馆2层二层中厅{no}号" for no in ("021", "022")]
    titles = [m["title"] for m in (await reader.ok("GET", "/messages"))["items"]]
    assert titles.count("图书馆已为您换座位") == 2 and titles.count("座位预约成功") == 2


async def test_staff_disable_a_broken_seat_and_enable_it_again(service: Living) -> None:
    desk, reader = await staff(service), await service.reader()
    made = await reader.reserve("2f-hall-010", "09:00", "11:00", service.tomorrow)
    path = "/console/seats/2f-hall-010/outage"
    form = {"was": "||", "reason": "椅子损坏", "until": "2026-09-09"}
    preview = await post(service, desk, path, **form)
    assert preview.status == 200 and "<b>1</b> 个预约不再符合" in preview.body
    assert 'value="椅子损坏"' in preview.body and 'value="2026-09-09"' in preview.body
    assert await state(reader, made) == "reserved" and await log(service) == []
    before = await service.books()
    for wrong in (
        {**form, "reason": ""},
        {**form, "until": "2026-09-06"},
        {**form, "until": "x"},
        {**form, "was": "x|y|z"},
        {**form, "confirmed": "yes", "bookings": "x"},
    ):
        refused = await post(service, desk, path, **wrong)
        assert refused.status == 400 and 'role="alert"' in refused.body, wrong
        assert await service.books() == before
    done = await post(service, desk, path, **form, confirmed="yes", bookings="offer")
    assert done.headers["Location"] == f"{HERE}&seat=2f-hall-010&done=plan"
    assert await state(reader, made) == "cancelled"
    page = (await desk.get(f"{HERE}&seat=2f-hall-010")).body
    assert (
        drawn(page)["010"] == "disabled"
        and "停用：椅子损坏" in page
        and "停用到 2026-09-09" in page
    )

    # The second of two is told, and finds what was typed.
    late = await post(service, desk, path, **(form | {"reason": "桌子损坏"}))
    assert late.status == 409 and 'value="桌子损坏"' in late.body and "椅子损坏" in late.body
    assert (await post(service, desk, path, was="||", release="1")).status == 409
    was = "|2026-09-09|椅子损坏"
    assert (await post(service, desk, path, was=was, release="1")).status == 303
    seat = await reader.ok("GET", "/seats/2f-hall-010")
    assert seat["disabled"] is None
    assert [action for action, _, outcome in await log(service) if outcome == "done"] == [
        "plan",
        "plan",
    ]
    assert (await post(service, desk, "/console/seats/none/outage", was="||")).status == 404
