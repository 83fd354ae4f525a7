"""Browsing before binding: public data only."""

from __future__ import annotations

from miniapp_server.sandbox.defaults import SANDBOX_TEMPLATES
from models.identity.roles import Role
from tests.api.console import staff
from tests.api.library_profile import NAMES, save
from tests.api.reader_groups import ROOM, enter, group
from tests.api.reader_groups import SEAT as OF_THE_ROOM
from tests.api.seat_map_watcher import watching
from tests.living import SEAT, Living

LOOKS = (
    "/venues",
    "/areas",
    "/areas?start=14:00&end=16:00",
    "/areas/2f-hall/map",
    f"/areas/{ROOM}/map",
    f"/seats/{SEAT}",
    f"/seats/{SEAT}/times",
    f"/seats/{SEAT}/times?start=14:00",
    f"/seats/{OF_THE_ROOM}",
    f"/seats/{OF_THE_ROOM}/times",
    "/notices",
    "/notices/how-to-book",
    "/library",
    "/forecast",
)


async def test_an_unbound_phone_sees_what_a_reader_without_groups_sees(service: Living) -> None:
    admin, member, plain, unbound = (
        await staff(service, Role.ADMINISTRATOR),
        await service.reader(),
        await service.reader(),
        await service.wx_user(),
    )
    id = await group(service, admin, shown_name="研究生读者", max_minutes="480")
    assert (await enter(service, admin, member, id)).status == 303
    await member.reserve()
    for path in LOOKS:
        assert await unbound.ok("GET", path) == await plain.ok("GET", path), path
    # What is kept for a group is said to be, and what a member has is nobody's name.
    assert (await unbound.ok("GET", f"/seats/{OF_THE_ROOM}"))["reserved_for"] == ["研究生读者"]
    seats = {s["id"]: s for s in (await unbound.ok("GET", "/areas/2f-hall/map"))["seats"]}
    assert seats[SEAT]["free_until"] == f"{service.today}T14:00:00+08:00"
    assert "mine" not in {s["status"] for s in seats.values()}
    # With the ETag that all others get: a phone that binds keeps what it has.
    etag = (await unbound.get("/areas/2f-hall/map")).headers["ETag"]
    assert (await plain.get("/areas/2f-hall/map", **{"If-None-Match": etag})).status == 304
    assert (await service.stranger().get("/areas")).status == 401


async def test_library_information_names_audience_and_retention_times(service: Living) -> None:
    unbound = await service.wx_user()
    reference = service.inside.reference
    library = await unbound.ok("GET", "/library")
    fields = ["name", "title", "audience", "contact", "keeping", "templates", "review", "rooms"]
    assert list(library) == [*fields, "seasons"]
    assert (
        library["name"] == reference.profile.name
        and library["audience"] == "仅供北京工业大学师生使用"
    )
    assert library["keeping"] == {
        "reservations": 1095, "messages": 180, "movements": 180,
        "feedback": 365, "audit": 1095, "visitors": 90,
    }  # fmt: skip
    ids = {one["message"]: (one["id"], one["long_term"]) for one in library["templates"]}
    assert ids["OFFER"] == ("sandbox-offer", False) and ids.keys() == SANDBOX_TEMPLATES.keys()
    admin = await staff(service, Role.ADMINISTRATOR)
    saved = await save(service, admin, b"", **NAMES | {"audience": "本校师生和校友"})
    assert saved.status == 303, saved.body
    await reference.refresh()
    assert (await unbound.ok("GET", "/library"))["audience"] == "本校师生和校友"
    assert library["rooms"] is True
    reference.rooms.clear()
    assert (await unbound.ok("GET", "/library"))["rooms"] is False


async def test_an_unbound_phone_receives_plan_changes(service: Living) -> None:
    unbound, reader = await service.wx_user(), await service.reader()
    async with watching(unbound) as watcher:
        await watcher.shows(SEAT, "free")
        await reader.reserve(start="now", end="10:00")
        await watcher.shows(SEAT, "occupied")
