"""Bookings of rooms: the transition table, its diagram, and what each state holds."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from models.kernel.errors import WrongState
from models.kernel.ids import ReaderId
from models.library.rooms import RequestAnswer
from models.reservations.room_booking import (
    LIVE,
    TRANSITIONS,
    RoomEvent,
    RoomState,
    advance,
    settled,
    withdrawn,
)
from tests.builders import BY_READER, LI, ROOM_BOOKING, ZHANG, ZONE, on
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
    targets = {to for (_, e), to in TRANSITIONS.items() if e is event}
    if state in targets:
        assert advance(old, event, BY_READER, on("14:10")) is old
    elif (state, event) not in TRANSITIONS:
        with pytest.raises(WrongState):
            advance(old, event, BY_READER, on("14:10"))
    else:
        new = advance(old, event, BY_READER, on("14:10"))
        assert new.state is TRANSITIONS[state, event] and new.history[-1].event == event.value
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
        assert new.history[-1].at == old.due_at and new.news_due is (state != "completed")


def test_who_withdraws_after_the_deadline_takes_the_room_from_nobody() -> None:
    b = replace(ROOM_BOOKING, people=(ZHANG, LI, WANG), least=3, confirm_by=on("13:00"))
    early, late = (withdrawn(b, WANG, on(clock)) for clock in ("12:59", "13:00"))
    assert settled(early, on("13:00")).state is RoomState.RELEASED
    assert settled(late, on("13:00")).state is RoomState.RESERVED
    # The deadline of a booking that lacked people is not over by that.
    lacking = replace(b, people=(ZHANG, LI))
    assert settled(withdrawn(lacking, LI, on("13:00")), on("13:00")).state is RoomState.RELEASED
