"""一起坐: a reader books a seat and holds others beside it, which friends accept by themselves."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from typing import Any

import pytest

from models.identity.roles import Role
from models.policy.entities import OpeningRule
from tests.api.browsing import Browser
from tests.api.changes import HALL, suspended, with_rules, with_seat, with_visit
from tests.api.console import log, post, staff
from tests.api.reader_groups import group
from tests.living import SEAT, Client, Living

ONE, TWO = "2f-hall-011", "2f-hall-012"


def wish(service: Living, **other: Any) -> dict[str, Any]:
    """A party of three from 14:00 to 16:00."""
    usual = {"seat_id": SEAT, "friends": [ONE, TWO], "start": "14:00", "end": "16:00"}
    return {"date": service.today} | usual | other


async def begin(service: Living, asker: Client, **other: Any) -> tuple[str, str]:
    """The ids of the asker's own booking and of the invitation."""
    made = await asker.ok("POST", "/parties", wish(service, **other))
    return made["reservation"]["id"], made["party"]["invitation"]


async def statuses(reader: Client, *seats: str) -> list[str]:
    """The states of the seats on the reader's map from 14:00 to 16:00."""
    day, (area,) = reader.service.today, {seat.rpartition("-")[0] for seat in seats}
    query = f"?date={day}&start=14:00&end=16:00"
    drawn = (await reader.ok("GET", f"/areas/{area}/map{query}"))["seats"]
    states = {seat["id"]: seat["status"] for seat in drawn}
    return [states[seat] for seat in seats]


async def test_three_friends_sit_side_by_side(service: Living) -> None:
    asker, friend, other, passer_by = [await service.reader() for _ in range(4)]
    made = await asker.ok("POST", "/parties", wish(service), **{"Idempotency-Key": "together-1"})
    again = await asker.ok("POST", "/parties", wish(service), **{"Idempotency-Key": "together-1"})
    assert again == made, "a repeated request makes no second party"
    own, party = made["reservation"], made["party"]
    assert own["state"] == "reserved" and party["until"][11:16] == "08:10"
    assert (await asker.ok("GET", f"/reservations/{own['id']}"))["party"]
    assert await statuses(passer_by, SEAT, ONE, TWO) == ["occupied"] * 3
    booking = {"seat_id": ONE, "date": service.today, "start": "14:00", "end": "16:00"}
    await passer_by.refused("409 seat_taken", "POST", "/reservations", booking)
    link = f"/invitations/{party['invitation']}"
    invitation = await friend.ok("GET", link)
    assert [seat["seat"]["id"] for seat in invitation["seats"]] == [ONE, TWO]
    for own_fact in (asker.reader_id, own["id"], own["receipt"]):
        assert own_fact not in str(invitation), "nobody is named"
    first = await friend.ok("POST", f"{link}/accept", {"seat_id": TWO})
    assert (first["seat"]["id"], first["state"]) == (TWO, "reserved")
    assert "party" not in await friend.ok("GET", f"/reservations/{first['id']}")
    assert await statuses(friend, SEAT, ONE, TWO) == ["occupied", "occupied", "mine"]
    await friend.refused("409 own_overlap", "POST", f"{link}/accept", {})
    await asker.refused("409 own_overlap", "POST", f"{link}/accept", {})
    await other.refused("409 invitation_over", "POST", f"{link}/accept", {"seat_id": TWO})
    assert (await other.ok("POST", f"{link}/accept", {}))["seat"]["id"] == ONE
    await passer_by.refused("409 invitation_over", "POST", f"{link}/accept", {})
    # The asker reads that friends have come, and not who; the friends read of their own bookings.
    await service.settle()
    messages = (await asker.ok("GET", "/messages"))["items"]
    joined = [m for m in messages if m["title"] == "同伴已接受"]
    assert [sum(no in m["text"] for m in joined) for no in ("011号", "012号")] == [1, 1]
    assert {(m["reservation_id"], m.get("invitation")) for m in joined} == {(own["id"], None)}
    assert not any(who.reader_id in str(joined) for who in (friend, other))
    await asker.ok("POST", "/messages/read", {"ids": [m["id"] for m in messages]})
    own_messages = (await friend.ok("GET", "/messages"))["items"]
    assert [m["title"] for m in own_messages] == ["座位预约成功"]
    party = await asker.ok("GET", f"/reservations/{own['id']}/party")
    assert party["ended"] and [seat["accepted"] for seat in party["seats"]] == [True, True]
    # Each goes on alone.
    await friend.ok("POST", f"/reservations/{first['id']}/cancel")
    await asker.ok("POST", f"/reservations/{own['id']}/cancel")
    assert await statuses(other, SEAT, ONE, TWO) == ["free", "mine", "free"]


async def test_seats_that_are_together_are_proposed(service: Living) -> None:
    reader = await service.reader()
    path = f"/seats/{SEAT}/together?start=14:00&end=16:00&people=3"
    today = f"{path}&date={service.today}"
    proposed = await reader.ok("GET", today)
    (around,) = proposed["items"]
    own, *friends = [seat["id"] for seat in around["seats"]]
    assert (proposed["most"], own, around["seating"]) == (4, SEAT, "one_table")
    await begin(service, reader, friends=friends)
    # What is held is proposed to nobody, and where the own seat is taken, another one is.
    (elsewhere,) = (await (await service.reader()).ok("GET", today))["items"]
    assert not {seat["id"] for seat in elsewhere["seats"]} & {own, *friends}
    assert (await reader.ok("GET", today.replace("people=3", "people=5")))["items"] == []
    await reader.refused("404 not_found", "GET", today.replace(SEAT, "nowhere"))
    await reader.refused("422 in_the_past", "GET", f"{path}&date=2026-09-06")
    await reader.refused("422 outside_horizon", "GET", f"{path}&date=2026-10-01")


async def test_what_nobody_accepts_in_ten_minutes_is_free_again(service: Living) -> None:
    asker, friend = [await service.reader() for _ in range(2)]
    own, invitation = await begin(service, asker)
    await friend.ok("POST", f"/invitations/{invitation}/accept", {"seat_id": ONE})
    await service.move("08:09")
    assert await statuses(asker, SEAT, ONE, TWO) == ["mine", "occupied", "occupied"]
    await service.move("08:10")
    assert await statuses(asker, SEAT, ONE, TWO) == ["mine", "occupied", "free"]
    late = await service.reader()
    await late.refused("409 invitation_over", "POST", f"/invitations/{invitation}/accept", {})
    await late.reserve(TWO)
    assert (await asker.ok("POST", f"/reservations/{own}/party/end"))["ended"]


async def test_what_the_asker_gives_back_is_free_at_once(service: Living) -> None:
    asker, other = [await service.reader() for _ in range(2)]
    own, _ = await begin(service, asker)
    await other.refused("404 not_found", "POST", f"/reservations/{own}/party/end")
    await other.refused("404 not_found", "GET", f"/reservations/{own}/party")
    for _ in range(2):
        assert (await asker.ok("POST", f"/reservations/{own}/party/end"))["ended"]
    assert await statuses(asker, SEAT, ONE, TWO) == ["mine", "free", "free"]


async def test_a_party_is_refused_with_nothing_booked(service: Living) -> None:
    asker, other = [await service.reader() for _ in range(2)]
    await other.reserve("2f-hall-020")
    for changed, refusal in (
        ({"friends": []}, "422 party_too_large"),
        ({"friends": [f"2f-hall-0{n}" for n in range(11, 15)]}, "422 party_too_large"),
        ({"friends": [SEAT]}, "404 not_found"),
        ({"friends": ["3f-east-001"]}, "404 not_found"),
        ({"friends": ["nowhere"]}, "404 not_found"),
        ({"friends": ["2f-hall-020"]}, "409 seat_taken"),
        ({"seat_id": "2f-hall-020"}, "409 seat_taken"),
        ({"end": "23:00"}, "422 closed"),
        ({"start": "07:00"}, "422 in_the_past"),
        ({"date": "2026-10-01"}, "422 outside_horizon"),
    ):
        await asker.refused(refusal, "POST", "/parties", wish(service, **changed))
    own, _ = await begin(service, asker, friends=[ONE, ONE])
    party = await asker.ok("GET", f"/reservations/{own}/party")
    assert [seat["seat"]["id"] for seat in party["seats"]] == [ONE], "one seat, named twice"


async def test_two_a_day_and_none_for_a_week_after_two_that_nobody_joined(service: Living) -> None:
    asker = await service.reader()
    later = wish(service, start="18:00", end="19:00")
    for start, end in (("10:00", "11:00"), ("12:00", "13:00")):
        await begin(service, asker, start=start, end=end)
    answer = await asker.refused("422 too_many_parties", "POST", "/parties", later)
    assert answer.details == {"limit": 2}
    await service.move("08:10")
    answer = await asker.refused("422 parties_refused", "POST", "/parties", later)
    assert answer.details["until"][5:16] == "09-14T08:10"
    await asker.reserve(start="18:00", end="19:00")  # the asker's own bookings go on
    await service.move(timedelta(days=7, minutes=1))
    await begin(service, asker, date=service.today)


async def test_a_friend_accepts_by_their_own_rules(service: Living) -> None:
    asker, suspended, busy = [await service.reader() for _ in range(3)]
    _, invitation = await begin(service, asker)
    until = service.clock.now() + timedelta(days=3)
    await service.db["readers"].update_one(
        {"_id": suspended.reader_id}, {"$set": {"suspended_until": until}}
    )
    service.sessions.invalidate_all()
    accept = f"/invitations/{invitation}/accept"
    await suspended.refused("422 suspended", "POST", accept, {})
    for hour in range(16, 21):
        await busy.reserve("2f-hall-030", f"{hour}:00", f"{hour + 1}:00")
    await busy.refused("422 daily_limit", "POST", accept, {})
    for wrong in (invitation[:-1] + "x", invitation[:24] + "0" * 32, "x", "%C3%A9" * 32):
        await busy.refused("404 not_found", "GET", f"/invitations/{wrong}")
    await busy.refused("404 not_found", "POST", accept, {"seat_id": "2f-hall-030"})


async def test_each_rule_of_a_booking_holds_for_each_seat_of_a_party(service: Living) -> None:
    asker, friend = [await service.reader() for _ in range(2)]
    _, invitation = await begin(service, asker, seat_id=TWO, friends=[SEAT])
    new = wish(service, seat_id="2f-hall-020", friends=[ONE], start="18:00", end="20:00")

    async def refused(refusal: str, reader: Client, **changed: Any) -> None:
        await reader.refused(refusal, "POST", "/parties", new | changed)

    async def both_refused(refusal: str) -> None:
        """The asker, who would hold the seat again, and the friend, for whom it is held."""
        await refused(refusal, asker, friends=[SEAT])
        await friend.refused(refusal, "POST", f"/invitations/{invitation}/accept", {})

    await refused("422 off_grid", asker, start="18:30")
    await refused("422 too_long", asker, start="14:00", end="20:00")
    await refused("409 own_overlap", asker, start="15:00", end="17:00")
    await with_rules(service, min_minutes=150)
    await refused("422 too_short", asker)
    await with_rules(service, min_minutes=10, booking_opens_at=time(12))
    await refused("422 not_open_yet", asker, date=service.tomorrow)
    await with_rules(service, booking_opens_at=None, daily_booking_limit=1)
    await refused("422 daily_limit", asker)
    await with_rules(service, daily_booking_limit=5)

    await with_seat(service, disabled="插座维修")
    await both_refused("422 seat_disabled")
    await with_rules(service, accessible_only=True)
    await with_seat(service, disabled=None, accessible=True)
    await both_refused("422 seat_kept")
    await with_rules(service, accessible_only=False)
    opening = service.inside.reference.policy.opening
    today = date.fromisoformat(service.today)
    closed = OpeningRule(None, None, today, today, reason="电路检修")
    await with_rules(service, opening=(*opening, closed))
    await both_refused("422 closed")
    await with_rules(service, opening=opening)
    await suspended(service, asker, True)
    await refused("422 suspended", asker)
    await suspended(service, asker, False)
    admin = await staff(service, Role.ADMINISTRATOR)
    keep = {"confirmed": "yes", "bookings": "keep"}
    await group(service, admin, **{f"area-{HALL}": "on"}, **keep)
    await both_refused("422 group_only")
    await with_visit(service, friend, date(2026, 9, 6))
    await refused("422 not_admitted", friend)
    await friend.refused("422 not_admitted", "POST", f"/invitations/{invitation}/accept", {})
    assert await service.db["reservations"].count_documents({}) == 2, "one booking, one party"


async def test_a_named_friend_alone_accepts_their_seat(service: Living) -> None:
    asker, named, other = [await service.reader() for _ in range(3)]
    body = wish(service, invited={ONE: f" {named.number} "})
    await asker.refused("404 not_found", "POST", "/parties", body | {"invited": {SEAT: "1"}})
    made = await asker.ok("POST", "/parties", body)
    own, link = made["reservation"]["id"], f"/invitations/{made['party']['invitation']}"
    assert [seat["named"] for seat in made["party"]["seats"]] == [True, False]
    await service.settle()
    (message,) = [
        m for m in (await named.ok("GET", "/messages"))["items"] if m["title"] == "邀请您一起坐"
    ]
    assert message["text"].startswith("张三邀请您坐在一起") and "保留到 08:10" in message["text"]
    assert (message["reservation_id"], message["invitation"]) == (None, own)
    await named.ok("POST", "/messages/read", {"ids": [message["id"]]})
    # By the link others see and accept what is held for everybody.
    assert [s["held"] for s in (await other.ok("GET", link))["seats"]] == [False, True]
    await other.refused("409 invitation_over", "POST", f"{link}/accept", {"seat_id": ONE})
    await other.refused("404 not_found", "GET", f"/invitations/{own}")
    # The message leads the named friend there without a secret.
    page = (await Browser(await service.web_reader(named)).get("/notices")).body
    assert f'href="/together/{own}"' in page
    first = await named.ok("POST", f"/invitations/{own}/accept", {})
    assert first["seat"]["id"] == ONE
    assert (await other.ok("POST", f"{link}/accept", {}))["seat"]["id"] == TWO


async def test_nobody_learns_whether_a_number_has_a_reader(service: Living) -> None:
    asker, named = [await service.reader() for _ in range(2)]
    answers = []
    for number, hour in ((named.number, 9), ("20990001", 11)):
        at = {"start": f"{hour}:00".zfill(5), "end": f"{hour + 1}:00"}
        made = await asker.ok("POST", "/parties", wish(service, invited={ONE: number}, **at))
        answers.append([{**seat, "seat": seat["seat"]["id"]} for seat in made["party"]["seats"]])
    assert answers[0] == answers[1]
    await service.settle()
    link = f"/invitations/{made['party']['invitation']}"
    await named.refused("409 invitation_over", "POST", f"{link}/accept", {"seat_id": ONE})
    # A named friend who is erased leaves no trace.
    reader = await service.inside.stored.readers.get(named.reader_id)
    assert reader is not None
    await service.inside.erasure.erase(reader, service.clock.now())
    assert named.reader_id not in await service.all_documents()


@pytest.mark.whole
async def test_an_erased_asker_leaves_the_friends_bookings(service: Living) -> None:
    asker, friend = [await service.reader() for _ in range(2)]
    _, invitation = await begin(service, asker)
    await friend.ok("POST", f"/invitations/{invitation}/accept", {"seat_id": ONE})
    reader = await service.inside.stored.readers.get(asker.reader_id)
    assert reader is not None
    await service.inside.erasure.erase(reader, service.clock.now())
    assert await statuses(friend, SEAT, ONE, TWO) == ["free", "mine", "free"]
    assert asker.reader_id not in await service.all_documents()


async def test_the_rules_decide_who_may_hold_seats(service: Living) -> None:
    asker = await service.reader()

    async def says_together() -> list[bool]:
        times = await asker.ok("GET", f"/seats/{SEAT}/times?date={service.today}&start=14:00")
        proposed = (await asker.ok("GET", "/proposal"))["proposed"]
        return [one.get("together", False) for one in (times, proposed)]

    assert await says_together() == [True, True]
    await with_rules(service, party_people=1)
    assert await says_together() == [False, False]
    answer = await asker.refused("422 party_too_large", "POST", "/parties", wish(service))
    assert answer.details == {"most": 1}, "switched off"
    await with_rules(service, party_people=6, party_share_percent=2)
    answer = await asker.refused("422 party_too_large", "POST", "/parties", wish(service))
    assert answer.details["most"] < 3, "the area's share"
    await with_rules(service, booking_opens_at=time(8), opening_draw=True, party_share_percent=20)
    tomorrow = wish(service, date=service.tomorrow)
    await asker.refused("422 no_party_during_draw", "POST", "/parties", tomorrow)
    await service.jump("08:01")
    await asker.ok("POST", "/parties", tomorrow)


async def test_the_desk_sees_held_seats_without_a_reader_and_gives_them_back(
    service: Living,
) -> None:
    desk, asker = await staff(service), await service.reader()
    own, _ = await begin(service, asker, start="now", end="10:00")
    here = f"/console/reservations/{own}"
    for seat in ("", "&seat=2f-hall-065", "&seat=2f-hall-011"):
        answer = await desk.get(f"/console/seats?area=2f-hall{seat}")
        assert answer.status == 200, seat
    said = dict(re.findall(r'id="s-2f-hall-(\d+)"[^>]*aria-label="([^"]+)"', answer.body))
    assert "为同伴保留" in said["011"] and f'href="{here}"' in answer.body
    page = (await desk.get(here)).body
    assert "为同伴保留到 08:10" in page and "<b>011 号</b>、<b>012 号</b>" in page
    viewer = await staff(service, Role.VIEWER)
    assert "/party" not in (await viewer.get(here)).body
    assert (await post(service, viewer, f"{here}/party")).status == 403
    assert (await post(service, desk, f"{here}/party", reason="")).status == 400
    assert (await asker.ok("GET", f"/reservations/{own}/party"))["ended"] is False
    assert (await post(service, desk, f"{here}/party")).status == 303
    assert await log(service) == [("end_party", f"reservation:{own}", "done")]
    await (await service.reader()).reserve(ONE, "now", "10:00")
    assert (await asker.ok("GET", f"/reservations/{own}/party"))["ended"] is True
    assert "/party" not in (await desk.get(here)).body
    assert (await post(service, desk, f"{here[:-1]}x/party")).status == 404
