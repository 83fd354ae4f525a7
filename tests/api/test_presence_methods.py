"""Presence sources of a venue: without a working one there are no violations."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

import pytest

from handlers.texts.console_labels import LABELS_ALONE_TEXT
from models.identity.roles import Role
from models.library.entities import PresenceSource
from models.policy.entities import Policy
from models.reservations.presence import PresenceMethod
from models.staff.audit import AuditQuery
from tests.api.browsing import Browser
from tests.api.console import WHEREFORE, post, staff
from tests.api.gate import gate_of
from tests.api.kiosk import kiosk, show
from tests.api.presence_methods import VENUE, choose, nothing_proves, proofs
from tests.api.seat_reports import one
from tests.living import MONDAY_8, Client, Living

NO_PROOF: Final = "近 7 天没有任何签到方式起过作用"
NEAREST: Final = "二层北自助服务区选座机"
"""The kiosk of the library that is nearest to the seats of 二层中厅."""


async def misses(service: Living, seat: str, reader: Client | None = None) -> tuple[Client, Any]:
    """A reader whose booking of this hour ended without a check-in."""
    reader = reader or await service.reader()
    made = await reader.reserve(seat, "now", "12:00")
    await service.move(timedelta(minutes=31))
    return reader, await one(reader, made)


async def violations(reader: Client) -> int:
    return int((await reader.ok("GET", "/violations"))["total"])


async def check_in(service: Living, seat: str) -> tuple[Client, Any]:
    reader = await service.reader()
    made = await reader.reserve(seat, "now", "12:00")
    path = f"/reservations/{made['id']}/check-in"
    return reader, await reader.ok("POST", path, {"qr": await service.qr()})


async def test_no_shows_are_excused_while_no_presence_method_has_worked(service: Living) -> None:
    await nothing_proves(service)
    desk = await staff(service)
    assert NO_PROOF in (await desk.get("/console")).body
    reader, missed = await misses(service, "2f-hall-061")
    assert (missed["state"], missed["excused"]) == ("no_show", True)
    assert await violations(reader) == 0
    assert "本次不记违约" in (await reader.ok("GET", "/messages"))["items"][0]["text"]
    # One code that a kiosk has shown is enough.
    await check_in(service, "2f-hall-062")
    assert NO_PROOF not in (await desk.get("/console")).body
    again, missed = await misses(service, "2f-hall-063")
    assert (missed["state"], missed["excused"]) == ("no_show", False)
    assert await violations(again) == 1


async def test_an_expired_leave_is_no_violation_without_a_working_presence_method(
    service: Living,
) -> None:
    strict = Policy(version=2, away_timeout_is_violation=True)
    await service.inside.stored.policies.add(strict, service.clock.now())
    await service.inside.reference.refresh()
    for seat, count in (("2f-hall-061", 0), ("2f-hall-062", 1)):
        reader, made = await check_in(service, seat)
        await reader.ok("POST", f"/reservations/{made['id']}/leave")
        if not count:
            await nothing_proves(service)
        await service.move(timedelta(minutes=31))
        assert (await one(reader, made))["state"] == "away_expired"
        assert await violations(reader) == count


@pytest.mark.whole
async def test_presence_methods_that_have_worked_are_recorded(service: Living) -> None:
    methods = service.inside.stored.presence_methods
    await nothing_proves(service)
    desk, gate, reader = await staff(service), await gate_of(service), await service.reader()
    made = await reader.reserve("2f-hall-061", "now", "12:00")
    await post(service, desk, f"/console/reservations/{made['id']}/check_in")
    assert (await proofs(service)).keys() == {PresenceMethod.DESK}
    second = await service.reader()
    await second.reserve("2f-hall-062", "now", "12:00")
    await gate.pass_(second, "in")
    assert (await proofs(service)).keys() == {PresenceMethod.DESK, PresenceMethod.GATE}
    # Each worker writes seldom, and what is kept never goes back.
    for minutes, seat in ((0, "2f-hall-063"), (4, "2f-hall-064"), (4, "2f-hall-065")):
        await service.move(timedelta(minutes=minutes))
        await check_in(service, seat)
        moved = service.clock.now() - MONDAY_8 >= timedelta(minutes=5)
        seen = (await proofs(service))[PresenceMethod.KIOSK_CODE]
        assert (seen - MONDAY_8 > timedelta(minutes=5)) is moved
    before = await proofs(service)
    await methods.put(VENUE, PresenceMethod.KIOSK_CODE, MONDAY_8)
    assert await proofs(service) == before


async def test_a_no_show_is_a_violation_once_a_kiosk_screen_was_online(service: Living) -> None:
    await nothing_proves(service)
    await show(service)
    reader, missed = await misses(service, "2f-hall-061")
    assert (missed["state"], missed["excused"]) == ("no_show", False)
    assert await violations(reader) == 1


KIOSK, GATE, DESK = PresenceSource.KIOSK, PresenceSource.GATE, PresenceSource.DESK
SEAT_LABEL = PresenceSource.SEAT_LABEL


@pytest.mark.whole
async def test_the_sandbox_records_violations_despite_clock_moves(service: Living) -> None:
    """The sandbox's kiosks are stand-ins, so a move of the clock is no kiosk outage."""
    await nothing_proves(service)
    await service.inside.stored.presence_methods.put(VENUE, PresenceMethod.KIOSK_CODE, MONDAY_8)
    for days in (0, 8):
        await service.move(timedelta(days=days))
        await service.move("08:00" if days == 0 else timedelta(hours=23, minutes=29))
        reader, missed = await misses(service, "2f-hall-061")
        assert (missed["state"], missed["excused"]) == ("no_show", False)
        assert await violations(reader) == 1


# --- what a venue names ---------------------------------------------------------------------------


async def test_kiosk_codes_and_cards_are_refused_where_kiosks_are_no_presence_source(
    service: Living,
) -> None:
    owner, key, card = await service.reader(), await kiosk(service), {"card": "0012345678"}
    await service.inside.stored.cards.put(card["card"], owner.reader_id)
    made = await owner.reserve("2f-hall-061", "now", "12:00")
    path = f"/reservations/{made['id']}"
    await choose(service, GATE, DESK)
    scan = {"qr": await service.qr()}
    no = await owner.refused("422 presence_method_off", "POST", f"{path}/check-in", scan)
    assert no.details == {"method": "kiosk"}
    await owner.refused("422 presence_method_off", "POST", f"{path}/return", scan)
    occupied = {"kind": "occupied"}
    await owner.refused("422 presence_method_off", "POST", f"{path}/report", occupied | scan)
    here = await service.anonymous.ok("POST", "/kiosks/2f-south/touch", card, **key)
    at_kiosk = service.stranger()
    at_kiosk.token = here["token"]
    body = {"reservation_id": made["id"]}
    where = "/kiosks/2f-south/check-in"
    await at_kiosk.refused("422 presence_method_off", "POST", where, body, **key)
    answer = await at_kiosk.ok("POST", f"{path}/report", occupied)
    assert not answer["deadline_stopped"], "the card shows nothing either"
    browser = Browser(await service.web_reader(owner))
    assert "二层南自助服务区选座机" not in (await browser.get("/check-in")).body
    # The desk always may.
    desk = await staff(service)
    await post(service, desk, f"/console/reservations/{made['id']}/check_in")
    assert (await one(owner, made))["state"] == "in_use"
    await choose(service, KIOSK)
    other = await service.reader()
    made = await other.reserve("2f-hall-062", "now", "12:00")
    await post(service, desk, f"/console/reservations/{made['id']}/check_in")
    assert (await one(other, made))["state"] == "in_use"


async def test_gate_passages_have_no_effect_where_gates_are_no_presence_source(
    service: Living,
) -> None:
    gate, reader, other = await gate_of(service), await service.reader(), await service.reader()
    before = await other.reserve("2f-hall-061", "now", "12:00")
    await gate.pass_(other, "in")
    assert (await one(other, before))["state"] == "in_use"
    await choose(service, KIOSK, DESK)
    made = await reader.reserve("2f-hall-062", "now", "12:00")
    await gate.pass_(reader, "in")
    assert (await one(reader, made))["state"] == "reserved"
    answer = await reader.ok("POST", f"/reservations/{made['id']}/report", {"kind": "occupied"})
    assert not answer["deadline_stopped"]
    # What gates did before stays as it was.
    await service.move(timedelta(minutes=1))
    await gate.pass_(other, "out")
    assert (await one(other, before))["state"] == "in_use"
    await service.move("08:31")
    assert (await one(reader, made))["state"] == "no_show"
    await gate.send([gate.event(reader, "in", "08:20")])
    assert await violations(reader) == 1, "it has not proved that they came"
    await choose(service, KIOSK, GATE)
    made = await reader.reserve("2f-hall-063", "now", "12:00")
    await gate.pass_(reader, "out")
    await service.move(timedelta(minutes=1))
    await gate.pass_(reader, "in")
    assert (await one(reader, made))["state"] == "in_use"


@pytest.mark.parametrize(
    ("sources", "by", "short", "sheet"),
    [
        ((KIOSK, GATE, DESK), "到选座机或查询机扫码", "扫码", f"到<b>{NEAREST}</b>扫码"),
        pytest.param(
            *((KIOSK, SEAT_LABEL), "到选座机、查询机扫码或扫座位码", "扫码"),
            f"到<b>{NEAREST}</b>扫码或扫座位码",
            marks=pytest.mark.whole,
        ),
        ((SEAT_LABEL, DESK), "扫座位码", "扫座位码", "扫座位码"),
        pytest.param((GATE, DESK), *["从闸机入馆"] * 3, marks=pytest.mark.whole),
        pytest.param((DESK,), *["到服务台"] * 3, marks=pytest.mark.whole),
    ],
)
async def test_pages_and_messages_name_the_venues_presence_sources(
    service: Living, sources: tuple[PresenceSource, ...], by: str, short: str, sheet: str
) -> None:
    """Kiosks are named only where they are a presence source."""
    await choose(service, *sources)
    reader = await service.reader()
    browser = Browser(await service.web_reader(reader))
    kiosks = KIOSK in sources
    seat = f"/areas/2f-hall?date={service.today}&seat=2f-hall-061"
    foot = re.search(r'</span> ([^ ]*签到)<span class="counts"', (await browser.get(seat)).body)
    assert foot and foot[1] == f"{sheet}签到", "where, before the seat is booked"
    made = await reader.reserve("2f-hall-061", "09:00", "12:00")
    here = f"/reservations/{made['id']}"
    page = await browser.get(f"{here}?done=report_desk")
    assert f"时限照常：请{by}后再报告" in page.body
    assert f"{by}签到" in (await browser.get("/reservations")).body
    await service.move("09:05")
    pages = [(await browser.get(path)).body for path in (here, "/check-in", "/rules")]
    await service.settle()
    assert (f"前到<b>{NEAREST}</b>签到" in pages[0]) is kiosks, "and once it is booked"
    said = " ".join([*pages, *(m["text"] for m in (await reader.ok("GET", "/messages"))["items"])])
    assert f"前{short}签到" in said and f"{short}签到，逾期未签到" in said
    assert ("选座机" in said) is kiosks and ("座位码" in said) is (SEAT_LABEL in sources)
    assert ("打开相机扫码" in said) is (kiosks or SEAT_LABEL in sources)


@pytest.mark.whole
async def test_no_outage_is_recorded_for_kiosks_that_are_no_presence_source(
    service: Living,
) -> None:
    await show(service)
    await choose(service, GATE, DESK)
    await service.jump("08:10")
    await service.settle()
    assert "outages" not in str((await service.anonymous.get("//readyz")).body["troubles"])


def ticked(page: str) -> list[str]:
    return re.findall(r'type="checkbox" name="([\w@]+)" value="1" checked', page)


async def test_an_administrator_sets_the_presence_sources_of_all_venues_at_once(
    service: Living,
) -> None:
    head, desk = await staff(service, Role.ADMINISTRATOR), await staff(service)
    path, other = "/console/devices/venues", {"desk@juridicum": "1"}
    page = (await head.get("/console/devices")).body
    assert ticked(page) == ["kiosk@library", "gate@library", "desk@library", *other]
    assert "安全性弱" in page
    form = {"kiosk@library": "1", "seat_label@library": "1", "base": "library:0 juridicum:0"}
    form |= other
    assert (await post(service, desk, path, **form)).status == 403
    assert "disabled" in (await desk.get("/console/devices")).body
    saved = await post(service, head, path, **form)
    assert saved.headers["Location"] == "/console/devices?done=venue"
    assert "已保存：更改签到方式，" in (await head.get("/console/devices?done=venue")).body
    sources = service.inside.reference.catalog.venues[VENUE].presence_sources
    assert sources == {PresenceSource.KIOSK, PresenceSource.SEAT_LABEL}
    # The second of two is told, and finds what they ticked.
    late = await post(service, head, path, **{"gate@library": "1", "base": form["base"]})
    assert late.status == 409 and "刚刚被其他人修改过" in late.body
    assert ticked(late.body) == ["gate@library"]
    form["base"] = "library:1 juridicum:0"
    same = await post(service, head, path, **form)
    assert same.headers["Location"] == "/console/devices?unchanged"
    assert "没有更改" in (await head.get("/console/devices?unchanged")).body
    assert (await post(service, head, path, base=form["base"], reason="")).status == 400
    assert service.inside.reference.catalog.venues[VENUE].presence_sources == sources
    ((entry,), _) = await service.inside.stored.audit_log.page_of(AuditQuery(), 0, 9)
    assert (entry.before, entry.after) == (
        {"presence_sources": ["desk", "gate", "kiosk"]},
        {"presence_sources": ["kiosk", "seat_label"]},
    )
    assert "服务台、闸机、选座机" in (await head.get("/console/audit")).body
    # Labels alone are weak: the page says what else there is.
    assert LABELS_ALONE_TEXT not in (await head.get("/console/devices")).body
    form |= {"kiosk@library": "", "gate@juridicum": "1"}
    assert (await post(service, head, path, **form)).status == 303
    assert f"图书馆：{LABELS_ALONE_TEXT}" in (await head.get("/console/devices")).body
    # One reason for both venues, each with its entry.
    changes, _ = await service.inside.stored.audit_log.page_of(AuditQuery(), 0, 2)
    assert [(c.target, c.reason) for c in changes] == [
        (f"venue:{venue}", WHEREFORE) for venue in ("juridicum", "library")
    ]
    assert ticked((await head.get("/console/devices")).body)[1:] == [
        *("gate@juridicum", "desk@juridicum")
    ]
