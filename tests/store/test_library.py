"""The library and its policy round-trip."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, time

from miniapp_server import seed
from models.gates.entities import Gate, GateId
from models.gates.repository import GateRepository
from models.kiosks.repository import KioskRepository
from models.library import transitions
from models.library.entities import (
    Area,
    AreaId,
    Catalog,
    Fixture,
    Kiosk,
    KioskId,
    PresenceSource,
    Seat,
    SeatId,
    Venue,
    VenueId,
)
from models.library.repository import CatalogRepository
from models.policy.entities import DayHours, OpeningRule, Policy, PolicyOverride
from models.policy.repository import PolicyRepository
from models.storage.encryption import FieldCipher
from models.storage.mongo import Database
from tests.builders import VENUE, ZONE, hours, on

AREA = AreaId("2f-hall")
SEATS = (
    Seat(SeatId("2f-hall-001"), AREA, "001", 40, 80),
    Seat(
        *(SeatId("2f-hall-002"), AREA, "002", 1, 2, True, True, True, True, "维修"),
        disabled_from=date(2026, 9, 7),
        disabled_until=date(2026, 9, 8),
    ),
)
HALL = Area(AREA, VENUE, "二层中厅", 2, 1, 800, 600, SEATS, (Fixture("wall", 0, 0, 800, 10),))
KIOSK = Kiosk(KioskId("2f-south"), VENUE, "选座机", "seat_kiosk")


async def test_a_library_round_trips(db: Database) -> None:
    catalogs = CatalogRepository(db)
    assert (await catalogs.versions())["library"] == 0
    empty = await catalogs.load()
    await catalogs.add_missing([Venue(VENUE, "图书馆")], [HALL], [KIOSK])
    assert (await catalogs.versions())["library"] == 1
    loaded = await catalogs.load()
    assert loaded == Catalog(
        loaded.version, {VENUE: Venue(VENUE, "图书馆")}, {AREA: HALL}, {KIOSK.id: KIOSK}
    )
    assert loaded.seat_label(SEATS[0]) == "图书馆2层二层中厅001号"
    assert loaded.version not in ("", empty.version)
    assert (await catalogs.load()).version == loaded.version, "the same content, the same version"
    smaller = replace(HALL, seats=SEATS[:1], removed_seats=SEATS[1:], rev=1)
    await catalogs.add_missing([], [smaller], [replace(KIOSK, name="查询机")])
    assert (await catalogs.load()).version == loaded.version, "what is there is not the seed's"
    assert await catalogs.replace_area(smaller)
    changed = await catalogs.load()
    assert changed.version != loaded.version and set(changed.seats) == {SEATS[0].id}
    assert changed.all_seats == {seat.id: seat for seat in SEATS}
    assert changed.areas[AREA] == smaller
    assert (await catalogs.versions())["library"] == 3
    assert not await catalogs.replace_area(replace(HALL, rev=1)), "made from what stands no more"
    assert not await catalogs.add_area(HALL) and not await catalogs.add_kiosk(KIOSK)
    assert (await catalogs.versions())["library"] == 3 and await catalogs.load() == changed


async def test_retired_areas_and_kiosks_are_brought_back_unchanged(
    db: Database, sealer: FieldCipher
) -> None:
    catalogs, kiosks = CatalogRepository(db), KioskRepository(db, sealer)
    await catalogs.add_missing([], [HALL], [KIOSK])
    # As it was written before areas and kiosks could be retired.
    await db["areas"].update_one({"_id": AREA}, {"$unset": {"state": "", "retired_seats": ""}})
    assert (await catalogs.load()).areas[AREA] == HALL
    gone = transitions.retire(HALL)
    assert await catalogs.replace_area(gone)
    loaded = await catalogs.load()
    assert loaded.areas[AREA] == gone and list(loaded.bookable_areas) == []
    assert loaded.seats == {} and loaded.all_seats == {seat.id: seat for seat in HALL.seats}
    assert transitions.bring_back(gone) == replace(HALL, rev=HALL.rev + 2)

    await kiosks.issue_kiosk_key(KIOSK.id, "key", "SECRET")
    assert await catalogs.replace_kiosk(KIOSK, replace(KIOSK, retired=True))
    assert not await catalogs.replace_kiosk(KIOSK, replace(KIOSK, name="第二个")), "not as it was"
    assert not await kiosks.verify_kiosk_key(KIOSK.id, "key")
    assert await kiosks.kiosk_secret(KIOSK.id) is None
    assert not await kiosks.issue_kiosk_key(KIOSK.id, "another", "SECRET")
    loaded = await catalogs.load()
    assert loaded.kiosks == {} and loaded.retired_kiosks == {KIOSK.id: replace(KIOSK, retired=True)}
    await kiosks.record_kiosk_seen(KIOSK.id, on("08:00"))
    assert await kiosks.kiosk_last_seen() == {}
    assert not await catalogs.delete_kiosk(KIOSK), "it was seen once"


async def test_the_presence_sources_of_a_venue_are_stored(db: Database) -> None:
    catalogs = CatalogRepository(db)
    # As it was written before venues named their sources.
    await db["venues"].insert_one({"_id": VENUE, "name": "图书馆"})
    old = (await catalogs.load()).venues[VENUE]
    assert old == Venue(
        VENUE,
        "图书馆",
        frozenset({PresenceSource.KIOSK, PresenceSource.GATE, PresenceSource.DESK}),
    )
    new = replace(old, presence_sources=frozenset({PresenceSource.SEAT_LABEL}), rev=1)
    before = await catalogs.load()
    assert await catalogs.replace_venue(new)
    assert not await catalogs.replace_venue(new), "made from what stands no more"
    loaded = await catalogs.load()
    assert loaded.venues == {VENUE: new} and loaded.version != before.version
    assert (await catalogs.versions())["library"] == 1


async def test_areas_are_loaded_in_their_order(db: Database) -> None:
    data = seed.read()
    catalogs = CatalogRepository(db)
    await catalogs.add_missing([data.venue], data.areas[::-1], data.kiosks)
    assert tuple((await catalogs.load()).areas.values()) == data.areas


async def test_devices_are_reordered_all_or_none(db: Database, sealer: FieldCipher) -> None:
    catalogs, gates = CatalogRepository(db), GateRepository(db, sealer)
    await catalogs.add_missing([Venue(VENUE, "图书馆")], [], [])
    north, south = (replace(KIOSK, id=KioskId(n), name=n) for n in ("north", "south"))
    front, back = (Gate(GateId(n), VENUE, n) for n in ("front", "back"))
    assert await catalogs.add_kiosk(north) and await catalogs.add_kiosk(south)
    assert await gates.add(front) and await gates.add(back)
    for wrong in (replace(north, name="x"), replace(north, order=1), replace(north, retired=True)):
        assert not await catalogs.put_kiosks_in_order([south, wrong])
    for other in (replace(front, name="x"), replace(front, order=1), replace(front, retired=True)):
        assert not await gates.put_in_order([back, other])
    assert {k.order for k in (await catalogs.load()).kiosks.values()} == {None}
    assert {gate.order for gate in await gates.all()} == {None}
    assert await catalogs.put_kiosks_in_order([south, north])
    assert await gates.put_in_order([front, back])
    assert [k.name for k in (await catalogs.load()).kiosks.values()] == ["south", "north"]
    assert {gate.name: gate.order for gate in await gates.all()} == {"front": 0, "back": 1}


async def test_a_kiosk_keeps_its_key_and_secret(db: Database, sealer: FieldCipher) -> None:
    catalogs, kiosks = CatalogRepository(db), KioskRepository(db, sealer)
    await catalogs.add_missing([], [], [KIOSK])
    assert await kiosks.kiosk_secret(KIOSK.id) is None
    assert not await kiosks.verify_kiosk_key(KIOSK.id, "")
    assert not await kiosks.verify_kiosk_key("unknown", "key")
    await kiosks.issue_kiosk_key(KIOSK.id, "key", "SECRET")
    before = await catalogs.load()
    await catalogs.add_missing([], [], [KIOSK])
    assert await kiosks.kiosk_secret(KIOSK.id) == "SECRET"
    assert await kiosks.verify_kiosk_key(KIOSK.id, "key")
    assert not await kiosks.verify_kiosk_key(KIOSK.id, "kez")
    assert before.kiosks[KIOSK.id] == KIOSK, "no secret in the library"


EVERY_FIELD = Policy(
    version=7,
    opening=(
        OpeningRule(time(7), time(22, 30)),
        OpeningRule(
            None,
            None,
            first=date(2026, 10, 1),
            last=date(2026, 10, 8),
            weekdays=frozenset({0, 6}),
            venue_id=VenueId("annex"),
            area_id=AREA,
            reason="国庆闭馆",
            independent=True,
        ),
        OpeningRule(time(0), time(23, 59)),
    ),
    booking_window_days=2,
    booking_opens_at=time(0),
    step_minutes=30,
    min_minutes=20,
    max_minutes=120,
    daily_booking_limit=3,
    party_people=5,
    parties_a_day=1,
    party_share_percent=10,
    check_in_before_minutes=15,
    check_in_after_minutes=20,
    leave_minutes=25,
    meal_leave_minutes=50,
    meal_times=((time(11, 30), time(12, 30)),),
    extend_within_minutes=45,
    max_extensions=1,
    ending_soon_minutes=10,
    leave_reminder_minutes=5,
    presence_check_minutes=15,
    kiosk_code_seconds=20,
    away_timeout_is_violation=True,
    violations_limit=2,
    violations_window_days=14,
    suspension_days=3,
    filter_by_window=True,
    filter_by_power=True,
    accessible_only=True,
    hall_display=True,
    public_occupancy=True,
    opening_draw=True,
    venues={VENUE: {"max_minutes": 100, "booking_opens_at": time(8), "meal_times": ()}},
    areas={AREA: {"max_minutes": 90, "leave_minutes": 10}},
    rule_sets=(
        PolicyOverride("考试周", date(2027, 1, 4), date(2027, 1, 15), {"max_minutes": 60}),
        PolicyOverride("装修", date(2027, 1, 4), date(2027, 1, 4), {"leave_minutes": 5}, AREA),
        PolicyOverride(
            "新学期",
            date(2027, 3, 1),
            None,
            {
                "booking_opens_at": time(20),
                "meal_times": ((time(11), time(12, 30)),),
                "opening_draw": True,
                "booking_window_days": 9,
            },
        ),
        PolicyOverride(
            *("假期", date(2027, 7, 1), None, {"booking_opens_at": None, "meal_times": ()}),
            venue_id=VENUE,
        ),
    ),
)


async def test_every_policy_field_round_trips(db: Database) -> None:
    policies = PolicyRepository(db)
    same = [
        f.name for f in fields(Policy) if getattr(EVERY_FIELD, f.name) == getattr(Policy(), f.name)
    ]
    assert same == [], "a new field belongs here too"
    assert await policies.newest() is None and await policies.get(7) is None
    await policies.add_missing(EVERY_FIELD, on("08:00"))
    assert await policies.get(7) == EVERY_FIELD
    await policies.add_missing(replace(EVERY_FIELD, max_minutes=30), on("09:00"))
    assert await policies.get(7) == EVERY_FIELD, "a version never changes"
    for version in (9, 10, 8):
        await policies.add_missing(Policy(version=version), on("08:00"))
    assert await policies.newest() == 10
    assert await policies.get(8) == Policy(version=8)


async def test_a_policy_stored_with_priorities_and_without_venues_keeps_its_meaning(
    db: Database,
) -> None:
    """Dates tell the layer of opening hours: closures, exceptions, the week."""
    usual: dict[str, object] = {"venue_id": None, "area_id": None, "reason": ""}
    usual |= {"weekdays": list(range(7)), "first": None, "last": None, "priority": 0}
    usual |= {"opens": "07:00", "closes": "22:30"}
    days: dict[str, object] = {"first": "2026-10-01", "last": "2026-10-03", "priority": 10}
    opening = [
        usual,
        usual | {"weekdays": [5, 6], "opens": "09:00", "closes": "17:00"},
        usual | days | {"opens": None, "closes": None, "area_id": AREA, "reason": "维修"},
        usual | days | {"opens": "06:30", "closes": "23:30"},
    ]
    policies = PolicyRepository(db)
    exams = PolicyOverride("x", date(2026, 10, 1), None, {"max_minutes": 60}, AREA)
    old = Policy(version=4, booking_window_days=3, rule_sets=(exams,))
    await policies.add_missing(old, on("08:00"))
    before_venues = {"fields.venues": 1, "fields.rule_sets.0.venue_id": 1}
    await db["policies"].update_one(
        {"_id": 4}, {"$set": {"fields.opening": opening}, "$unset": before_venues}
    )
    policy = await policies.get(4)
    assert policy is not None and (policy.venues, policy.rule_sets) == ({}, (exams,))
    assert [rule.kind.value for rule in policy.opening] == ["week", "week", "closure", "exception"]
    for day, area, expected in (
        (date(2026, 10, 2), AREA, DayHours(None, "维修")),
        (date(2026, 10, 2), None, DayHours(hours("06:30", "23:30", date(2026, 10, 2)), "")),
        (date(2026, 10, 4), AREA, DayHours(hours("09:00", "17:00", date(2026, 10, 4)), "")),
        (date(2026, 10, 5), AREA, DayHours(hours("07:00", "22:30", date(2026, 10, 5)), "")),
    ):
        assert policy.day_hours(ZONE, day, VenueId("library"), area) == expected
    await policies.add(replace(policy, version=5), on("09:00"))
    assert await policies.get(5) == replace(policy, version=5), "written anew, it is the same"


async def test_the_widest_booking_window_of_all_policies_is_found(db: Database) -> None:
    """Future and past overrides count as well."""
    policies, day = PolicyRepository(db), date(2027, 3, 1)
    assert await policies.farthest_horizon() == Policy().booking_window_days
    sets = (
        PolicyOverride("a", day, day, {"max_minutes": 60}),
        PolicyOverride("b", day, None, {"booking_window_days": 9}),
    )
    await policies.add_missing(Policy(version=1, rule_sets=sets), on("08:00"))
    await policies.add_missing(Policy(version=2, booking_window_days=4), on("08:00"))
    assert await policies.farthest_horizon() == 9
    await policies.add_missing(Policy(version=3, booking_window_days=11), on("08:00"))
    assert await policies.farthest_horizon() == 11
    venues = {VENUE: {"booking_window_days": 12}}
    await policies.add_missing(Policy(version=4, venues=venues), on("08:00"))
    assert await policies.farthest_horizon() == 12
