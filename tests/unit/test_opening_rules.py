"""The weekly hours of a place: its own, or those of the enclosing place."""

from __future__ import annotations

from datetime import date, time

from models.library.entities import Area, AreaId, Catalog, Venue, VenueId
from models.policy import opening_rules
from models.policy.entities import OpeningRule, Policy
from models.policy.opening import OpeningPlace
from tests.builders import AREA, MONDAY, VENUE

ANNEX, ROOM = VenueId("annex"), AreaId("annex-room")
CATALOG = Catalog(
    "1",
    {VENUE: Venue(VENUE, "图书馆"), ANNEX: Venue(ANNEX, "分馆")},
    {id: Area(id, at, "厅", 2, 0, 1, 1, (), ()) for id, at in ((AREA, VENUE), (ROOM, ANNEX))},
    {},
)
WHOLE = OpeningPlace()
EARLIER = OpeningRule(time(9), time(17), weekdays=frozenset({5, 6}))
ALWAYS = OpeningRule(time(7), time(22, 30))


def test_each_weekday_has_its_own_hours_or_those_of_the_enclosing_place() -> None:
    own = OpeningRule(time(8), time(20), weekdays=frozenset({0}), area_id=AREA)
    annex = OpeningRule(None, None, weekdays=frozenset({0, 1}), venue_id=ANNEX)
    exams = OpeningRule(time(6), time(23), MONDAY, date.max, reason="考试周")
    policy = Policy(opening=(EARLIER, ALWAYS, own, annex, exams))
    for place, venue, week in (
        (WHOLE, None, [ALWAYS] * 7),  # of equals the later one
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
        (WHOLE, table, True),
        (OpeningPlace(area_id=ROOM), table, True),
    ):
        assert not opening_rules.has_week(policy, at, days, alone)
