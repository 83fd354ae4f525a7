"""一起坐 in a browser without scripts: choosing seats, the invitation, and the friend's page."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from models.library.entities import AreaId
from tests.api.browsing import Browser
from tests.api.changes import HALL, suspended, with_rules
from tests.api.page_forms import form_of, send
from tests.living import SEAT, Living

TIME = "start=14:00&end=16:00"


def links(page: str, within: str) -> list[str]:
    """The addresses of the choices in the element of this class."""
    part = page.split(f'class="{within}', 1)[1].split("</div>", 1)[0].split("</svg>", 1)[0]
    return [html.unescape(href) for href in re.findall(r'href="(/together[^"]*)"', part)]


async def browser(service: Living) -> tuple[Any, Browser]:
    reader = await service.web_reader()
    return reader, Browser(reader)


def invitation_of(page: str) -> str:
    link = re.search(r"<code>http[^<]*(/together/\w+)</code>", page)
    assert link is not None, page
    return link[1]


def friends_of(href: str) -> set[str]:
    return {*parse_qs(urlsplit(href).query)["friends"][0].split(",")}


async def test_three_sit_together_by_pages_alone(service: Living) -> None:
    (_, asker), (friend_reader, friend), (_, late) = [await browser(service) for _ in range(3)]
    home = f"/?date={service.today}&{TIME}"
    page = (await asker.get(links((await asker.get(home)).body, "go")[0])).body
    sheet = (
        await asker.get(html.unescape(re.findall(r'href="(/areas/[^"]*seat=[^"]*)"', page)[0]))
    ).body
    assert links(sheet, 'soft">和同学一起来？') == links((await asker.get(home)).body, "go")
    _, three, _ = links(page, "times")
    page = (await asker.get(three)).body
    proposed = links(page, "groups")
    own = re.search(r"您坐 <b>(.*?)</b>", page)
    assert own is not None and len(friends_of(proposed[0])) == 2
    # Another free seat is picked on the plan, and one of those proposed is left out again.
    picks = links(page, "glimpse picks")
    more = next(href for href in picks if len(friends_of(href)) == 3)
    page = (await asker.get(more)).body
    fewer = next(href for href in links(page, "glimpse picks") if len(friends_of(href)) == 2)
    page = (await asker.get(fewer)).body
    held = friends_of(fewer)
    made = await send(service, asker, page, "/together")
    assert made.status == 303 and made.headers["Location"].endswith("?done=reserve")
    page = (await asker.get(made.headers["Location"])).body
    assert page.count("等同伴接受") == 2 and "<svg" in page.split('class="invitation-code"')[1]
    # On the pages of others, which are shared by all without bookings, held seats are nobody's.
    csrf = {"csrf": await late.token(), "key": "f", "on": "1", "back": "/"}
    star = await late.post(f"/seats/{min(held)}/favourite", csrf, service.base)
    assert star.status == 303
    assert (await late.get(home)).body.count('class="seat mine"') == 1, "the proposed one"
    link = invitation_of(page)
    invited = (await friend.get(link)).body
    assert f"同学坐 <b>{own[1]}</b>" in invited
    accepted = await send(service, friend, invited, link)
    assert accepted.status == 303
    mine = (await friend_reader.ok("GET", "/reservations", **friend.cookie))["items"]
    assert [one["seat"]["id"] in held for one in mine] == [True]
    # Whoever has accepted, and the asker, are led to their own booking.
    for who, answer in ((friend, accepted), (asker, made)):
        again = await who.get(link)
        assert again.headers["Location"] == answer.headers["Location"].partition("?")[0]
    assert (await asker.get(made.headers["Location"])).body.count("同伴已接受") == 1
    page = (await asker.get(made.headers["Location"])).body
    ended = await send(service, asker, page, r"/reservations/\w+/party/end")
    page = (await asker.get(ended.headers["Location"])).body
    assert "不再为同伴保留座位" in page and page.count("<dd>已放开</dd>") == 1
    assert "这些座位不再保留" in (await late.get(link)).body


@pytest.mark.whole
async def test_what_is_refused_stays_as_it_was_chosen(service: Living) -> None:
    _, asker = await browser(service)
    path = f"/together?date={service.today}&{TIME}&seat={SEAT}&people=3"
    page = (await asker.get(path)).body
    address, fields = form_of(page, "/together")
    taken = fields["friends"].split(",")[0]
    await (await service.reader()).reserve(taken)
    last = fields["friends"].split(",")[1]
    refused = await asker.post(address, fields | {f"friend-{last}": "21070077"}, service.base)
    assert refused.status == 409 and 'role="alert"' in refused.body
    (named,) = re.findall(r'name="(friend-[^"]*)"[^>]* value="21070077"', refused.body) or [""]
    assert named in ("", f"friend-{last}"), "a number stays with its seat"
    assert taken not in form_of(refused.body, "/together")[1]["friends"], "what is free is proposed"
    assert await service.db["reservations"].count_documents({"area": HALL}) == 1
    # A friend's page says why, too, and keeps the other seat to choose.
    made = await asker.post(*form_of(refused.body, "/together"), service.base)
    page = (await asker.get(made.headers["Location"])).body
    link = invitation_of(page)
    friend_reader, friend = await browser(service)
    invited = (await friend.get(link)).body
    gone = form_of(invited, link)[1]["seat_id"]
    await (await service.reader()).ok(
        "POST", f"/invitations/{link.rpartition('/')[2]}/accept", {"seat_id": gone}
    )
    refused = await send(service, friend, invited, link)
    assert refused.status == 409 and form_of(refused.body, link)[1]["seat_id"] != gone
    await suspended(service, friend_reader, True)
    invited = (await friend.get(link)).body
    assert "暂停预约" in invited and "接受并预约" not in invited


@pytest.mark.whole
async def test_who_cannot_sit_together_reads_why(service: Living) -> None:
    _, asker = await browser(service)
    path = f"/together?date={service.today}&{TIME}&seat={SEAT}"
    assert "/areas/2f-hall?" in (await asker.get(path.replace(TIME, ""))).headers["Location"]
    assert (await asker.get(path.replace(SEAT, "nowhere"))).status == 404
    assert (await asker.get(f"{path}&people=99&friends=nowhere,{SEAT}")).status == 200
    # So many neighbours are free in other areas only.
    for seat in service.inside.reference.catalog.areas[AreaId(HALL)].seats[3:]:
        await (await service.reader()).reserve(seat.id)
    page = (await asker.get(f"{path}&people=4")).body
    assert "这里没有 4 个人的空位了" in page and all(
        "seat=2f-hall" not in href for href in links(page, "groups")
    )
    await with_rules(service, party_people=1)
    page = (await asker.get(path)).body
    assert "这个区域不能为同伴保留座位" in page and "<form" not in page.split("<main", 1)[1]
    sheet = (await asker.get(f"/areas/2f-hall?seat={SEAT}&begin=14:00&until=16:00")).body
    assert "/together" not in sheet and "/together" not in (await asker.get("/")).body
