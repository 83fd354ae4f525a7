"""Messages that later events have made untrue."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.check_in import transitions as check_in_transitions
from models.messages.entities import Message, Template
from models.policy.entities import Policy
from models.reservations import transitions
from models.reservations.entities import Reservation
from notify.delivery.relevance import is_overtaken
from tests.builders import BY_READER, LI, PROOF, away, but, in_use, on, on_seat, reserved

HELD = reserved()
AWAY = away(left=on("14:30"))


def message_of(template: Template, r: Reservation, at: str) -> Message:
    """The message with the facts of that moment."""
    names = {
        Template.LEAVE: ("left_at", "return_by"),
        Template.LEAVE_REMINDER: ("return_by",),
    }.get(template, ("start", "end"))
    facts = {name: getattr(r, name) for name in names}
    return Message("m", LI, template, "", "", on(at), facts, r.id)


def moved(r: Reservation) -> Reservation:
    """The reservation on another seat."""
    return transitions.change(
        r,
        on_seat(r, "2f-hall-066"),
        policy=Policy(),
        actor=BY_READER,
        now=on("08:05"),
    )


def left_again(returns: timedelta) -> Reservation:
    back = check_in_transitions.return_from_leave(AWAY, PROOF, Policy(), BY_READER, on("14:40"))
    assert AWAY.return_by is not None
    return check_in_transitions.leave(
        back, AWAY.return_by + returns, Policy(), BY_READER, on("14:45")
    )


@pytest.mark.parametrize(
    ("message", "now", "expected"),
    [
        (message_of(Template.RESERVED, HELD, "08:00"), HELD, False),
        (message_of(Template.RESERVED, HELD, "08:00"), in_use(), True),
        (message_of(Template.RESERVED, HELD, "08:00"), moved(HELD), True),
        (message_of(Template.RESERVED, moved(HELD), "08:05"), moved(HELD), False),
        (message_of(Template.CHECK_IN_REMINDER, HELD, "08:02"), moved(HELD), True),
        (message_of(Template.LEAVE, AWAY, "14:30"), AWAY, False),
        (message_of(Template.LEAVE, AWAY, "14:30"), left_again(timedelta(minutes=15)), True),
        (message_of(Template.LEAVE, AWAY, "14:30"), left_again(timedelta()), True),
        (message_of(Template.LEAVE_REMINDER, AWAY, "14:50"), AWAY, False),
        (
            message_of(Template.LEAVE_REMINDER, AWAY, "14:50"),
            left_again(timedelta(minutes=15)),
            True,
        ),
        (message_of(Template.ENDING_SOON, in_use(), "15:50"), but(in_use(), end=on("17:00")), True),
        (message_of(Template.ENDED, in_use(), "15:50"), but(in_use(), end=on("17:00")), False),
    ],
)
def test_messages_overtaken_by_later_events_are_recognised(
    message: Message, now: Reservation, expected: bool
) -> None:
    assert is_overtaken(message, now) is expected
