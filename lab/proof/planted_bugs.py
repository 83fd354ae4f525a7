"""Mistakes that a booking service can make. Each is planted into the running service.

Each names the scenario in which it must be found: a search that misses a planted mistake proves
nothing when it finds none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final

from lab.proof import planted_parties as parties
from lab.proof import planted_rooms as rooms
from lab.proof import planted_rules as rules
from lab.proof import planted_seasons as seasons
from lab.proof import planted_writes as writes
from lab.proof.planted_rules import Around
from lab.proof.simulation import Run

Plant = Callable[[Run], None]
DAYS: Final = "simulated days"
"""Stands for the simulated days in place of a scenario."""


def nothing(run: Run) -> None:
    """The ``plant`` of mistakes that are made by ``around`` alone."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A planted mistake and where it must be found.

    ``scenario``: a scenario of the explorer, or ``DAYS``. ``harm``: the harm must begin with one of
    these texts. ``plant``: changes the workers of a run. ``around``: a patch that lasts for the
    whole search. ``faults``: at most this many in a run. ``by_day``: the mistake is not searched
    for across midnight.
    """

    scenario: str
    harm: Sequence[str]
    plant: Plant = nothing
    around: Callable[[], Around] = nullcontext
    faults: int = 0
    by_day: bool = False


_ONE_SEAT: Final = "three want one seat, one of them at both workers"
_CHANGES: Final = "one changes to the seat that another wants, a third wants the old one"
_REPEATED: Final = "a repetition is refused, and the seat is given back"
_GIVEN_BACK: Final = "a seat is given back, one waits for it, another passes by"
_REST: Final = "the rest of a stay is given back, one waits for it, another passes by"
_LEAVES: Final = "a seat is given back while the one who waits for it leaves"
_LONGER: Final = "somebody stays longer in the last moment"
_LAST_MOMENT: Final = "a friend accepts in the last moment of a party"
_TOLD: Final = "a booking is changed twice while its reader is told"
_ASKED_TWICE: Final = "a primary without its majority answers one who asks twice"

PLANTS: Final[Mapping[str, Mistake]] = {
    # Filters and read concerns.
    "no index": Mistake(_ONE_SEAT, ("doubles",), writes.no_index),
    "update by _id alone": Mistake(
        "one changes and cancels, another wants the seat", ("",), writes.by_id_alone
    ),
    "a job without its due condition": Mistake(_LONGER, ("early",), writes.job_without_condition),
    "a change guarded by number": Mistake(
        "a change is undone with its primary, and its number is used again",
        ("orphaned", "doubles"),
        writes.by_number,
        faults=1,
        by_day=True,
    ),
    "reads at local": Mistake(_ASKED_TWICE, ("lost",), writes.local_reads, faults=1),
    "a booking read at local": Mistake(_ASKED_TWICE, ("lost",), writes.booking_at_local, faults=1),
    "a key looked up at local": Mistake(
        "a primary without its majority is asked again when it is too late",
        ("lost",),
        writes.key_at_local,
        faults=1,
    ),
    "a look instead of a tombstone": Mistake(
        "a booking seems to fail, and nobody asks again",
        ("late",),
        writes.look_instead_of_tombstone,
        faults=1,
    ),
    "a look instead of a fence": Mistake(
        "a change seems to fail, and nobody asks again",
        ("late",),
        writes.look_instead_of_fence,
        faults=1,
    ),
    # Idempotency keys.
    "a refusal that does not last": Mistake(
        _REPEATED, ("late",), writes.refusal_that_does_not_last
    ),
    "a booking's key is not claimed": Mistake(_REPEATED, ("late",), writes.booking_without_key),
    "a change's key is not claimed": Mistake(
        "a repetition of a change is refused, and the seat is given back",
        ("late",),
        around=rules.change_without_key,
    ),
    "a key that stays busy": Mistake(_ONE_SEAT, ("unanswered",), writes.key_stays_busy, faults=1),
    # Occupancy in memory.
    "a board that accepts": Mistake(_ONE_SEAT, ("doubles",), writes.board_that_accepts),
    "an old memory refuses": Mistake(
        "a seat is given back behind the back of a worker that remembers",
        ("seat ",),
        around=rules.old_memory,
    ),
    # Claims.
    "a change gives the old seat back first": Mistake(
        _CHANGES, ("orphaned", "doubles"), writes.old_seat_first
    ),
    "a renewal takes no claims": Mistake(
        _LONGER, ("doubles", "orphaned"), around=rules.renewal_without_claims
    ),
    "an earlier end gives nothing back": Mistake(
        _REST, ("orphaned",), around=rules.shorter_stay_keeps_claims
    ),
    "an earlier end gives too much back": Mistake(
        _REST, ("orphaned",), around=rules.shorter_stay_gives_too_much
    ),
    "a check-in without presence": Mistake(
        "a check-in in the last moment, and the release",
        ("orphaned",),
        around=rules.check_in_without_presence,
    ),
    "an early check-in takes no claims": Mistake(
        "a check-in before the start, another one wants the seat until then",
        ("doubles",),
        around=rules.early_check_in_without_claims,
    ),
    "an expired leave gives the day's place back": Mistake(
        "a return in the last moment, and the end of the leave",
        ("orphaned",),
        around=rules.expired_leave_gives_day_back,
    ),
    "one booking a day more": Mistake(
        "a day is full but for one booking, and its reader wants two",
        ("overbooked",),
        around=rules.one_booking_more,
    ),
    "the last minutes are not taken": Mistake(
        "the last minutes before the closing", ("doubles",), around=rules.last_minutes_missed
    ),
    "a half hour more is taken": Mistake(
        _ONE_SEAT, ("refused_free",), around=rules.one_half_hour_more
    ),
    # The waitlist.
    "a hand-over in two steps": Mistake(
        _GIVEN_BACK, ("passed over",), writes.hand_over_in_two_steps
    ),
    "an offer that lapses keeps its seat": Mistake(
        "an offer is accepted, lapses, and the next one waits",
        ("orphaned",),
        around=rules.offer_keeps_claims,
    ),
    "an offer in two transactions": Mistake(
        "a job finds a free seat for one who waits, another passes by",
        ("held",),
        writes.offer_in_two_transactions,
        faults=1,
    ),
    "an offer is looked up before its entry ends": Mistake(
        _LEAVES, ("held",), writes.offer_looked_up_first
    ),
    "an entry ends before its seat is given back": Mistake(
        _LEAVES, ("held",), writes.entry_before_its_seat, faults=1
    ),
    "an offer that lapses ends another one": Mistake(
        "an offer is declined while it lapses, and its reader is offered another seat",
        ("held",),
        writes.any_offer_lapses,
    ),
    # Sitting together.
    "a friend accepts by _id alone": Mistake(
        "two friends accept one seat that is held",
        ("refused_free",),
        parties.accepted_by_id_alone,
    ),
    "a party ends by _id alone": Mistake(_LAST_MOMENT, ("lost",), parties.ended_by_id_alone),
    "a seat goes to a friend in two steps": Mistake(
        "a friend accepts while the asker ends the party, another passes by",
        ("refused_free", "held"),
        parties.accepted_in_two_steps,
    ),
    "the end of a party gives accepted seats back": Mistake(
        _LAST_MOMENT, ("orphaned",), parties.end_gives_all_seats_back
    ),
    "a party claims no seats": Mistake(
        "a party is begun while another reader books one of its seats",
        ("doubles",),
        around=parties.held_without_claims,
    ),
    "parties go on for ever": Mistake(DAYS, ("held",), around=parties.parties_go_on),
    # Rooms.
    "a room is approved by _id alone": Mistake(
        "a request for a room is approved while it is withdrawn, another wants the room",
        ("lost",),
        rooms.answered_by_id_alone,
    ),
    "a room is released by _id alone": Mistake(
        "the last person confirms in the last moment, another wants the room",
        ("lost",),
        rooms.released_by_id_alone,
    ),
    "a room is changed by _id alone": Mistake(
        "a room is changed while another confirms, and a third wants the new time",
        ("lost",),
        rooms.changed_by_id_alone,
    ),
    "a room's buffer is not claimed": Mistake(
        "two want a room one after the other, and it stays empty in between",
        ("doubles",),
        around=rooms.buffer_is_not_claimed,
    ),
    "who confirms a room claims no time": Mistake(
        "a reader confirms a room and books a seat for the same time",
        ("doubles",),
        around=rooms.people_are_not_claimed,
    ),
    "a series of blocks is stored day by day": Mistake(
        "the library blocks a room on two days, all or none, another wants it on the second",
        ("half",),
        rooms.series_day_by_day,
    ),
    # Seasons.
    "a season is changed by _id alone": Mistake(
        "a holder gives up while the day is written", ("strange",), seasons.season_by_id_alone
    ),
    "a day counts as written before it is": Mistake(
        "two workers write a season's day at once", ("missing",), around=seasons.day_noted_first
    ),
    "a season's days can be booked too early": Mistake(
        "a season's day is written while another wants the seat",
        ("too early",),
        around=seasons.undecided_days_are_free,
    ),
    "an unused seat is taken back by an old look": Mistake(
        "a holder comes while the unused seat is taken back",
        ("ousted",),
        around=seasons.use_looked_at_first,
    ),
    "an unused seat is taken back before the day is judged": Mistake(
        "a holder comes by a clock that is behind while the unused seat is taken back",
        ("ousted",),
        around=seasons.deadlines_decide,
    ),
    "what a holder gives up goes to nobody": Mistake(
        "a holder gives up while another accepts the swap",
        ("unheld",),
        around=seasons.nobody_follows,
    ),
    "who gives up keeps the written days": Mistake(DAYS, ("kept",), around=seasons.days_are_kept),
    # Deadlines and messages.
    "no-shows by the own clock": Mistake(
        "the service was away over a deadline, and its jobs come first",
        ("punished",),
        rules.no_shows_by_own_clock,
    ),
    "two changes make one message": Mistake(_TOLD, ("untold",), around=rules.one_message_for_all),
    "all of the outbox is emptied": Mistake(_TOLD, ("untold",), writes.outbox_is_emptied),
    "old messages go on": Mistake(DAYS, ("unended",), around=rules.old_messages_go_on),
    "leases for ever": Mistake(DAYS, ("unended",), around=rules.leases_for_ever),
}
