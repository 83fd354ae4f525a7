"""The weekly hours and the deciding opening rule of a place, and the text before a change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, time, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handlers.policy.console.opening_words import calendar_month, conflicts_text, place_in, value_of
from handlers.texts.opening import clock_hours_text, hours_of_day_text, short_days_text
from models.kernel.errors import NotFound
from models.kernel.time_range import TimeRange
from models.library.entities import Area, AreaId, Catalog, Venue, VenueId
from models.policy import opening_rules
from models.policy.entities import OpeningRule, Policy
from models.policy.open_hours import open_hours
from models.policy.opening import OpeningKind, OpeningPlace, decide_opening
from models.policy.opening_conflicts import ConflictKind, find_conflicts
from models.reservations.errors import Closed
from models.reservations.rules import TimeSelection, resolve_time
from tests.builders import AREA, MONDAY, TOMORROW, VENUE, ZONE

UPPER = AreaId("4f-hall")
ANNEX = VenueId("annex")
ROOM = AreaId("annex-room")
VENUES: Mapping[AreaId, VenueId] = {AREA: VENUE, UPPER: VENUE, ROOM: ANNEX}
LATER = MONDAY + timedelta(days=2)
SATURDAY = MONDAY + timedelta(days=5)
DAY, HALF_HOUR = timedelta(days=1), timedelta(minutes=30)


def area(id: AreaId, venue: VenueId, name: str) -> Area:
    return Area(id, venue, name, 2, 0, 100, 100, (), ())


CATALOG = Catalog(
    "1",
    {VENUE: Venue(VENUE, "图书馆"), ANNEX: Venue(ANNEX, "分馆")},
    {
        a.id: a
        for a in (
            area(AREA, VENUE, "二层中厅"),
            area(UPPER, VENUE, "四层"),
            area(ROOM, ANNEX, "研修室"),
        )
    },
    {},
)

ALWAYS = OpeningRule(time(7), time(22, 30))
WEEKEND = OpeningRule(time(9), time(17), weekdays=frozenset({5, 6}), reason="周末")
EARLIER_WEEKEND = replace(WEEKEND, reason="")
NIGHT = OpeningRule(time(7), time(2))
ROUND_THE_CLOCK = OpeningRule(time(0), time(0))
HOLIDAY = OpeningRule(None, None, MONDAY, TOMORROW, reason="校庆闭馆")
EXAMS = OpeningRule(time(6), time(23), MONDAY, LATER, reason="考试周")
SHORT_DAY = OpeningRule(time(9), time(12), MONDAY, MONDAY, venue_id=VENUE)
AREA_CLOSED = OpeningRule(None, None, MONDAY, MONDAY, area_id=AREA, reason="地面维修")
AREA_WEEK = OpeningRule(time(8), time(23), area_id=AREA)
AREA_DAY = OpeningRule(time(8), time(20), MONDAY, MONDAY, area_id=AREA)
AREA_LONG = replace(AREA_DAY, last=MONDAY + timedelta(days=30))
NIGHT_ROOM = replace(AREA_WEEK, opens=time(22), closes=time(6))
ALONE_WEEK = replace(NIGHT_ROOM, independent=True)
ALONE_DAY = replace(AREA_DAY, closes=time(23), independent=True)
ANNEX_WEEK = OpeningRule(time(8), time(12), venue_id=ANNEX)
ANNEX_SUNDAYS_OFF = OpeningRule(None, None, weekdays=frozenset({6}), venue_id=ANNEX, reason="周日")


@pytest.mark.parametrize(
    ("rules", "day", "place", "expected"),
    [
        ((ALWAYS,), MONDAY, AREA, "07:00–22:30"),
        ((), MONDAY, AREA, "闭馆"),
        # The week: the later of two of one place, the narrower place.
        ((ALWAYS, WEEKEND), MONDAY, AREA, "07:00–22:30"),
        ((ALWAYS, WEEKEND), SATURDAY, AREA, "09:00–17:00 周末"),
        ((WEEKEND, ALWAYS), SATURDAY, AREA, "07:00–22:30"),
        ((ANNEX_WEEK, ALWAYS), MONDAY, ROOM, "08:00–12:00"),
        ((ANNEX_WEEK, ALWAYS), MONDAY, AREA, "07:00–22:30"),
        ((ANNEX_SUNDAYS_OFF, ANNEX_WEEK), SATURDAY + DAY, ROOM, "08:00–12:00"),
        ((ANNEX_WEEK, ANNEX_SUNDAYS_OFF, ALWAYS), SATURDAY + DAY, ROOM, "闭馆 周日"),
        # Closures before exceptions before the week, wherever they stand and whatever is wider.
        ((HOLIDAY, ALWAYS), TOMORROW, AREA, "闭馆 校庆闭馆"),
        ((HOLIDAY, ALWAYS), LATER, AREA, "07:00–22:30"),
        ((HOLIDAY, ALWAYS), MONDAY - DAY, AREA, "07:00–22:30"),
        ((ALWAYS, HOLIDAY, EXAMS), MONDAY, AREA, "闭馆 校庆闭馆"),
        ((ALWAYS, HOLIDAY, EXAMS), LATER, AREA, "06:00–23:00 考试周"),
        ((ALWAYS, AREA_CLOSED, EXAMS), MONDAY, AREA, "闭馆 地面维修"),
        ((ALWAYS, AREA_CLOSED, EXAMS), MONDAY, UPPER, "06:00–23:00 考试周"),
        ((ALWAYS, AREA_CLOSED, SHORT_DAY), MONDAY, AREA, "闭馆 地面维修"),
        # Within a layer the shorter interval, then the narrower place, then the later entry.
        ((ALWAYS, SHORT_DAY, EXAMS), MONDAY, AREA, "09:00–12:00"),
        ((ALWAYS, AREA_LONG, EXAMS), MONDAY, AREA, "06:00–23:00 考试周"),
        ((ALWAYS, AREA_LONG, EXAMS), MONDAY + timedelta(days=9), AREA, "08:00–20:00"),
        ((ALWAYS, AREA_DAY, SHORT_DAY), MONDAY, AREA, "09:00–12:00"),  # its own, cut by its venue
        ((ALWAYS, HOLIDAY, AREA_CLOSED), MONDAY, AREA, "闭馆 地面维修"),
        (
            (EXAMS, replace(EXAMS, reason="二")),
            MONDAY,
            AREA,
            "06:00–23:00 二",
        ),
        # An area is never open beyond its venue, unless it stands alone.
        ((ALWAYS, AREA_WEEK), MONDAY, AREA, "08:00–22:30"),
        ((ALWAYS, AREA_WEEK, WEEKEND), SATURDAY, AREA, "09:00–17:00 周末"),
        ((ALWAYS, replace(AREA_WEEK, independent=True)), MONDAY, AREA, "08:00–23:00"),
        ((ANNEX_WEEK, replace(AREA_WEEK, area_id=ROOM)), MONDAY, ROOM, "08:00–12:00"),
        ((replace(AREA_WEEK, area_id=ROOM),), MONDAY, ROOM, "闭馆"),
        # A closure of the library closes what stands alone by the week, not by its own exception.
        ((ALWAYS, ALONE_WEEK, HOLIDAY), MONDAY, AREA, "闭馆 校庆闭馆"),
        ((ALWAYS, ALONE_DAY, HOLIDAY), MONDAY, AREA, "08:00–23:00"),
        ((ALWAYS, ALONE_DAY, HOLIDAY), MONDAY, UPPER, "闭馆 校庆闭馆"),
        ((ALWAYS, AREA_DAY, HOLIDAY), MONDAY, AREA, "闭馆 校庆闭馆"),
        ((ALWAYS, ALONE_DAY, HOLIDAY, AREA_CLOSED), MONDAY, AREA, "闭馆 地面维修"),
        ((ALWAYS, replace(ALONE_DAY, last=LATER), HOLIDAY, SHORT_DAY), MONDAY, AREA, "08:00–23:00"),
        # Past midnight, and all day.
        ((NIGHT,), MONDAY, AREA, "07:00–次日02:00"),
        ((ROUND_THE_CLOCK,), MONDAY, AREA, "全天"),
        ((replace(NIGHT, closes=time(0)),), MONDAY, AREA, "07:00–24:00"),
        ((NIGHT, HOLIDAY), MONDAY - DAY, AREA, "07:00–24:00 校庆闭馆"),
        ((NIGHT, HOLIDAY), LATER, AREA, "07:00–次日02:00"),
        ((NIGHT, replace(SHORT_DAY, opens=None)), MONDAY - DAY, AREA, "07:00–24:00"),
        ((NIGHT, SHORT_DAY), MONDAY - DAY, AREA, "07:00–次日02:00"),
        (
            (ROUND_THE_CLOCK, replace(ALONE_WEEK, independent=False)),
            MONDAY,
            AREA,
            "22:00–次日06:00",
        ),
        ((ALWAYS, replace(ALONE_WEEK, independent=False)), MONDAY, AREA, "22:00–22:30"),
        ((ALWAYS, ALONE_WEEK), MONDAY, AREA, "22:00–次日06:00"),
        ((NIGHT, replace(AREA_WEEK, opens=time(0), closes=time(4))), MONDAY, AREA, "00:00–02:00"),
    ],
)
def test_the_deciding_opening_rule_of_a_day(
    rules: tuple[OpeningRule, ...], day: date, place: AreaId, expected: str
) -> None:
    hours_found = Policy(opening=rules).day_hours(ZONE, day, VENUES[place], place)
    assert f"{hours_of_day_text(ZONE, hours_found.hours)} {hours_found.reason}".strip() == expected


def test_dates_and_hours_determine_the_kind_of_an_opening_rule() -> None:
    for rule, kind in (
        (ALWAYS, OpeningKind.WEEK),
        (replace(ALWAYS, opens=None), OpeningKind.WEEK),
        (EXAMS, OpeningKind.EXCEPTION),
        (replace(EXAMS, last=None), OpeningKind.EXCEPTION),
        (HOLIDAY, OpeningKind.CLOSURE),
        (replace(HOLIDAY, first=None), OpeningKind.CLOSURE),
    ):
        assert rule.kind is kind


# --- any entries ----------------------------------------------------------------------------------
clocks = st.integers(0, 47).map(lambda n: time(n // 2, 30 * (n % 2)))
days = st.dates(date(2026, 9, 1), date(2026, 9, 9))


@st.composite
def entries(draw: st.DrawFn) -> OpeningRule:
    first, last = draw(
        st.tuples(st.none(), st.none())
        | st.tuples(days, days).map(lambda pair: (min(pair), max(pair)))
        | st.tuples(days, st.none())
    )
    closed = draw(st.booleans())
    venue_id, area_id = draw(
        st.sampled_from([(None, None), (VENUE, None), (ANNEX, None), (None, AREA), (None, ROOM)])
    )
    return OpeningRule(
        None if closed else draw(clocks),
        None if closed else draw(clocks),
        first,
        last,
        weekdays=draw(st.just(frozenset(range(7))) | st.frozensets(st.integers(0, 6))),
        venue_id=venue_id,
        area_id=area_id,
        independent=draw(st.booleans()),
    )


policies = st.lists(entries(), max_size=7).map(lambda rules: Policy(opening=tuple(rules)))
places = st.sampled_from([(VENUE, None), (VENUE, AREA), (VENUE, UPPER), (ANNEX, ROOM)])


def open_on(policy: Policy, day: date, place: tuple[VenueId, AreaId | None]) -> list[TimeRange]:
    """All hours of that calendar day in which the place is open."""
    whole = TimeRange(ZONE.midnight(day), ZONE.midnight(day + DAY))
    spans = [policy.day_hours(ZONE, near, *place).hours for near in (day - DAY, day, day + DAY)]
    return [span for span in spans if span is not None and span.overlaps(whole)]


def fitting(policy: Policy, day: date, place: tuple[VenueId, AreaId | None]) -> list[OpeningRule]:
    return [rule for rule in policy.opening if rule.applies_to(day, *place)]


def booked(
    policy: Policy, day: date, place: tuple[VenueId, AreaId | None], start: time, end: time
) -> TimeRange | None:
    """The time that a booking request gets, None if closed. An end that is not after the start is
    the next day's."""
    largest = replace(policy, step_minutes=30, max_minutes=1440)
    wish = TimeSelection(day, start, end)
    try:
        return resolve_time(
            ZONE, wish, largest, open_hours(ZONE, policy, day, *place), ZONE.midnight(day)
        )
    except Closed:
        return None


@given(policies, days, places, clocks, clocks)
def test_a_closure_is_never_bookable(
    policy: Policy, day: date, place: tuple[VenueId, AreaId | None], start: time, end: time
) -> None:
    """Neither by hours that begin the day before nor by other rules; but an independent area
    (独立开放) may be open while its venue or the library is closed."""
    rules = fitting(policy, day, place)
    closures = [rule for rule in rules if rule.kind is OpeningKind.CLOSURE]
    alone = [r for r in rules if r.stands_alone and r.kind is OpeningKind.EXCEPTION]
    if closures and not (alone and all(rule.area_id is None for rule in closures)):
        assert open_on(policy, day, place) == []
        assert policy.day_hours(ZONE, day, *place).hours is None
        assert booked(policy, day, place, start, end) is None
        if end > start > time():
            assert booked(policy, day - DAY, place, end, start) is None, "into the closed day"


@given(policies, days, st.sampled_from([AREA, UPPER, ROOM]))
@example(Policy(opening=(NIGHT, HOLIDAY, replace(ALONE_DAY, opens=time(9)))), MONDAY - DAY, AREA)
def test_an_area_is_never_open_beyond_its_venue(policy: Policy, day: date, area_id: AreaId) -> None:
    venue = VENUES[area_id]
    decision = decide_opening(ZONE, policy.opening, day, venue, area_id)
    span, rule = decision.hours, decision.rule
    if span is None or rule is None or rule.stands_alone:
        return
    near = (day - DAY, day, day + DAY)
    spans = [s for other in near for s in open_on(policy, other, (venue, None))]
    instant = span.start
    while instant < span.end:
        assert any(s.contains(instant) for s in spans), ZONE.local(instant)
        instant += timedelta(minutes=30)
    assert span.length <= DAY


@given(policies, days, places, clocks, clocks)
def test_the_opening_calendar_shows_the_bookable_hours(
    policy: Policy,
    day: date,
    place: tuple[VenueId, AreaId | None],
    start: time,
    end: time,
) -> None:
    venue_id, area_id = place
    of = OpeningPlace(area_id=area_id) if area_id else OpeningPlace(venue_id=venue_id)
    calendar_day = calendar_month(ZONE, CATALOG, policy, of, day).days[day.day - 1]
    hours_known = policy.day_hours(ZONE, day, *place)
    assert (calendar_day.day, calendar_day.hours) == (
        day,
        hours_of_day_text(ZONE, hours_known.hours),
    )
    assert (calendar_day.hours == "闭馆") == (hours_known.hours is None)
    # Each half hour of what is booked is in the hours that the calendar shows for a day.
    span = TimeRange(ZONE.instant(day, start), ZONE.instant(day if end > start else day + DAY, end))
    days_shown = [policy.day_hours(ZONE, day + n * DAY, *place).hours for n in (-1, 0, 1, 2)]
    steps = span.length // HALF_HOUR
    open_throughout = all(
        any(
            hours is not None and hours.contains(span.start + n * HALF_HOUR) for hours in days_shown
        )
        for n in range(steps)
    )
    assert booked(policy, day, place, start, end) == (span if open_throughout else None)


# --- changes --------------------------------------------------------------------------------------
def test_weekly_hours_are_set_and_removed() -> None:
    policy, place = Policy(opening=(ALWAYS, HOLIDAY)), OpeningPlace(area_id=AREA)
    table = [(time(8), time(20))] * 5 + [None, (time(0), time(0))]
    new = opening_rules.set_week(policy, place, table, independent=True)
    assert new.version == 2 and len(new.opening) == 5
    for n, plan in enumerate(table):
        hours_found = new.day_hours(ZONE, MONDAY + timedelta(days=14 + n), VENUE, AREA).hours
        assert hours_of_day_text(ZONE, hours_found) == clock_hours_text(*(plan or (None, None)))
    assert opening_rules.places_with_week(new) == [OpeningPlace(), place]
    again = opening_rules.set_week(new, place, [None] * 7)
    assert len(again.opening) == 3, "a table takes the place of the one before"
    assert opening_rules.remove_week(new, place).opening == policy.opening
    for wrong in (OpeningPlace(), OpeningPlace(venue_id=VENUE)):
        with pytest.raises(NotFound):
            opening_rules.remove_week(new, wrong)


def test_weekly_hours_cannot_be_removed_as_a_single_rule() -> None:
    policy = Policy(opening=(ALWAYS, HOLIDAY, EXAMS))
    assert opening_rules.remove_opening_rule(policy, 1).opening == (ALWAYS, EXAMS)
    for number in (0, 3, -1):
        with pytest.raises(NotFound):
            opening_rules.remove_opening_rule(policy, number)


@pytest.mark.parametrize(
    ("rules", "new", "said"),
    [
        ((ALWAYS,), EXAMS, []),
        ((ALWAYS,), HOLIDAY, []),
        (
            (ALWAYS, AREA_CLOSED),
            EXAMS,
            ["9月7日图书馆 二层中厅已闭馆（地面维修），新的时间在那里不起作用"],
        ),
        (
            (ALWAYS, HOLIDAY),
            replace(EXAMS, last=TOMORROW),
            [
                "新的时间完全不起作用：这些日子都已由下面的安排决定",
                "9月7日至8日全馆已闭馆（校庆闭馆），新的时间在那里不起作用",
            ],
        ),
        (
            (ALWAYS, SHORT_DAY),
            EXAMS,
            ["9月7日图书馆已另定 09:00–12:00，新的时间在那里不起作用"],
        ),
        ((ALWAYS, EXAMS), SHORT_DAY, ["9月7日图书馆原定的 06:00–23:00（考试周） 不再起作用"]),
        ((ALWAYS, EXAMS), HOLIDAY, ["9月7日至8日全馆原定的 06:00–23:00（考试周） 不再起作用"]),
        (
            (ALWAYS, ALONE_DAY),
            HOLIDAY,
            ["9月7日图书馆 二层中厅独立开放 08:00–23:00，不受这次闭馆影响"],
        ),
        (
            (ALWAYS,),
            replace(AREA_DAY, closes=time(23)),
            ["9月7日图书馆 二层中厅只开放 08:00–22:30：超出场馆开放时间的部分不起作用"],
        ),
        (
            (OpeningRule(None, None), AREA_WEEK),
            AREA_DAY,
            ["9月7日图书馆 二层中厅所在的场馆不开放，图书馆 二层中厅的时间不起作用"],
        ),
        (
            (ALWAYS, ALONE_WEEK),
            HOLIDAY,
            [
                "9月7日至8日图书馆 二层中厅原定的 22:00–次日06:00 不再起作用",
                "9月7日图书馆 二层中厅闭馆从 00:00 开始，前一晚只开放到 24:00",
            ],
        ),
        (
            (ALWAYS, ALONE_WEEK),
            AREA_CLOSED,
            ["9月7日图书馆 二层中厅闭馆从 00:00 开始，前一晚只开放到 24:00"],
        ),
        ((NIGHT,), HOLIDAY, ["9月7日全馆闭馆从 00:00 开始，前一晚只开放到 24:00"]),
        (
            (ALWAYS, AREA_DAY),
            SHORT_DAY,
            [
                "9月7日图书馆 二层中厅已另定 08:00–20:00，新的时间在那里不起作用",
                "9月7日图书馆 二层中厅只开放 09:00–12:00：超出场馆开放时间的部分不起作用",
            ],
        ),
    ],
)
def test_conflicts_of_a_new_opening_rule_are_described(
    rules: tuple[OpeningRule, ...], new: OpeningRule, said: list[str]
) -> None:
    old = Policy(opening=rules)
    conflicts = find_conflicts(ZONE, old, opening_rules.add_opening_rule(old, new), VENUES, MONDAY)
    assert conflicts_text(ZONE, CATALOG, conflicts) == said


def test_places_with_their_own_weekly_hours_are_named() -> None:
    old = Policy(opening=(ALWAYS, AREA_WEEK, ANNEX_WEEK))
    new = opening_rules.set_week(old, OpeningPlace(), [(time(8), time(21))] * 7)
    conflicts = find_conflicts(ZONE, old, new, VENUES, MONDAY)
    kinds = {(c.kind, value_of(c.place)) for c in conflicts}
    assert kinds == {
        (ConflictKind.OWN_WEEK, f"a:{AREA}"),
        (ConflictKind.OWN_WEEK, "v:annex"),
        (ConflictKind.CUT, f"a:{AREA}"),
    }


def test_opening_days_and_places_are_worded() -> None:
    assert short_days_text(date(2027, 3, 5), date(2027, 3, 9)) == "3月5日至9日"
    assert short_days_text(date(2026, 12, 30), date(2027, 1, 2)) == "12月30日至1月2日"
    for value in ("", "v:annex", f"a:{AREA}"):
        place = place_in(CATALOG, value)
        assert place is not None and value_of(place) == value
    assert place_in(CATALOG, "a:nowhere") is None and place_in(CATALOG, "2f") is None


def test_each_weekday_has_its_own_hours_or_those_of_the_enclosing_place() -> None:
    own = OpeningRule(time(8), time(20), weekdays=frozenset({0}), area_id=AREA)
    annex = OpeningRule(None, None, weekdays=frozenset({0, 1}), venue_id=ANNEX)
    exams = OpeningRule(time(6), time(23), MONDAY, date.max, reason="考试周")
    policy = Policy(opening=(EARLIER_WEEKEND, ALWAYS, own, annex, exams))
    for place, venue, week in (
        (OpeningPlace(), None, [ALWAYS] * 7),  # of equals the later one
        (OpeningPlace(venue_id=ANNEX), ANNEX, [annex, annex, *[ALWAYS] * 5]),
        (OpeningPlace(area_id=AREA), VENUE, [own, *[ALWAYS] * 6]),
        (OpeningPlace(area_id=ROOM), ANNEX, [annex, annex, *[ALWAYS] * 5]),
    ):
        assert opening_rules.venue_of(CATALOG, place) == venue
        assert list(opening_rules.effective_week(policy, place, venue)) == week, place
    assert opening_rules.venue_of(CATALOG, OpeningPlace(area_id=AreaId("gone"))) is None
    alone = Policy(opening=(own,))
    assert opening_rules.effective_week(alone, OpeningPlace(area_id=AREA), VENUE)[1] is None


def test_unchanged_weekly_hours_are_recognised() -> None:
    place, midnight = OpeningPlace(area_id=AREA), time(0)
    table = [(time(8), time(20))] * 5 + [None, (midnight, midnight)]
    policy = opening_rules.set_week(Policy(opening=(ALWAYS,)), place, table, independent=True)
    assert opening_rules.has_week(policy, place, table, independent=True)
    for at, days, alone in (
        (place, table, False),
        (place, table[::-1], True),
        (OpeningPlace(), table, True),
        (OpeningPlace(area_id=ROOM), table, True),
    ):
        assert not opening_rules.has_week(policy, at, days, alone)
