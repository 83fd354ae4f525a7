"""学期座位 on a small phone: a reader applies and verifies list and draw; a holder swaps."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest
from playwright.async_api import expect

from handlers.http.keys import service_key
from models.identity.roles import Role
from models.readers.entities import Reader
from models.seasons.entities import SeasonKind, Thing, Which
from models.seasons.staff import StaffSeasons
from models.staff.audit_log import StaffContext
from tests.browser.conftest import PHONE, Open, is_for_everybody, shows_everybody
from tests.living import Client, Living
from tests.seasons import VALUE, plan

pytestmark = pytest.mark.whole
SMALL: Final = {**PHONE, "viewport": {"width": 320, "height": 568}}
OPEN: Final = "document.querySelectorAll('#own ~ details').forEach((each) => { each.open = true; })"


async def context(service: Living, who: Client) -> StaffContext:
    reader = await service.inside.stored.readers.get(who.reader_id)
    assert isinstance(reader, Reader)
    zone = service.inside.reference.zone
    return StaffContext(reader, Role.ADMINISTRATOR, service.clock.now(), zone)


async def test_a_reader_applies_and_verifies_the_draw(
    service: Living, opened: Open, axe: str
) -> None:
    team, people = service.app[service_key(StaffSeasons)], [await service.reader() for _ in "ab"]
    opens_at = service.clock.now() + timedelta(minutes=1)
    season = await team.announce(await context(service, people[0]), plan(opens_at), "key")
    here = f"/seasons/{season.id}"
    await service.move(timedelta(minutes=2))
    others = [await service.reader() for _ in range(6)]
    for other in others:
        await other.ok("POST", f"{here}/application", {"wishes": ["L-01", "any"]})
    reader = await service.reader()
    tab = await opened(reader.number, **SMALL)
    await tab.go(here)
    await tab.page.fill("[name=wish-1]", "L-03")
    await tab.page.fill("[name=wish-2]", "L-09")
    await tab.page.click("#apply ~ form button[type=submit]")
    await expect(tab.page.locator(".refusal")).to_contain_text("“L-09”不在")
    tab.wrong.clear()  # the browser's console has the refused form
    await tab.page.fill("[name=wish-2]", "l-01")
    await tab.page.click("#apply ~ form button[type=submit]")
    await expect(tab.page.locator("[role=status]").first).to_contain_text("申请已记下")
    await shows_everybody(tab, axe, here, phone=True)

    await service.move(timedelta(days=1))
    await team.start_freeze(await context(service, people[0]), season.id)
    await team.confirm_freeze(await context(service, people[1]), season.id)
    await service.move(timedelta(hours=1))
    await team.start_draw(await context(service, people[0]), season.id, Which.FIRST, VALUE)
    await team.confirm_draw(await context(service, people[1]), season.id, Which.FIRST, VALUE)
    tab = await opened(reader.number, **SMALL)
    await tab.go(here)
    await expect(tab.page.locator("[data-proof] output")).to_contain_text("它在封存的名单里")
    said = tab.page.locator("[data-verify] [role=status]")
    await tab.page.click("[data-draw]")
    await expect(said).to_contain_text(f"Lottery 2026140是 {VALUE}")
    await shows_everybody(tab, axe, here, phone=True)

    assert tab.wrong == []
    desk = await opened("administrator")
    for path in ("/console/seasons", "/console/seasons/new", f"/console{here}"):
        await is_for_everybody(desk, axe, path, phone=False)


async def test_a_holder_swaps_and_gives_up_on_a_small_english_phone(
    service: Living, opened: Open, axe: str
) -> None:
    team, people = service.app[service_key(StaffSeasons)], [await service.reader() for _ in "ab"]
    opens_at = service.clock.now() + timedelta(minutes=1)
    seats = tuple(Thing(f"2f-hall-{n:03}") for n in (65, 66))
    of_seats = plan(opens_at, things=seats, kind=SeasonKind.SEATS)
    season = await team.announce(await context(service, people[0]), of_seats, "key")
    here = f"/seasons/{season.id}"
    await service.move(timedelta(minutes=2))
    readers = [await service.reader() for _ in "ab"]
    await readers[1].ok("POST", f"{here}/application", {"wishes": [seats[1].id]})
    await readers[0].ok("POST", f"{here}/application", {"wishes": [seats[0].id]})
    await service.move(timedelta(days=1))
    await team.start_freeze(await context(service, people[0]), season.id)
    await team.confirm_freeze(await context(service, people[1]), season.id)
    await service.move(timedelta(hours=1))
    await team.start_draw(await context(service, people[0]), season.id, Which.FIRST, VALUE)
    await team.confirm_draw(await context(service, people[1]), season.id, Which.FIRST, VALUE)
    await readers[1].ok("POST", f"{here}/swap", {"thing": seats[0].id})
    tab = await opened(readers[0].number, **SMALL | {"locale": "en-GB"})
    await tab.go("/language/en?back=/")
    await tab.go(here)
    await expect(tab.page.locator("#own ~ form")).to_contain_text("no. 066 for yours")
    await tab.page.click("#own ~ form button")
    await expect(tab.page.locator("[role=status]").first).to_contain_text("Swapped.")
    await tab.page.evaluate(OPEN)
    await shows_everybody(tab, axe, here, phone=True)
    await tab.page.evaluate(OPEN)
    await tab.page.fill("[name=thing]", "065")
    await tab.page.click("text=Ask to swap")
    await expect(tab.page.locator("[role=status]").first).to_contain_text("has been asked")
    await tab.page.evaluate(OPEN)
    await tab.page.check("[type=checkbox][required]")
    await tab.page.click("button:text-is('Give up')")
    await expect(tab.page.locator("[role=status]").first).to_contain_text("given it up")
    await expect(tab.page.locator("#own ~ p").nth(1)).to_contain_text("no. 066 given up")
    assert tab.wrong == []
    desk = await opened("administrator")
    await is_for_everybody(desk, axe, f"/console{here}/holders", phone=True)
