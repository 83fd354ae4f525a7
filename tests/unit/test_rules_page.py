"""The page of rules in both languages, worded from venue hours, closures, values of venues and
areas, and dated rules in all combinations."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, time, timedelta
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.http.wording import rules_html
from handlers.texts.policy import VALUES
from handlers.texts.rules_phrases import rule_text
from languages.catalogue import LANGUAGES
from models.library.entities import Area, AreaId, AreaState, Catalog, Seat, SeatId, Venue, VenueId
from models.policy.entities import (
    AREA_OVERRIDABLE,
    DATE_OVERRIDABLE,
    VENUE_OVERRIDABLE,
    OpeningRule,
    Policy,
    PolicyOverride,
)
from models.policy.validation import settled
from models.reader_groups.entities import ReaderGroups
from models.reference_data import ReferenceData
from tests.unit.profiles import PROFILE

MAIN, LAW, CLOSED = VenueId("main"), VenueId("law"), VenueId("closed")
DAY = date(2027, 2, 1)
CHINESE = re.compile("[\u3000-\u9fff\uff00-\uffef]")
EVERY_DAY = frozenset(range(7))


def area(id: str, venue: VenueId, name: str, floor: int, seats: int = 1) -> Area:
    made = tuple(Seat(SeatId(f"{id}{n}"), AreaId(id), f"A-{n}", 0, 0) for n in range(seats))
    return Area(AreaId(id), venue, name, floor, 0, 9, 9, made, ())


AREAS = (
    area("a", MAIN, "Lesesaal A", 1),
    area("b", MAIN, "Lesesaal B", 1),
    area("c", MAIN, "Galerie", 2),
    area("f", MAIN, "Empore", 2),
    area("g", MAIN, "Dachsaal", 3),
    area("d", LAW, "Jura", 0),
    area("e", LAW, "Carrels", 0),
    replace(area("x", LAW, "Keller", -1, 0), state=AreaState.RETIRED),
    area("y", CLOSED, "Archiv", 0, 0),
)
VENUES = (
    Venue(MAIN, "Hauptbibliothek"),
    Venue(LAW, "Juridicum", order=1),
    Venue(CLOSED, "Altbau", order=2, retired=True),
)


class Written(ReferenceData):
    """Reference data in memory."""

    def __init__(self, policy: Policy, venues: tuple[Venue, ...] = VENUES) -> None:
        self.policy, self.profile, self.groups = policy, PROFILE, ReaderGroups()
        self._resolved = {}
        ids = {venue.id for venue in venues}
        areas = {one.id: one for one in AREAS if one.venue_id in ids}
        self.catalog = Catalog("", {venue.id: venue for venue in venues}, areas, {})


def pages(policy: Policy, venues: tuple[Venue, ...] = VENUES) -> tuple[str, str]:
    """The page in Chinese and in English, as text."""
    reference = Written(policy, venues)
    html = [rules_html(reference, DAY, "", None, language) for language in LANGUAGES.values()]
    for page in html:
        assert "<li></li>" not in page and not re.search(r"<h2>[^<]*</h2>\s*(<h2>|$)", page)
    chinese, english = (re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", page)) for page in html)
    return chinese, english


def values(names: frozenset[str]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of these values, each unlike all others of the page."""
    number = st.integers(31, 240)
    kinds: dict[str, st.SearchStrategy[Any]] = {
        name: st.booleans() if type(getattr(Policy(), name)) is bool else number for name in names
    }
    clock = st.times(time(1), time(22)).map(lambda t: t.replace(second=0, microsecond=0))
    kinds |= {
        "step_minutes": st.sampled_from([30, 60, 90]),
        "min_minutes": st.integers(1, 29),
        "booking_window_days": st.integers(0, 14),
        "booking_opens_at": st.none() | clock,
        "meal_times": st.just(()) | st.just(((time(12, 5), time(13, 10)),)),
    }
    return st.fixed_dictionaries(
        {}, optional={name: kinds[name] for name in sorted(names) if name in kinds}
    )


DAYS = st.sampled_from(
    [(None, None), (DAY, DAY), (DAY, DAY + timedelta(days=40)), (None, DAY), (DAY, None)]
)
HOURS = st.sampled_from(
    [(None, None), (time(0), time(0)), (time(9), time(2)), (time(8), time(0)), (time(7), time(20))]
)
PLACE = st.sampled_from(
    [(None, None), (MAIN, None), (LAW, None), (CLOSED, None), (None, AreaId("a"))]
)
openings = st.builds(
    lambda hours, days, place, weekdays: OpeningRule(
        hours[0],
        hours[1],
        days[0],
        days[1],
        weekdays,
        place[0],
        place[1],
        "Renovierung" if hours[0] is None else "",
    ),
    *(HOURS, DAYS, PLACE, st.sampled_from([EVERY_DAY, frozenset({0, 1, 2}), frozenset({4, 6})])),
)
overrides = st.one_of(
    *(
        st.builds(
            lambda values, last, place: PolicyOverride(
                "Exams", DAY, last, values, place[1], place[0]
            ),
            values(names),
            st.sampled_from([None, DAY + timedelta(days=13)]),
            st.sampled_from(places),
        )
        for names, places in (
            (DATE_OVERRIDABLE, [(None, None)]),
            (VENUE_OVERRIDABLE, [(MAIN, None), (LAW, None), (CLOSED, None)]),
            (AREA_OVERRIDABLE, [(None, AreaId("a")), (None, AreaId("d")), (None, AreaId("x"))]),
        )
    )
)
policies = st.builds(
    lambda opening, of_library, of_law, of_area, sets: Policy(
        opening=tuple(opening),
        **of_library,
        venues={LAW: of_law} if of_law else {},
        areas={AreaId("c"): of_area} if of_area else {},
        rule_sets=tuple(sets),
    ),
    st.lists(openings, max_size=4),
    values(DATE_OVERRIDABLE),
    values(VENUE_OVERRIDABLE),
    values(AREA_OVERRIDABLE),
    st.lists(overrides, max_size=3),
)


@given(policies, st.integers(1, 3))
def test_the_english_rules_have_every_number_and_no_chinese(policy: Policy, venues: int) -> None:
    _, english = pages(policy, VENUES[:venues])
    assert not CHINESE.search(english), english
    assert "Altbau" not in english and "Archiv" not in english and "Keller" not in english
    resolved, catalog = Written(policy, VENUES[:venues]), Written(policy, VENUES[:venues]).catalog
    library, houses = resolved.policy_on(DAY, None), resolved.policies_on(DAY)
    stated = list[tuple[str, Any]]()
    for name in sorted(VENUE_OVERRIDABLE - {"max_minutes"}):
        usual = getattr(library, name)
        of_houses = [getattr(house, name) for house in houses]
        usual = usual if usual in of_houses else of_houses[0]
        rooms = [
            getattr(resolved.policy_for(area.id, DAY), name) for area in catalog.bookable_areas
        ]
        # Not every usual number stands on the page; one that differs from it does.
        stated += [(name, value) for value in (*of_houses, *rooms) if value != usual]
    for rules in settled(policy, DAY).rule_sets:
        area = catalog.areas.get(rules.area_id) if rules.area_id is not None else None
        in_use = catalog.venue_in_use(area.venue_id if area is not None else rules.venue_id)
        if not rules.narrowness or (in_use is not None and (area is None or area.in_use)):
            stated += rules.values.items()
    for name, value in stated:
        if type(value) is int:
            assert re.search(rf"\b{value}\b", english), (name, value, english)
    for one in catalog.bookable_areas:
        longest = resolved.policy_for(one.id, DAY).max_minutes
        assert f"{longest / 60:g} h" in english, (one.id, english)


def test_each_value_of_the_policy_has_a_phrase_in_both_languages() -> None:
    times = {"booking_opens_at": time(6, 35), "meal_times": ((time(6, 35), time(7)),)}
    for name in VALUES:
        value = getattr(Policy(), name)
        new = not value if type(value) is bool else times.get(name, 90 if "step" in name else 12)
        sets = (PolicyOverride("Exams", DAY + timedelta(days=1), None, {name: new}),)
        chinese, english = pages(Policy(rule_sets=sets))
        dated = english.partition("(Exams):")[2].partition(". ")[0]
        text = "06:35" if name in times else str(new)
        if type(value) is bool:
            assert rule_text(name, True) != rule_text(name, False)
            text = LANGUAGES["en"].say(rule_text(name, new))
        assert text in dated and "{" not in english + chinese, (name, dated)
        assert not CHINESE.search(dated)


STAYS: dict[tuple[float, ...], tuple[str, str]] = {
    # The longest stays of Lesesaal A and B, Galerie and Empore, Dachsaal; Jura and Carrels.
    (4, 4, 4, 4, 4, 4, 4): ("各区 4 小时", "4 h in all areas"),
    (4, 4, 4, 4, 6, 4, 4): (
        "Hauptbibliothek：一层、二层各区 4 小时，Dachsaal（三层） 6 小时；Juridicum：各区 4 小时",
        "Hauptbibliothek: 4 h in all areas of Floor 1, Floor 2, 6 h in Dachsaal (Floor 3); "
        "Juridicum: 4 h in all areas",
    ),
    (4, 2, 4, 4, 4, 4, 1.5): (
        "Hauptbibliothek：二层各区、Lesesaal A（一层）、Dachsaal（三层） 4 小时，"
        "Lesesaal B（一层） 2 小时；"
        "Juridicum：Jura（零层） 4 小时，Carrels（零层） 1.5 小时",
        "Hauptbibliothek: 4 h in all areas of Floor 2, Lesesaal A (Floor 1), Dachsaal (Floor 3), "
        "2 h in Lesesaal B (Floor 1); "
        "Juridicum: 4 h in Jura (Floor 0), 1.5 h in Carrels (Floor 0)",
    ),
}


@pytest.mark.parametrize("hours", STAYS)
def test_areas_with_one_longest_stay_share_a_sentence(hours: tuple[float, ...]) -> None:
    own = {
        area.id: {"max_minutes": round(60 * longest)}
        for area, longest in zip(AREAS, hours, strict=False)
    }
    for page, words in zip(pages(Policy(areas=own)), STAYS[hours], strict=True):
        assert f"{words}。" in page or f"{words}." in page, page


def test_rules_stand_by_venue_in_the_order_of_the_venues() -> None:
    day = DAY + timedelta(days=1)
    places = [(LAW, None), (None, AreaId("c")), (None, AreaId("d")), (MAIN, None), (None, None)]
    sets = tuple(
        PolicyOverride(f"R{n}", day, day, {"max_minutes": 60}, place[1], place[0])
        for n, place in enumerate([*places, (CLOSED, None), (None, AreaId("x"))])
    )
    hours = tuple(
        OpeningRule(time(9), time(9 + n), venue_id=place[0], area_id=place[1])
        for n, place in enumerate([*places[:4], (CLOSED, None)], 1)
    )
    leave = {"leave_minutes": 9}
    policy = Policy(
        opening=hours,
        rule_sets=sets,
        venues={LAW: {"max_extensions": 7, "hall_display": True}, CLOSED: leave},
        areas={AreaId("a"): leave, AreaId("b"): leave, AreaId("e"): leave, AreaId("x"): leave},
    )
    for page in pages(policy):
        assert re.findall(r"R\d", page) == ["R4", "R3", "R1", "R0", "R2"], page
        assert re.findall(r"09:00–(\d\d)", page) == ["13", "11", "10", "12"], page
    chinese, english = pages(policy)
    retired = Written(policy)
    for own in (retired.policy_on(DAY, CLOSED), retired.policy_for(AreaId("y"), DAY)):
        assert own.leave_minutes == Policy().leave_minutes
    assert (
        "场馆和区域的不同规定 Hauptbibliothek 一层各区：暂离 9 分钟。Juridicum：最多续约 7 次。"
        "Juridicum Carrels（零层）：暂离 9 分钟。 " in chinese
    )
    assert (
        "Hauptbibliothek, all areas of Floor 1: stepping out for up to 9 minutes. "
        "Juridicum: extending at most 7 times. "
        "Juridicum, Carrels (Floor 0): stepping out for up to 9 minutes." in english
    )
    assert "各区" not in english and "不同规定" not in pages(Policy())[0]


def test_a_number_that_no_venue_follows_is_not_stated() -> None:
    own: dict[VenueId, dict[str, Any]] = {MAIN: {"leave_minutes": 45}, LAW: {"leave_minutes": 50}}
    for present in (*combinations(own, 1), tuple(own)):
        policy = Policy(leave_minutes=7, venues={venue: own[venue] for venue in present})
        chinese, english = pages(policy)
        assert ("暂离不超过 7 分钟" in chinese) is (len(present) < 2)
        assert ("up to 7 minutes" in english) is (len(present) < 2)
        for venue in present:
            assert re.search(rf"\b{own[venue]['leave_minutes']}\b", english), english
    # A wording of the library's own that does not mention venues gets them at its end.
    custom = rules_html(Written(policy), DAY, "暂离不超过 {暂离分钟} 分钟。")
    assert custom.endswith("<p>Juridicum：暂离 50 分钟。</p>") and "45 分钟" in custom
    placed = rules_html(Written(policy), DAY, "- {场馆和区域规则}")
    assert placed.count("50 分钟") == 1 and "<p>" not in placed
