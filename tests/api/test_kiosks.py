"""Cards at a kiosk: owners, the rights of a kiosk session, and the attempt limit; and the order in
which readers read of kiosks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from models.library.entities import AreaId, Kiosk, KioskId, VenueId
from tests.api.browsing import Browser
from tests.api.kiosk import CARD, kiosk, touched
from tests.living import Living


async def test_a_card_opens_a_kiosk_session_with_limited_rights(service: Living) -> None:
    owner, key = await service.reader(), await kiosk(service)
    await service.inside.stored.cards.put(CARD, owner.reader_id)
    made = await owner.reserve(start="now", end="10:00")
    path = "/kiosks/2f-south/check-in"
    body: dict[str, Any] = {"reservation_id": made["id"]}
    at_kiosk = await touched(service, service.stranger())
    await at_kiosk.refused("401 unauthenticated", "POST", path, body)
    await at_kiosk.refused("401 unauthenticated", "POST", path, body, **{"X-Kiosk-Key": "x"})
    other = await service.reader()
    theirs = await other.reserve("2f-hall-064", "now", "10:00")
    await at_kiosk.refused("404 not_found", "POST", path, {"reservation_id": theirs["id"]}, **key)
    assert (await at_kiosk.ok("POST", path, body, **key))["state"] == "in_use"
    # No page of a reader's, and no longer than three minutes.
    page = await service.anonymous.get("//me", Cookie=f"seat_sid={at_kiosk.token}")
    assert page.status == 303 and "/login" in page.headers["Location"]
    await service.move(timedelta(minutes=3, seconds=1))
    await at_kiosk.refused("401 unauthenticated", "GET", "/me")


async def test_a_card_check_in_can_leave_and_return_within_one_code(service: Living) -> None:
    """Within the fifteen seconds of one kiosk code: a card uses no code up."""
    owner, key = await service.reader(), await kiosk(service)
    await service.inside.stored.cards.put(CARD, owner.reader_id)
    made = await owner.reserve(start="now", end="10:00")
    path, body = "/kiosks/2f-south/check-in", {"reservation_id": made["id"]}
    await service.jump("08:10:00")
    at_kiosk = await touched(service, service.stranger())
    assert (await at_kiosk.ok("POST", path, body, **key))["state"] == "in_use"
    await at_kiosk.ok("POST", f"/reservations/{made['id']}/leave")
    assert (await at_kiosk.ok("POST", path, body, **key))["state"] == "in_use"


async def test_unknown_cards_and_wrong_kiosk_keys_are_refused(service: Living) -> None:
    owner, new = await service.reader(), await service.reader()
    cards = service.inside.stored.cards
    await cards.put(CARD, owner.reader_id)
    await cards.put(CARD, owner.reader_id)
    anyone, key = service.anonymous, await kiosk(service)
    for card, refusal in (
        ("12345678", "422 card_unknown"),
        ("1", "400 malformed"),
        ("a b c d", "400 malformed"),
    ):
        await anyone.refused(refusal, "POST", "/kiosks/2f-south/touch", {"card": card}, **key)
    terminal = await kiosk(service, "3f-north")
    touch = {"card": CARD}
    await anyone.refused("404 not_found", "POST", "/kiosks/3f-north/touch", touch, **terminal)
    await anyone.refused("401 unauthenticated", "POST", "/kiosks/2f-south/touch", touch)
    await cards.put(CARD, new.reader_id)  # the card was given to somebody else
    here = await anyone.ok("POST", "/kiosks/2f-south/touch", touch, **key)
    assert here["reader"]["student_no_masked"][-2:] == new.number[-2:]
    assert CARD not in await service.all_documents(), "only a hash of it is kept"


async def test_guessed_cards_are_limited_despite_the_load_test_setting(service: Living) -> None:
    """``RATE_LIMIT_SCALE`` is 1000 here; it applies to rate limits and not to wrong codes."""
    key = await kiosk(service)
    for number in range(30):
        body = {"card": f"1000{number:04}"}
        answer = await service.anonymous.post("/kiosks/2f-south/touch", body, **key)
        assert answer.code == "card_unknown"
    body = {"card": "99999999"}
    await service.anonymous.refused(
        "429 too_many_attempts", "POST", "/kiosks/2f-south/touch", body, **key
    )


async def test_readers_read_of_the_screens_on_their_own_floor_first(service: Living) -> None:
    """Then of those on the floors next to it, and at the end of those whose name says no floor."""
    inside, venue = service.inside, VenueId("library")
    for id, name in (("hall", "大厅查询机"), ("1f", "Floor 1 entrance"), ("14f", "14层查询机")):
        kiosk = Kiosk(KioskId(id), venue, name, "query_terminal")
        assert await inside.stored.catalogs.add_kiosk(kiosk)
    top = inside.reference.area("4f-south")
    tower = replace(top, id=AreaId("14f"), name="塔楼", floor=14, seats=())
    assert await inside.stored.catalogs.add_area(tower)
    await inside.reference.refresh()
    reader = await service.web_reader()
    made = await reader.reserve("4f-south-001", "now", "10:00")
    nearest_first = [
        *("四层北查询机", "三层北查询机", "二层北自助服务区选座机", "二层南自助服务区选座机"),
        *("Floor 1 entrance", "14层查询机", "大厅查询机"),
    ]
    assert (await reader.ok("GET", f"/reservations/{made['id']}"))["kiosks"] == nearest_first
    browser = Browser(reader)
    for path in ("/check-in", f"/reservations/{made['id']}"):
        page = (await browser.get(path)).body
        names = [kiosk.name for kiosk in inside.reference.catalog.kiosks.values()]
        assert sorted(names, key=page.index) == nearest_first, path
