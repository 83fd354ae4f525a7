"""Bookings of rooms: the transition table, its diagram, and what each state holds."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from typing import Final

import pytest

from models.kernel.errors import WrongState
from models.kernel.ids import ReaderId
from models.kernel.time_range import TimeRange
from models.library.rooms import RequestAnswer, Room, RoomId, RoomRules
from models.policy.entities import Policy
from models.policy.open_hours import OpenHours
from models.readers.context import RequestContext
from models.readers.entities import PersonalData, Reader
from models.reservations.room_booking import (
    LIVE,
    TRANSITIONS,
    RoomEvent,
    RoomState,
    RoomTime,
    advance,
    changed,
    settled,
    withdrawn,
)
from models.reservations.rules import TimeSelection
from models.rooms.errors import RoomFull
from models.rooms.rules import booking_in_place_of, check_order
from tests.builders import (
    BY_READER,
    LI,
    MONDAY,
    ROOM_BOOKING,
    TOMORROW,
    VENUE,
    ZHANG,
    ZONE,
    hours,
    on,
    outcome,
)
from tests.tools import ROOT

PAGE: Final = ROOT / "docs" / "rooms.md"
WANG: Final = ReaderId("c" * 24)


def test_the_documented_diagram_matches_the_transition_table() -> None:
    (diagram,) = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", Path(PAGE).read_text(), re.S)
    arrows = re.findall(r"^ *(\S+) --> (\S+?)(?:: (\w+))?$", diagram, re.M)
    inner = {(a, e): b for a, b, e in arrows if "[*]" not in (a, b)}
    assert inner == {(s.value, e.value): to.value for (s, e), to in TRANSITIONS.items()}
    assert {a for a, b, _ in arrows if b == "[*]"} == {s.value for s in set(RoomState) - LIVE}
    begins = [(b, e) for a, b, e in arrows if a == "[*]"]
    assert begins == [("requested", "request"), ("reserved", "reserve")]


@pytest.mark.parametrize("event", RoomEvent)
@pytest.mark.parametrize("state", RoomState)
def test_each_event_leads_where_the_table_says_and_repeated_changes_nothing(
    state: RoomState, event: RoomEvent
) -> None:
    old = replace(ROOM_BOOKING, state=state)
    targets = {to for (before, e), to in TRANSITIONS.items() if e is event and before is not to}
    if state in targets:
        assert advance(old, event, BY_READER, on("14:10")) is old
    elif (state, event) not in TRANSITIONS:
        with pytest.raises(WrongState):
            advance(old, event, BY_READER, on("14:10"))
    else:
        new = advance(old, event, BY_READER, on("14:10"))
        assert (
            new is not old
            and new.state is TRANSITIONS[state, event]
            and new.history[-1].event == event.value
        )
        assert (new.ended_at is None) is (new.state in LIVE)


ROOM: Final = "m:r1:2026-09-07:"
WEEK: Final = f"q:{ZHANG}:2026-W37:2"


@pytest.mark.parametrize(
    ("state", "ended", "buffer", "room", "people", "counts"),
    [
        (RoomState.REQUESTED, None, 30, [28, 29, 30], 2, True),
        (RoomState.RESERVED, None, 30, [28, 29, 30], 2, True),
        (RoomState.IN_USE, None, 0, [28, 29], 2, True),
        (RoomState.FINISHED, "14:10", 30, [28, 29], 0, True),
        (RoomState.FINISHED, "14:10", 0, [], 0, True),
        (RoomState.FINISHED, "13:25", 30, [], 0, True),
        (RoomState.COMPLETED, "15:00", 60, [28, 29, 30, 31], 0, True),
        (RoomState.NO_SHOW, "14:30", 30, [], 0, True),
        (RoomState.CANCELLED, "13:59", 30, [], 0, False),
        (RoomState.CANCELLED, "14:00", 30, [], 0, True),
        (RoomState.DECLINED, "13:00", 30, [], 0, False),
        (RoomState.RELEASED, "14:10", 30, [], 0, False),
    ],
)
def test_what_a_booking_holds(
    state: RoomState,
    ended: str | None,
    buffer: int,
    room: list[int],
    people: int,
    counts: bool,
) -> None:
    ended_at = on(ended) if ended else None
    b = replace(ROOM_BOOKING, state=state, ended_at=ended_at, buffer=timedelta(minutes=buffer))
    claims = b.claims(ZONE)
    assert [claim for claim in claims if claim.startswith("m:")] == [f"{ROOM}{n}" for n in room]
    assert len({claim.split(":")[1] for claim in claims if claim.startswith("r:")}) == people
    assert (WEEK in claims) is counts


@pytest.mark.parametrize(
    ("changed", "now", "state"),
    [
        ({"state": RoomState.REQUESTED, "answer_by": on("13:00")}, "12:59", RoomState.REQUESTED),
        ({"state": RoomState.REQUESTED, "answer_by": on("13:00")}, "13:00", RoomState.DECLINED),
        (
            {
                "state": RoomState.REQUESTED,
                "answer_by": on("13:00"),
                "unanswered": RequestAnswer.APPROVE,
            },
            "13:00",
            RoomState.RESERVED,
        ),
        ({"confirm_by": on("13:00")}, "13:00", RoomState.RESERVED),
        ({"confirm_by": on("13:00"), "least": 3}, "12:59", RoomState.RESERVED),
        ({"confirm_by": on("13:00"), "least": 3}, "13:00", RoomState.RELEASED),
        ({}, "14:29", RoomState.RESERVED),
        ({}, "14:30", RoomState.NO_SHOW),
        ({"state": RoomState.IN_USE, "confirm_by": on("13:00"), "least": 3}, "14:59", "in_use"),
        ({"state": RoomState.IN_USE}, "23:00", RoomState.COMPLETED),
    ],
)
def test_a_deadline_is_applied_at_the_instant_at_which_it_was_due(
    changed: dict[str, object], now: str, state: str
) -> None:
    old = replace(ROOM_BOOKING, **changed)  # type: ignore[arg-type]
    new = settled(old, on(now))
    assert new.state == state
    if new is not old:
        assert new.history[-1].at == old.deadline and new.news_due is (state != "completed")


def test_who_withdraws_after_the_deadline_takes_the_room_from_nobody() -> None:
    b = replace(ROOM_BOOKING, people=(ZHANG, LI, WANG), least=3, confirm_by=on("13:00"))
    early, late = (withdrawn(b, WANG, on(clock)) for clock in ("12:59", "13:00"))
    assert settled(early, on("13:00")).state is RoomState.RELEASED
    assert settled(late, on("13:00")).state is RoomState.RESERVED
    # The deadline of a booking that lacked people is not over by that.
    lacking = replace(b, people=(ZHANG, LI))
    assert settled(withdrawn(lacking, LI, on("13:00")), on("13:00")).state is RoomState.RELEASED


LATER: Final = replace(
    ROOM_BOOKING,
    room_id=RoomId("r2"),
    span=hours("16:00", "17:00"),
    buffer=timedelta(),
    people=(ZHANG,),
    number=1,
    purpose="组会",
    check_in_until=on("16:30"),
)
"""The booking that its booker would get now in place of ``ROOM_BOOKING``."""


def test_a_changed_booking_has_the_new_place_and_its_old_people() -> None:
    new = changed(ROOM_BOOKING, LATER, BY_READER, on("09:00"))
    placed = ("room_id", "span", "buffer", "purpose", "check_in_until")
    assert [getattr(new, name) for name in placed] == [getattr(LATER, name) for name in placed]
    kept = ("people", "number", "made_at", "state")
    assert [getattr(new, name) for name in kept] == [getattr(ROOM_BOOKING, name) for name in kept]
    assert new.changed_from == RoomTime(RoomId("r1"), ROOM_BOOKING.span)
    assert {claim.split(":")[1] for claim in new.claims(ZONE) if claim[0] in "mr"} == {
        *("r2", ZHANG, LI),
    }
    # Until they have learned of it they are told of one change.
    again = changed(new, ROOM_BOOKING, BY_READER, on("09:01"))
    assert again.changed_from == new.changed_from and again.untold
    alone = changed(replace(ROOM_BOOKING, people=(ZHANG,)), LATER, BY_READER, on("09:00"))
    assert not alone.untold and alone.deadline == on("16:30")


@pytest.mark.parametrize(
    ("facts", "now", "refusal"),
    [
        ({}, "13:59", "ok"),
        ({}, "14:00", "wrong_state"),
        ({"confirm_by": on("13:00")}, "13:00", "ok"),
        ({"confirm_by": on("13:00"), "least": 3}, "12:59", "ok"),
        ({"confirm_by": on("13:00"), "least": 3}, "13:00", "too_late"),
        ({"answer_by": on("13:00")}, "13:00", "ok"),
        ({"answer_by": on("13:00"), "state": RoomState.REQUESTED}, "12:59", "ok"),
        ({"answer_by": on("13:00"), "state": RoomState.REQUESTED}, "13:00", "too_late"),
        ({"state": RoomState.IN_USE}, "13:40", "wrong_state"),
        ({"state": RoomState.CANCELLED}, "09:00", "wrong_state"),
    ],
)
def test_a_booking_can_be_changed_before_its_stay_and_its_deadlines(
    facts: dict[str, object], now: str, refusal: str
) -> None:
    b = replace(ROOM_BOOKING, **facts)  # type: ignore[arg-type]
    assert outcome(lambda: changed(b, LATER, BY_READER, on(now))) == refusal


DECLINED, APPROVED = (RoomRules(unanswered=RequestAnswer(each)) for each in ("decline", "approve"))


@pytest.mark.parametrize(
    ("span", "purpose", "rules", "now", "refusal"),
    [
        (hours("14:00", "14:30"), "", DECLINED, "09:00", "ok"),
        (hours("14:30", "15:00"), "", DECLINED, "13:30", "ok"),
        (hours("14:00", "15:00"), "组会", DECLINED, "09:00", "approval_needed"),
        (hours("14:00", "15:30"), "", APPROVED, "09:00", "approval_needed"),
        (hours("13:30", "14:30"), "", APPROVED, "12:45", "approval_needed"),
        (hours("13:30", "14:30"), "", DECLINED, "12:45", "request_too_late"),
        (hours("14:00", "15:30"), "", RoomRules(), "09:00", "approval_needed"),
        (hours("14:00", "14:30"), "", RoomRules(purpose_wanted=True), "09:00", "malformed"),
    ],
)
def test_an_approved_booking_becomes_no_longer_without_the_library(
    span: TimeRange, purpose: str, rules: RoomRules, now: str, refusal: str
) -> None:
    reader = Reader(ZHANG, "student", None, lambda: PersonalData("", ""))
    approved = replace(ROOM_BOOKING, answer_by=on("13:00"))
    room = Room(RoomId("r1"), VENUE, "r1", 2, 2, 4, rules=rules)
    ctx = RequestContext(reader, BY_READER, on(now))

    def change() -> None:
        to = booking_in_place_of(approved, room, ctx, MONDAY, span, purpose, Policy())
        assert changed(approved, to, BY_READER, on(now)).state is RoomState.RESERVED
        crowd = replace(approved, people=(*(ReaderId(str(n)) for n in range(5)),))
        with pytest.raises(RoomFull):
            booking_in_place_of(crowd, room, ctx, MONDAY, span, purpose, Policy())

    assert outcome(change) == refusal


@pytest.mark.parametrize(
    ("closes", "start", "end", "refusal"),
    [
        ("22:00", "16:00", "14:00", "end_before_start"),
        ("22:00", "16:00", "16:00", "end_before_start"),
        ("22:00", "16:00", "17:00", "ok"),
        ("22:00", "16:00", "00:00", "ok"),  # not open then, which is another refusal
        ("02:00", "16:00", "14:00", "ok"),  # the next day's
        ("22:00", None, "08:59", "end_before_start"),
        ("22:00", None, "09:30", "ok"),
    ],
)
def test_an_end_before_the_start_is_one_where_the_room_is_not_open_over_midnight(
    closes: str, start: str | None, end: str, refusal: str
) -> None:
    closing = on(closes, MONDAY if closes == "22:00" else TOMORROW)
    open = OpenHours((TimeRange(on("07:00"), closing),), "")
    begin = time.fromisoformat(start) if start else None
    wish = TimeSelection(MONDAY, begin, time.fromisoformat(end))
    assert outcome(lambda: check_order(ZONE, wish, open, on("09:00:30"))) == refusal


REQUESTED: Final = {"state": RoomState.REQUESTED, "answer_by": on("13:00")}
LACKING: Final = {"confirm_by": on("12:00"), "least": 3}


@pytest.mark.parametrize(
    ("changed", "now", "sent", "left"),
    [
        ({}, "13:29", None, ["13:30", "14:00"]),
        ({}, "13:30", "13:30", ["13:30", "14:00"]),
        ({}, "14:05", "14:00", ["13:30", "14:00"]),  # one message after a pause
        ({}, "14:30", None, ["13:30", "14:00"]),  # the deadline has passed
        ({"reminded_until": on("13:30")}, "14:00", "14:00", ["14:00"]),
        ({"reminded_until": on("13:45")}, "13:50", None, ["14:00"]),  # made, or moved, after that
        ({"check_in_from": on("14:00")}, "14:00", "14:00", ["14:00"]),
        (REQUESTED, "13:45", None, []),
        (REQUESTED | LACKING, "11:00", "11:00", ["11:00"]),
        (LACKING, "11:59", "11:00", ["11:00"]),
        (LACKING, "12:00", None, ["11:00"]),
        (LACKING | {"reminded_until": on("11:30")}, "11:45", None, []),  # booked too late for it
        (LACKING | {"least": 2}, "11:30", None, ["13:30", "14:00"]),
        *(({"state": s}, "14:10", None, []) for s in set(RoomState) - {"reserved", "requested"}),
    ],
)
def test_what_people_are_reminded_of(
    changed: dict[str, object], now: str, sent: str | None, left: list[str]
) -> None:
    b = replace(ROOM_BOOKING, **changed)  # type: ignore[arg-type]
    assert b.reminder_at(on(now)) == (on(sent) if sent else None)
    assert [*b.reminders] == [on(instant) for instant in left]
    assert left == [] or b.due_at == on(left[0])


def test_an_approved_request_is_not_reminded_of_what_is_over() -> None:
    asked = replace(ROOM_BOOKING, state=RoomState.REQUESTED, answer_by=on("13:00"))
    approved = advance(asked, RoomEvent.APPROVE, BY_READER, on("13:40"))
    assert approved.reminder_at(on("13:40")) is None
    assert approved.reminder_at(on("14:00")) == on("14:00")
