"""Reader groups: membership, limits of several groups, reserved seats, and rights by venue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.library.console.seat_lists import seat_list
from handlers.reader_groups.console.groups import seats_in
from models.identity.errors import OtherVenue
from models.identity.roles import GrantId, Role, StaffDirectory, StaffGrant, StaffRights
from models.kernel.errors import Malformed
from models.library.entities import Area, AreaId, Seat, SeatId, VenueId
from models.occupancy.occupancy import DayOccupancy
from models.policy.entities import Policy, PolicyOverride
from models.policy.open_hours import open_hours
from models.reader_groups.entities import (
    NO_LIMITS,
    CampusPattern,
    GroupId,
    GroupLimits,
    LimitName,
    Membership,
    MembershipSource,
    ReaderGroup,
    ReaderGroups,
)
from models.reader_groups.mapping import group_document, read_group
from models.seat_map.area_view import AreaMap
from models.seat_map.availability import MapQuery, SeatStatus
from tests.builders import MONDAY, TOMORROW, VENUE, ZONE, on

YESTERDAY = MONDAY - timedelta(days=1)
GRADUATES, CLUB, REST = GroupId("graduates"), GroupId("club"), GroupId("rest")
HALL, ROOM = AreaId("2f-hall"), AreaId("2f-room")


def seat(number: str, area: AreaId = HALL) -> Seat:
    return Seat(SeatId(f"{area}-{number}"), area, number, 0, 0)


def member(
    group: GroupId = GRADUATES, first: date | None = None, last: date | None = None
) -> Membership:
    return Membership(group, MembershipSource.DESK, first, last)


def groups(*some: ReaderGroup) -> ReaderGroups:
    return ReaderGroups({group.id: group for group in some})


LIBRARY = groups(
    ReaderGroup(GRADUATES, "研究生", "研究生", limits=GroupLimits(480, 7), areas=frozenset({ROOM})),
    ReaderGroup(
        CLUB,
        "读书会",
        "读书会成员",
        limits=GroupLimits(120, None, frozenset({"max_minutes"})),
        areas=frozenset({ROOM}),
        seats=frozenset({seat("001").id, seat("001", ROOM).id}),
    ),
)


@pytest.mark.parametrize(
    ("memberships", "day", "found"),
    [
        ([], MONDAY, set()),
        ([member()], MONDAY, {GRADUATES}),
        ([member(first=TOMORROW)], MONDAY, set()),
        ([member(first=TOMORROW)], TOMORROW, {GRADUATES}),
        ([member(last=MONDAY)], MONDAY, {GRADUATES}),
        ([member(last=MONDAY)], TOMORROW, set()),
        ([member(first=YESTERDAY, last=YESTERDAY), member(CLUB)], MONDAY, {CLUB}),
        ([member(GroupId("gone"))], MONDAY, set()),
    ],
)
def test_a_membership_counts_on_its_days(
    memberships: list[Membership], day: date, found: set[GroupId]
) -> None:
    assert LIBRARY.of(memberships, day) == found


def test_a_reader_without_groups_is_in_the_default_group() -> None:
    library = groups(*LIBRARY.by_id.values(), ReaderGroup(REST, "其他", "其他读者", default=True))
    assert library.of([], MONDAY) == {REST}
    assert library.of([member(last=YESTERDAY)], MONDAY) == {REST}
    assert library.of([member()], MONDAY) == {GRADUATES}


@pytest.mark.parametrize(
    ("of", "limits"),
    [
        ((), GroupLimits()),
        ((GRADUATES,), GroupLimits(480, 7)),
        ((CLUB,), GroupLimits(120, None, frozenset({"max_minutes"}))),
        ((GRADUATES, CLUB), GroupLimits(480, 7, frozenset({"max_minutes"}))),
    ],
)
def test_the_most_generous_limit_of_several_groups_applies(
    of: tuple[GroupId, ...], limits: GroupLimits
) -> None:
    assert LIBRARY.limits_of(frozenset(of)) == limits


BOTH = frozenset[LimitName]({"max_minutes", "booking_window_days"})
SHORT = PolicyOverride("考试周", TOMORROW, TOMORROW, {"max_minutes": 60})


@pytest.mark.parametrize(
    ("limits", "library", "day", "numbers"),
    [
        (NO_LIMITS, Policy(), MONDAY, (240, 1)),
        (GroupLimits(120, 0), Policy(), MONDAY, (120, 0)),
        (GroupLimits(480, 7), Policy(), MONDAY, (480, 7)),
        (GroupLimits(120, 0, BOTH), Policy(), MONDAY, (240, 1)),
        (GroupLimits(480, 7, BOTH), Policy(), MONDAY, (480, 7)),
        (GroupLimits(480, 7, BOTH), Policy(booking_window_days=14), MONDAY, (480, 14)),
        (GroupLimits(120, 0, frozenset({"max_minutes"})), Policy(), MONDAY, (240, 0)),
        (GroupLimits(at_least=BOTH), Policy(), MONDAY, (240, 1)),
        # The area's and the day's own longest stay come first, whatever the group has.
        (GroupLimits(480, 7, BOTH), Policy(areas={HALL: {"max_minutes": 120}}), MONDAY, (120, 7)),
        (GroupLimits(480, 7, BOTH), Policy(rule_sets=(SHORT,)), TOMORROW, (60, 7)),
        (GroupLimits(30), Policy(min_minutes=60), MONDAY, (60, 1)),
    ],
)
def test_a_limit_replaces_the_library_s_or_only_raises_it(
    limits: GroupLimits, library: Policy, day: date, numbers: tuple[int, int]
) -> None:
    policy = limits.apply_to(library.resolve(None, HALL, day), library, None, HALL, day)
    assert (policy.max_minutes, policy.booking_window_days) == numbers


def test_a_stored_group_without_the_choice_replaces_the_library_s_limits() -> None:
    document = group_document(LIBRARY.by_id[CLUB])
    assert read_group(document) == LIBRARY.by_id[CLUB]
    del document["at_least"]
    assert read_group(document).limits == GroupLimits(120, None)


@pytest.mark.parametrize(
    ("which", "of", "theirs"),
    [
        (seat("002"), (), True),
        (seat("001"), (), False),
        (seat("001"), (CLUB,), True),
        (seat("001"), (GRADUATES,), False),
        (seat("002", ROOM), (), False),
        (seat("002", ROOM), (GRADUATES,), True),
        (seat("002", ROOM), (CLUB,), True),
        # What a seat says by itself stands in the place of its area.
        (seat("001", ROOM), (GRADUATES,), False),
        (seat("001", ROOM), (CLUB,), True),
    ],
)
def test_a_reserved_seat_is_usable_by_its_groups_only(
    which: Seat, of: tuple[GroupId, ...], theirs: bool
) -> None:
    assert LIBRARY.may_use(which, frozenset(of)) is theirs
    assert LIBRARY.names(LIBRARY.reserved_for(seat("002", ROOM))) == ("研究生", "读书会成员")


@pytest.mark.parametrize(
    ("pattern", "attributes", "matches"),
    [
        (("userType", "graduate"), {"userType": ["graduate"]}, True),
        (("userType", "graduate"), {"userType": ["undergraduate"]}, False),
        (("userType", "*graduate"), {"userType": ["undergraduate"]}, True),
        (("memberOf", "cn=lib*"), {"memberOf": ["cn=x", "cn=library"]}, True),
        (("memberOf", "Lib"), {"memberOf": ["lib"]}, False),
        (("memberOf", "*"), {}, False),
    ],
)
def test_the_campus_names_members_by_patterns(
    pattern: tuple[str, str], attributes: dict[str, list[str]], matches: bool
) -> None:
    assert CampusPattern(*pattern).matches(attributes) is matches


AREA = Area(
    ROOM, VENUE, "研修室", 2, 0, 400, 400, tuple(seat(f"{n:03}", ROOM) for n in range(1, 7)), ()
)
SUBSETS = st.frozensets(st.sampled_from([GRADUATES, CLUB, REST]))


@given(
    area_of=SUBSETS,
    seats_of=st.lists(SUBSETS, min_size=6, max_size=6),
    mine=SUBSETS,
)
def test_readers_with_the_same_groups_in_an_area_see_what_they_may_book(
    area_of: frozenset[GroupId], seats_of: Sequence[frozenset[GroupId]], mine: frozenset[GroupId]
) -> None:
    """The plan is cached by the groups that matter in the area: it must show as free exactly the
    seats that the reader may book, whatever other groups they are in."""
    library = groups(
        *(
            ReaderGroup(
                id,
                id,
                id,
                areas=frozenset({ROOM} if id in area_of else ()),
                seats=frozenset(
                    s.id for s, of in zip(AREA.seats, seats_of, strict=True) if id in of
                ),
            )
            for id in (GRADUATES, CLUB, REST)
        )
    )
    shared = library.in_area(AREA, library.that_matter(mine))
    view = AreaMap(AREA, library.barred(AREA, shared))
    policy = Policy()
    around = open_hours(ZONE, policy, MONDAY, VENUE, ROOM)
    look = MapQuery(ZONE, MONDAY, None, policy, around, on("09:00"))
    view.refresh(DayOccupancy(), look)
    free = [state.status is SeatStatus.FREE for state in view.views]
    assert free == [library.may_use(s, mine) for s in AREA.seats]
    others = {place for place in range(6) if not free[place]}
    assert {place for place, names in library.barred(AREA, mine).items() if names} == others


@given(st.frozensets(st.sampled_from([s.id for s in AREA.seats])))
def test_a_written_list_of_seats_reads_back_the_same(chosen: frozenset[SeatId]) -> None:
    assert frozenset(seats_in(AREA, seat_list(AREA, chosen))) == chosen


@pytest.mark.parametrize("text", ["007", "001-099", "x"])
def test_a_list_with_an_unknown_seat_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        list(seats_in(AREA, text))


MAIN, BRANCH = VenueId("library"), VenueId("branch")


def rights(*grants: tuple[Role, tuple[VenueId, ...]]) -> StaffRights:
    return StaffRights(tuple(StaffGrant(GrantId("g"), r, frozenset(v)) for r, v in grants))


@pytest.mark.parametrize(
    ("held", "wanted", "venue", "covered"),
    [
        (rights((Role.LIBRARIAN, ())), Role.LIBRARIAN, None, True),
        (rights((Role.LIBRARIAN, ())), Role.LIBRARIAN, BRANCH, True),
        (rights((Role.LIBRARIAN, ())), Role.ADMINISTRATOR, BRANCH, False),
        (rights((Role.ADMINISTRATOR, (BRANCH,))), Role.LIBRARIAN, BRANCH, True),
        (rights((Role.ADMINISTRATOR, (BRANCH,))), Role.VIEWER, MAIN, False),
        (rights((Role.ADMINISTRATOR, (BRANCH,))), Role.VIEWER, None, False),
        (rights((Role.VIEWER, ()), (Role.LIBRARIAN, (BRANCH,))), Role.VIEWER, MAIN, True),
        (rights((Role.VIEWER, ()), (Role.LIBRARIAN, (BRANCH,))), Role.LIBRARIAN, MAIN, False),
        # Both venues are not the whole library: it may get a third.
        (rights((Role.VIEWER, (MAIN, BRANCH))), Role.VIEWER, None, False),
    ],
)
def test_a_role_covers_its_granted_venues_only(
    held: StaffRights, wanted: Role, venue: VenueId | None, covered: bool
) -> None:
    assert held.covers(wanted, venue) is covered
    if not covered:
        with pytest.raises(OtherVenue):
            held.require(wanted, venue)


def test_roles_are_ranked_and_given_by_number_or_group() -> None:
    assert [[role.covers(other) for other in Role] for role in Role] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
    people = StaffDirectory(
        {"1": Role.VIEWER, "2": Role.ADMINISTRATOR}, {("cas", "desk"): Role.LIBRARIAN}
    )
    for number, groups, given_role in (
        ("1", (), Role.VIEWER),
        ("1", ("desk", "x"), Role.LIBRARIAN),
        ("2", ("desk",), Role.ADMINISTRATOR),
        ("3", ("x",), None),
        ("3", (), None),
    ):
        assert people.role_of(number, "cas", groups) == given_role, (number, groups)
    assert people.role_of("3", "alumni", ("desk",)) is None, "a group is one of its sign-on"


def test_group_limits_narrowed_by_a_new_policy_are_reported() -> None:
    before, some = Policy(max_minutes=240, booking_window_days=2), GroupLimits(300, 2)
    for after, expected in (
        (before, {}),
        (replace(before, max_minutes=300), {}),
        (replace(before, max_minutes=301), {"max_minutes": 300}),
        (
            replace(before, max_minutes=360, booking_window_days=3),
            {"max_minutes": 300, "booking_window_days": 2},
        ),
        (replace(before, max_minutes=60), {}),
    ):
        assert some.narrowed_by(before, after) == expected, after
        assert GroupLimits(max_minutes=120).narrowed_by(before, after) == {}, "it never was one"
        assert GroupLimits().narrowed_by(before, after) == {}
        assert replace(some, at_least=BOTH).narrowed_by(before, after) == {}
