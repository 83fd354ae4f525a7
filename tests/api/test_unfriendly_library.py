"""Seats of an unfriendly library as facts: everywhere the right venue, floor, area and number."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from aiohttp import web

from models.identity.roles import Role
from models.messages.staff import MessageRelevance
from tests.api.browsing import Browser
from tests.api.changes import with_rules
from tests.api.console import post, staff
from tests.api.floor_files import confirm, hidden_plans, upload
from tests.api.webhook_console import endpoint
from tests.living import Living, living
from tests.receiver import NewReceiver
from tests.unfriendly import AREAS, HAUPT, JURA, KIOSKS

UPSTAIRS: Final = "haupt-1-0"
OF_UPSTAIRS: Final = {
    "venue": "Hauptbibliothek",
    "floor": 1,
    "floor_name": "1. OG",
    "area": "Lesesaal A",
    "no": "A-1-07",
    "label": "总馆1. OG · Lesesaal A · A-1-07号",
    "labels": {"en": "Main Library · 1. OG · Lesesaal A · A-1-07"},
}
IN_JURA: Final = "jura-1-1"
JURA_LABEL: Final = "Rechtshaus二层经济学阅览室Carrel 3号"
JURA_ENGLISH: Final = "Rechtshaus · 二层 · Wirtschaftswissenschaftlicher Lesesaal A · Carrel 3"


@pytest.fixture
async def service(mongo_url: str, redis_url: str) -> AsyncIterator[Living]:
    async with living(mongo_url, redis_url, WEBHOOK_ALLOWED_NETWORKS="127.0.0.0/8") as running:
        await running.inside.stored.catalogs.add_missing([HAUPT, JURA], AREAS, KIOSKS)
        await running.inside.reference.refresh()
        yield running


def seat_of(body: Any) -> dict[str, Any]:
    return {name: body[name] for name in OF_UPSTAIRS}


async def test_every_answer_with_a_label_has_its_facts(service: Living) -> None:
    reader, other = await service.reader(), await service.reader()
    made = await reader.reserve(UPSTAIRS, "14:00", "16:00")
    assert seat_of(made["seat"]) == OF_UPSTAIRS
    assert seat_of(await reader.ok("GET", f"/seats/{UPSTAIRS}")) == OF_UPSTAIRS
    favourites = await reader.ok("POST", "/favourites", {"seat_id": UPSTAIRS})
    assert seat_of(favourites["items"][0]) == OF_UPSTAIRS
    wish = {"seat_id": UPSTAIRS, "date": service.today, "start": "14:00", "end": "16:00"}
    refused = await other.refused("409 seat_taken", "POST", "/reservations", wish)
    near = refused.details["nearest"][0]
    assert seat_of(near) == OF_UPSTAIRS | {
        "no": "Carrel 3",
        "label": "总馆1. OG · Lesesaal A · Carrel 3号",
        "labels": {"en": "Main Library · 1. OG · Lesesaal A · Carrel 3"},
    }


async def test_names_by_language_are_beside_the_first_names(service: Living) -> None:
    reader = await service.reader()
    areas = (await reader.ok("GET", f"/areas?venue={HAUPT.id}"))["items"]
    assert [(a["name"], a.get("names"), a["floor_name"], a.get("floor_names")) for a in areas] == [
        ("A区", {"en": "Zone A"}, "EG", {"en": "Ground floor"}),
        ("Lesesaal A", None, "1. OG", None),
    ]
    head = (await reader.ok("GET", "/areas/haupt-eg/map"))["area"]
    assert head == {
        "id": "haupt-eg",
        "name": "A区",
        "floor": 0,
        "venue": "Hauptbibliothek",
        "venue_names": dict(HAUPT.names),
        "names": {"en": "Zone A"},
        "floor_name": "EG",
        "floor_names": {"en": "Ground floor"},
    }
    venues = {v["id"]: v for v in (await reader.ok("GET", "/venues"))["items"]}
    assert venues[HAUPT.id]["names"] == dict(HAUPT.names) and "names" not in venues[JURA.id]
    venues = {v["id"]: v for v in (await reader.ok("GET", "/catalog"))["venues"]}
    assert venues[HAUPT.id]["names"] == dict(HAUPT.names)
    assert venues[HAUPT.id]["areas"][0]["names"] == {"en": "Zone A"}
    assert venues[JURA.id]["areas"][1]["floor_name"] == "二层"


async def test_pages_and_calendars_say_the_place_in_their_language(service: Living) -> None:
    reader = await service.reader()
    made = await reader.reserve(IN_JURA, "14:00", "16:00")
    browser = Browser(await service.web_reader(reader))
    here = f"/reservations/{made['id']}"
    pages = [here, f"{here}/cancel", "/reservations", f"/seats/{IN_JURA}/fault"]
    for path in pages:
        assert JURA_LABEL in (await browser.get(path)).body, path
    assert ">EG</h3>" in (await browser.get(f"/?venue={HAUPT.id}")).body
    browser.cookie |= {"Accept-Language": "en"}
    for path in pages:
        assert JURA_ENGLISH in (await browser.get(path)).body, path
    first = (await browser.get(f"/?venue={HAUPT.id}")).body
    for words in ("Main Library", ">Ground floor</h3>", ">Zone A<", ">1. OG</h3>"):
        assert words in first, words
    plan = (await browser.get("/areas/haupt-eg?seat=haupt-eg-1")).body
    for words in ("<h1>Zone A</h1>", "<b>Ground floor</b>", ">Carrel 3</h2>"):
        assert words in plan, words
    assert ">No. 12</h2>" in (await browser.get("/areas/haupt-eg?seat=haupt-eg-2")).body
    assert "Pillar" in (await browser.get("/check-in")).body
    file = (await browser.get(f"{here}/calendar.ics")).body.replace("\r\n ", "")
    assert f"LOCATION:{JURA_ENGLISH}" in file.replace("\\,", ",")
    assert "SUMMARY:Seat: Wirtschaftswissenschaftlicher Lesesaal A · Carrel 3" in file


async def test_a_webhook_carries_the_facts_of_its_event_s_seat(
    service: Living, receiver: NewReceiver
) -> None:
    """Also if the reader changes to another seat before the event is sent."""
    program = await receiver()
    at, reader = await endpoint(service, program), await service.reader()
    made = await reader.reserve(UPSTAIRS, "14:00", "16:00")
    await reader.ok("POST", f"/reservations/{made['id']}/change", {"seat_id": IN_JURA})
    await service.settle()
    created, changed = (body["data"] for body in program.verified(at.secret))
    facts = {name: OF_UPSTAIRS[name] for name in ("venue", "floor", "floor_name", "area", "no")}
    assert created == created | facts | {"seat": OF_UPSTAIRS["label"]}
    assert (changed["venue"], changed["floor_name"], changed["no"]) == (
        *("Rechtshaus", "二层"),
        "Carrel 3",
    )
    assert changed["area"] == "Wirtschaftswissenschaftlicher Lesesaal A"


async def test_a_delivery_that_0_2_0_has_stored_is_sent_without_the_facts(
    service: Living, receiver: NewReceiver
) -> None:
    program = await receiver()
    at, reader = await endpoint(service, program), await service.reader()
    works, program.answer = program.answer, lambda _: web.Response(status=500)
    await reader.reserve(UPSTAIRS, "14:00", "16:00")
    await service.settle()
    new = ("venue", "floor", "floor_name", "area", "no")
    await service.db["webhook_deliveries"].update_many(
        {}, {"$unset": {f"facts.{name}": "" for name in new}}
    )
    program.answer = works
    await service.move("08:01")
    await service.settle()
    (body,) = {b["type"]: b for b in program.verified(at.secret)}.values()
    assert body["data"]["seat"] == OF_UPSTAIRS["label"] and not set(new) & set(body["data"])


async def test_messages_keep_the_seat_s_number_whole(service: Living) -> None:
    reader = await service.reader()
    await reader.reserve("jura-1-3", "14:00", "16:00")
    await service.settle()
    (message,) = (await reader.ok("GET", "/messages?page=1"))["items"]
    assert "Rechtshaus二层经济学阅览室Gruppenarbeit-000001号" in message["text"]
    stored = await service.db["messages"].find_one({"reader": reader.reader_id})
    assert stored is not None and stored["facts"]["seat"] == "Gruppenarbeit-000001"
    assert stored["facts"]["seat_no"] == "Gruppenarbeit-000001"
    # It still says what is so: staff may send it again.
    stores = service.inside.stored
    relevance = MessageRelevance(stores.reservations, stores.violations, service.inside.reference)
    messages = await stores.messages.many([message["id"]])
    now = service.clock.now()
    assert await relevance.relevant([*messages.values()], now) == [message["id"]]


async def test_exports_have_columns_for_each_fact(service: Living) -> None:
    reader, desk = await service.reader(), await staff(service, Role.VIEWER)
    await reader.reserve(UPSTAIRS, "09:00", "10:00")
    await reader.reserve(IN_JURA, "14:00", "16:00")
    day = f"from={service.today}&to={service.today}"

    async def rows(path: str) -> list[dict[str, str]]:
        text = (await desk.get(f"/console/{path}")).body.removeprefix("\ufeff")
        return list(csv.DictReader(io.StringIO(text)))

    long = "Wirtschaftswissenschaftlicher Lesesaal A"
    facts = ("场馆", "楼层", "区域", "座位")
    assert [[row[name] for name in facts] for row in await rows(f"bookings.csv?{day}")] == [
        ["Hauptbibliothek", "1. OG", "Lesesaal A", "A-1-07"],
        ["Rechtshaus", "二层", long, "Carrel 3"],
    ]
    areas = await rows(f"statistics.csv?table=areas&{day}")
    places = [[row[name] for name in facts[:3]] for row in areas]
    assert ["Hauptbibliothek", "EG", "A区"] in places and ["Rechtshaus", "0", "A区"] in places
    seats = await rows(f"statistics/seats.csv?area=jura-1&{day}")
    assert [row[name] for row in seats[:1] for name in facts] == [
        *("Rechtshaus", "二层", long),
        "A-1-07",
    ]


async def test_names_by_language_and_floors_are_given_in_the_console(service: Living) -> None:
    head, catalog = await staff(service, Role.ADMINISTRATOR), service.inside.reference
    reader = await service.reader()

    async def rename(path: str, base: object = "", **form: str) -> int:
        answer = await post(service, head, f"/console/{path}", base=str(base), **form)
        return int(answer.status)

    venue = {"operation": "names", "name-en": "Law School", "floor_0": "EG", "floor_1-en": "Up"}
    assert await rename("venues/jura", 0, **venue, **{"floor_1": "1. OG"}) == 303
    assert await rename("venues/jura", 0, **venue) == 409, "changed meanwhile"
    long = {"operation": "names", "floor_0": "EG", "floor_1-en": "x" * 21}
    refused = await post(service, head, "/console/venues/jura", base="1", **long)
    assert refused.status == 400 and "名称为 1–20 字" in refused.body and "x" * 21 in refused.body
    area = {"name": "Lesesaal A", "floor": "1", "name-en": "Reading room"}
    assert await rename("plans/jura-1/settings", 0, **area, **{"name-zh": ""}) == 303
    kiosk = {"name": "Säule", "venue": "jura", "was_name": "Säule am Eingang", "was_venue": "jura"}
    kiosk |= {"name-en": "Kiosk", "name-zh": "查询机"}
    assert await rename("devices/kiosk/jura-k", **kiosk) == 409, "without its present names"
    assert await rename("devices/kiosk/jura-k", **kiosk, was_names="en Pillar") == 303
    await catalog.refresh()
    changed = catalog.catalog.kiosks[KIOSKS[0].id]
    assert (changed.name, changed.names) == ("Säule", {"en": "Kiosk", "zh": "查询机"})
    seat = await reader.ok("GET", "/seats/jura-1-0")
    assert seat["label"] == "Rechtshaus · 1. OG · Lesesaal A · A-1-07号"
    assert seat["labels"] == {"en": "Law School · Up · Reading room · A-1-07"}
    audit = (await head.get("/console/audit")).body
    for words in ("en Law School", "0 EG; 1 1. OG en Up", "en Reading room", "en Kiosk; zh 查询机"):
        assert words in audit, words
    # The console's own pages call places by their names in the viewer's language.
    for page, words in (
        ("plans/jura-1/labels", "Reading room"),
        ("plans/jura-1/settings", "Law School"),
        ("devices", "<b>Law School</b>"),
        ("staff", "> Law School</label>"),
        ("plans", ">Law School</option>"),
    ):
        english = await head.get(f"/console/{page}", **{"Accept-Language": "en"})
        assert words in english.body, page
    # An area's table has a column for each language, and takes further ones.
    table = (await head.get("/console/plans/jura-1.csv")).body
    rows = list(csv.reader(io.StringIO(table.removeprefix("\ufeff"))))
    assert rows[0][-1] == "区域:en" and {row[-1] for row in rows[1:]} == {"Reading room"}
    french = table.replace("区域:en", "area：fr").replace("Reading room", "Salle A")
    preview = await upload(service, head, french)
    assert (await confirm(service, head, hidden_plans(preview.body))).status == 303
    await catalog.refresh()
    names = catalog.catalog.areas[AREAS[3].id].names
    assert names == {"en": "Reading room", "fr": "Salle A"}


async def test_screens_get_names_in_every_language(service: Living) -> None:
    await with_rules(service, hall_display=True, public_occupancy=True)
    hall = await service.anonymous.get(f"//display/{HAUPT.id}")
    assert "<h1>总馆</h1>" in hall.body
    board = (await service.anonymous.get(f"//display/{JURA.id}/board")).body["html"]
    for words in ("<h2>0层", "<h2>二层", "经济学阅览室"):
        assert words in board, words
    answer = await service.anonymous.ok("GET", f"/public/occupancy?venue={HAUPT.id}")
    first = answer["items"][0]
    assert (first["venue_names"], first["names"]) == (dict(HAUPT.names), {"en": "Zone A"})
    assert (first["floor_name"], first["floor_names"]) == ("EG", {"en": "Ground floor"})
