"""A library as a file: it round-trips, and each fault is reported with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date, time
from typing import Any

import pytest

from handlers.texts.wording import PLACEHOLDER_NAMES
from miniapp_server import seed
from models.feedback.entities import CannedAnswer
from models.library import transitions
from models.library.entities import (
    Area,
    AreaState,
    Kiosk,
    KioskId,
    PresenceSource,
    Seat,
    SeatId,
)
from models.library.plan_picture import PictureFile, PicturePlace
from models.library.rooms import RoomId
from models.library.seat_features import SeatFeature
from models.policy.entities import OpeningRule, Policy, PolicyOverride
from models.reader_groups.entities import CampusPattern, GroupId, GroupLimits, ReaderGroup
from models.transfer.errors import TransferError
from models.transfer.library_file import (
    FORMAT,
    CarriedPicture,
    LibraryFile,
    from_text,
    to_text,
)
from models.transfer.rules import check_library
from tests.unfriendly import HAUPT
from tests.unit.profiles import PROFILE

DATA = seed.read()
HALL = next(area for area in DATA.areas if area.id == "2f-hall")
BROKEN = Seat(
    *(SeatId("2f-hall-001"), HALL.id, "001", 0, 0, True, True, True, True, "维修"),
    disabled_from=date(2026, 9, 7),
    disabled_until=date(2026, 9, 8),
    features=("desk-lamp",),
)
LAMP = SeatFeature("desk-lamp", {"zh": "台灯", "en": "Desk lamp"}, "lamp", False, True)
LABELS = frozenset({PresenceSource.SEAT_LABEL, PresenceSource.DESK})
LIBRARY = LibraryFile(
    format=FORMAT,
    profile=replace(PROFILE, logo=b"\x89PNG\x00\xff"),
    venues=(
        replace(
            DATA.venue, presence_sources=LABELS, order=3, names=HAUPT.names, floors=HAUPT.floors
        ),
    ),
    areas=(
        replace(
            HALL,
            seats=(BROKEN, *HALL.seats[5:9]),
            fixtures=HALL.fixtures[:3],
            names={"en": "Hall"},
        ),
    ),
    policy=replace(
        Policy(),
        opening=(
            OpeningRule(time(8), time(22, 30), weekdays=frozenset({0, 6}), venue_id=DATA.venue.id),
            OpeningRule(None, None, date(2026, 10, 1), date(2026, 10, 7), reason="国庆"),
        ),
        booking_opens_at=time(7, 30),
        venues={DATA.venue.id: {"booking_opens_at": time(8), "hall_display": True}},
        areas={HALL.id: {"max_minutes": 360}},
        rule_sets=(
            PolicyOverride("考试周", date(2027, 1, 4), date(2027, 1, 5), {"max_minutes": 60}),
            PolicyOverride(
                *("假期", date(2027, 2, 1), None),
                {"meal_times": ((time(12), time(13)),), "booking_opens_at": None},
                venue_id=DATA.venue.id,
            ),
        ),
    ),
    kiosks=(Kiosk(KioskId("k1"), DATA.venue.id, "选座机", "seat_kiosk", names={"en": "Kiosk"}),),
    gates=DATA.gates,
    notices=DATA.notices,
    reader_groups=(
        ReaderGroup(
            *(GroupId("g1"), "研究生", "研究生读者", True),
            limits=GroupLimits(480, None, frozenset({"max_minutes"})),
            areas=frozenset({HALL.id}),
            seats=frozenset({BROKEN.id}),
            patterns=(CampusPattern("type", "grad*"),),
        ),
    ),
    seat_features=(LAMP, replace(LAMP, id="booth", names={"zh": "隔间"}, icon="booth")),
    rooms=(*DATA.rooms, replace(DATA.rooms[0], id=RoomId("old"), retired=True)),
    canned_answers=(CannedAnswer("c1", "开馆时间", "每天 7:00 开馆。"),),
    plan_pictures=(
        CarriedPicture(
            HALL.id,
            PicturePlace(-5, 10, 800, 40),
            PictureFile(b"\x89PNG\x00\xff", "image/png", 200, 100, "0123456789abcdef"),
        ),
    ),
)


def check(library: LibraryFile) -> None:
    check_library(library, PROFILE, PLACEHOLDER_NAMES, 2026)


def test_a_library_file_round_trips() -> None:
    assert {f.name for f in fields(Area)} > {"seats"} and len(LIBRARY.areas[0].seats) == 5
    text = to_text(LIBRARY)
    assert from_text(text.encode()) == LIBRARY and to_text(from_text(text.encode())) == text
    check(LIBRARY)
    assert '"rev"' not in text and '"version"' not in text
    moved = replace(LIBRARY.areas[0], rev=7, removed_seats=(replace(BROKEN, id=SeatId("x")),))
    assert to_text(replace(LIBRARY, areas=(moved,))) == text, "what is one database's stays there"


def test_a_retired_area_round_trips_with_its_seats() -> None:
    area = LIBRARY.areas[0]
    library = replace(LIBRARY, areas=(replace(transitions.retire(area), rev=0),))
    assert from_text(to_text(library).encode()) == library
    check(library)
    for wrong in (
        replace(library.areas[0], state=AreaState.IN_USE),
        replace(library.areas[0], retired_seats=(replace(BROKEN, x=99_999),)),
        replace(library.areas[0], retired_seats=(BROKEN, BROKEN)),
    ):
        with pytest.raises(TransferError):
            check(replace(library, areas=(wrong,)))


def test_a_file_of_0_2_0_has_no_names_by_language() -> None:
    document = json.loads(to_text(LIBRARY))
    for thing in (*document["venues"], *document["areas"], *document["kiosks"]):
        del thing["names"]
    del document["venues"][0]["floors"]
    library = from_text(json.dumps(document).encode())
    assert not library.venues[0].names and not library.venues[0].floors
    assert not library.areas[0].names and not library.kiosks[0].names
    check(library)


def put(path: str, value: Any) -> Callable[[Any], None]:
    """A change of the file, such as ``areas.0.width``."""

    def change(document: Any) -> None:
        *way, last = (int(part) if part.isdecimal() else part for part in path.split("."))
        for part in way:
            document = document[part]
        document[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("format", 2), "format: this version reads format 1, not 2"),
        (put("areas.0.width", "wide"), "Expected `int`, got `str` - at `$.areas[0].width`"),
        (put("areas.0.seats.1.x", None), "at `$.areas[0].seats[1].x`"),
        (put("areas.0.seats.1.sofa", True), "$.areas[0].seats[1].sofa: unknown to this version"),
        (put("profile.colour", "red"), "$.profile.colour: unknown to this version"),
        (put("profile.title", ""), "profile.title: profile_missing"),
        (put("profile.rules_text", "{x}"), "profile.rules_text: placeholder_unknown"),
        (put("profile.language", "xx"), "profile.language: language_unknown"),
        (put("profile.zone", "Europe/Atlantis"), "profile.zone: zone_unknown"),
        (put("profile.zone", "Europe/Berlin"), "profile.zone_minutes: Europe/Berlin has 60"),
        (put("profile.zone_minutes", 420), "profile.zone_minutes: Asia/Shanghai has 480"),
        (put("venues.0.id", "A B"), "venues[A B].id"),
        (put("venues.0.name", ""), "venues[library].name"),
        (put("venues.0.names", {"English": "x"}), "venues[library].names: language_tag"),
        (put("venues.0.floors.1.number", 0), "venues[library].floors: floor_twice"),
        (put("venues.0.floors.0.names", {"en": ""}), "venues[library].floors: name_length"),
        (put("areas.0.names", {"en": "x" * 61}), "areas[2f-hall].names: name_length"),
        (put("kiosks.0.names", {"en": "\n"}), "kiosks[k1].names: name_length"),
        (put("areas.0.venue_id", "x"), "areas[2f-hall].venue_id: no venue x"),
        (put("areas.0.seats.1.x", 99_999), "areas[2f-hall].seats: seat_outside_plan"),
        (put("areas.0.seats.1.id", "2f-hall-001"), "seats: 2f-hall-001 appears twice"),
        (put("kiosks.0.kind", "toaster"), "kiosks[k1].kind"),
        (put("gates.1.id", "main"), "gates: main appears twice"),
        (put("policy.max_minutes", 9_999), "policy.max_minutes: 30 to 1440"),
        (put("policy.booking_window_days", 99), "booking_window_days"),
        (put("policy.areas", {"x": {"max_minutes": 60}}), "policy.areas: no area x"),
        (put("policy.venues", {"x": {"hall_display": True}}), "policy.venues: no venue x"),
        (put("policy.venues.library.max_minutes", 20), "policy.venues[library].max_minutes: 20"),
        (put("policy.venues.library.hall_display", 1), "policy.venues[library].hall_display: 1"),
        (put("policy.venues.library.booking_opens_at", "x"), "Invalid isoformat string: 'x'"),
        (put("policy.rule_sets.0.values.max_minutes", 20), "rule_sets[0].values.max_minutes: 20"),
        (put("policy.rule_sets.1.venue_id", "x"), "policy.rule_sets[1].venue_id: no venue x"),
        (put("policy.opening.0.venue_id", "x"), "policy.opening[0].venue_id: no venue x"),
        (put("reader_groups.0.areas.0", "x"), "reader_groups[g1]: no area or seat x"),
        (put("reader_groups.0.limits.max_minutes", 5), "reader_groups[g1].limits.max_minutes"),
        (put("reader_groups.0.limits.max_minutes", None), "reader_groups[g1].limits.at_least"),
        (put("rooms.0.venue_id", "x"), "rooms[r201].venue_id: no venue x"),
        (put("venues.0.retired", True), "areas[2f-hall].venue_id: the venue library is retired"),
        (put("rooms.0.id", "r202"), "rooms: r202 appears twice"),
        (put("rooms.0.least", 5), "rooms[r201].least: out_of_bounds, least 1, most 4"),
        (put("rooms.0.most", 201), "rooms[r201].most: out_of_bounds, least 1, most 200"),
        (put("rooms.0.rules.step_minutes", 45), "rooms[r201].step_minutes: step_not_half_hours"),
        (
            put("rooms.0.rules.buffer_minutes", 45),
            "rooms[r201].buffer_minutes: not_among, among 0, 30",
        ),
        (put("rooms.0.rules.min_minutes", 300), "rooms[r201].min_minutes: out_of_bounds"),
        (put("rooms.0.rules.bookings_a_week", 0), "rooms[r201].bookings_a_week: out_of_bounds"),
        (put("rooms.0.rules.confirm_minutes", -1), "rooms[r201].confirm_minutes: out_of_bounds"),
        (put("rooms.0.hours", ["21:00:00", "09:00:00"]), "rooms[r201].hours: hours_reversed"),
        (put("rooms.0.rules.groups", ["x"]), "rooms[r201].rules.groups: no group x"),
        (put("rooms.0.equipment", [""]), "rooms[r201].equipment: room_equipment"),
        (put("policy.rule_sets.0.area_id", "x"), "policy.rule_sets[0].area_id: no area x"),
        (put("canned_answers.0.title", "好" * 31), "canned_answers[c1].title: 1 to 30"),
        (put("canned_answers.0.text", ""), "canned_answers[c1].text: 1 to"),
        (put("seat_features.1.id", "desk-lamp"), "seat_features.id: feature_id_not_allowed"),
        (put("seat_features.1.id", "power"), "seat_features.id: feature_id_not_allowed"),
        (put("seat_features.1.names", {"en": "Booth"}), "seat_features.name: feature_name_missing"),
        (put("seat_features.1.icon", "piano"), "seat_features.icon: feature_icon_unknown"),
        (put("seat_features.1.names.zh", "台灯"), "seat_features.name: feature_exists"),
        (put("areas.0.seats.1.features", ["x"]), "areas[2f-hall].seats: unknown_feature, id x"),
        (put("plan_pictures.0.area_id", "x"), "plan_pictures: no area x"),
        (put("plan_pictures.0.place.width", 0), "plan_pictures[2f-hall].place: picture_place"),
        (put("plan_pictures.0.file.content", "%"), "at `$.plan_pictures[0].file.content`"),
    ],
)
def test_each_fault_in_a_library_file_is_reported_with_its_place(
    change: Callable[[Any], None], said: str
) -> None:
    document = json.loads(to_text(LIBRARY))
    change(document)
    with pytest.raises(TransferError) as error:
        check(from_text(json.dumps(document).encode()))
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b'{"format": 1, "areas": 3}', b"\xff"])
def test_a_file_that_is_no_library_is_refused(text: bytes) -> None:
    with pytest.raises(TransferError):
        from_text(text)
