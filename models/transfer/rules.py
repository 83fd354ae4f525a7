"""Checks whether the parts of a library file fit together and suit this service."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any, Final

from models.feedback.entities import LONGEST_TITLE, MAX_LENGTH
from models.kernel.errors import Malformed
from models.kernel.text import is_printable_line
from models.library.entities import Area, SeatDraft, SeatId
from models.library.feature_rules import check_features, check_known
from models.library.names import check_floors, check_names
from models.library.plan_editing import PlanDraft, apply_draft
from models.library.plan_picture import check_place
from models.library.rooms import check_on_plan, check_picture_text, check_room
from models.library.seat_features import SeatFeatures
from models.policy.entities import Policy
from models.policy.validation import NUMBER_BOUNDS, is_within_bounds
from models.profile.entities import LibraryProfile
from models.profile.rules import check_profile, check_zone
from models.reader_groups.entities import LIMIT_NAMES
from models.transfer.errors import TransferError
from models.transfer.library_file import LibraryFile

_ID: Final = re.compile(r"[0-9a-z][0-9a-z-]{0,29}")
_LONGEST_NAME: Final = 60
_KIOSK_KINDS: Final = frozenset({"seat_kiosk", "query_terminal"})


def check_library(
    library: LibraryFile, current: LibraryProfile, placeholders: Collection[str], year: int
) -> None:
    """Checks the whole library file. Raises: TransferError with the first fault and its path."""
    _check_profile(library.profile, current, placeholders, year)
    for name in ("venues", "areas", "kiosks", "gates"):
        _check_names(name, getattr(library, name))
    _once("notices", (notice.id for notice in library.notices))
    venues = {venue.id for venue in library.venues}
    for name in ("areas", "kiosks", "gates"):
        for one in getattr(library, name):
            if one.venue_id not in venues:
                raise TransferError(f"{name}[{one.id}].venue_id: no venue {one.venue_id}")
    retired = {venue.id for venue in library.venues if venue.retired}
    for area in library.areas:
        if area.in_use and area.venue_id in retired:
            raise TransferError(f"areas[{area.id}].venue_id: the venue {area.venue_id} is retired")
    check_rooms(library)
    for kiosk in library.kiosks:
        if kiosk.kind not in _KIOSK_KINDS:
            raise TransferError(f"kiosks[{kiosk.id}].kind: must be one of {sorted(_KIOSK_KINDS)}")
    _once("seats", (seat.id for area in library.areas for seat in area.all_seats))
    features = SeatFeatures(library.seat_features)
    with named("seat_features"):
        check_features(features, ())
    for area in library.areas:
        _check_plan(area, features)
    _check_policy(library.policy, venues, {area.id for area in library.areas})
    _check_groups(library)
    _once("canned_answers", (answer.id for answer in library.canned_answers))
    for answer in library.canned_answers:
        if not 0 < len(answer.title) <= LONGEST_TITLE or not is_printable_line(answer.title):
            raise TransferError(
                f"canned_answers[{answer.id}].title: 1 to {LONGEST_TITLE} characters"
            )
        if not 0 < len(answer.text) <= MAX_LENGTH:
            raise TransferError(f"canned_answers[{answer.id}].text: 1 to {MAX_LENGTH} characters")
    _check_pictures(library)


def check_rooms(library: LibraryFile) -> None:
    """Checks the study rooms. Raises: TransferError with the first fault and its path."""
    _check_names("rooms", library.rooms)
    venues = {venue.id: venue for venue in library.venues}
    groups = {group.id for group in library.reader_groups}
    for room in library.rooms:
        if room.venue_id not in venues:
            raise TransferError(f"rooms[{room.id}].venue_id: no venue {room.venue_id}")
        if not room.retired and venues[room.venue_id].retired:
            raise TransferError(f"rooms[{room.id}].venue_id: the venue {room.venue_id} is retired")
        if unknown := set(room.rules.groups) - groups:
            raise TransferError(f"rooms[{room.id}].rules.groups: no group {min(unknown)}")
        with named(f"rooms[{room.id}]"):
            check_room(room)
        if room.place is not None:
            area = next((a for a in library.areas if a.id == room.place.area_id), None)
            if area is None or area.venue_id != room.venue_id:
                raise TransferError(f"rooms[{room.id}].place: no area {room.place.area_id}")
            with named(f"rooms[{room.id}].place"):
                check_on_plan(room.place, area.width, area.height)
    _once("room_pictures", (picture.room_id for picture in library.room_pictures))
    for picture in library.room_pictures:
        if picture.room_id not in {room.id for room in library.rooms}:
            raise TransferError(f"room_pictures: no room {picture.room_id}")
        with named(f"room_pictures[{picture.room_id}]"):
            check_picture_text(picture.alt)


@contextmanager
def named(place: str) -> Iterator[None]:
    """Raises ``TransferError`` instead of ``Malformed`` within the block. ``place``: the path
    within the library file, for the message."""
    try:
        yield
    except Malformed as error:
        facts = {k: v for k, v in error.details.items() if k not in ("field", "reason")}
        more = "".join(f", {name} {value}" for name, value in facts.items())
        where = f"{place}.{error.details['field']}"
        raise TransferError(f"{where}: {error.details['reason']}{more}") from error


def _check_profile(
    profile: LibraryProfile, current: LibraryProfile, placeholders: Collection[str], year: int
) -> None:
    with named("profile"):
        check_profile(profile, placeholders)
        if (profile.zone, profile.zone_minutes) == (current.zone, current.zone_minutes):
            return
        minutes = check_zone(profile.zone, year)
        if minutes != profile.zone_minutes:
            raise Malformed("zone_minutes", f"{profile.zone} has {minutes} minutes")


def _once(what: str, ids: Iterable[str]) -> None:
    twice = [id for id, count in Counter(ids).items() if count > 1]
    if twice:
        raise TransferError(f"{what}: {twice[0]} appears twice")


def _check_names(what: str, things: Collection[Any]) -> None:
    _once(what, (thing.id for thing in things))
    for thing in things:
        if not _ID.fullmatch(thing.id):
            raise TransferError(
                f"{what}[{thing.id}].id: must have only small letters, digits and hyphens"
            )
        if not 0 < len(thing.name) <= _LONGEST_NAME or not is_printable_line(thing.name):
            raise TransferError(f"{what}[{thing.id}].name: 1 to {_LONGEST_NAME} characters")
        with named(f"{what}[{thing.id}]"):
            check_names("names", getattr(thing, "names", {}), _LONGEST_NAME)
            check_floors(getattr(thing, "floors", ()), _LONGEST_NAME)


def _check_plan(area: Area, features: SeatFeatures) -> None:
    """Checks an area's plan by the rules of the console's editor. The seats checked are the
    active ones, or in an area out of use the retired ones. Raises: TransferError."""
    seats = area.seats if area.in_use else area.retired_seats
    if len(seats) != sum(1 for _ in area.all_seats):
        kind = "seats" if area.in_use else "retired_seats"
        raise TransferError(f"areas[{area.id}].state: {area.state} may only have {kind}")
    names = {f.name: "number" if f.name == "no" else f.name for f in fields(SeatDraft)}
    drafts = [
        SeatDraft(**{name: getattr(seat, attribute) for name, attribute in names.items()})
        for seat in seats
    ]
    draft = PlanDraft(area.name, area.floor, area.width, area.height, drafts, area.fixtures)
    area_with_seats = replace(area, seats=seats, retired_seats=(), removed_seats=())
    elsewhere: frozenset[SeatId] = frozenset()
    with named(f"areas[{area.id}]"):
        check_known(seats, features)
        apply_draft(area_with_seats, draft, elsewhere)


def _check_groups(library: LibraryFile) -> None:
    groups, areas = library.reader_groups, {area.id for area in library.areas}
    seats = {seat.id for area in library.areas for seat in area.all_seats}
    _once("reader_groups", (group.id for group in groups))
    _once("reader_groups", (group.name for group in groups))
    if sum(group.default for group in groups) > 1:
        raise TransferError("reader_groups: only one may be the default")
    for group in groups:
        at, limits = f"reader_groups[{group.id}]", group.limits
        for name in (group.name, group.shown_name):
            if not 0 < len(name) <= _LONGEST_NAME or not is_printable_line(name):
                raise TransferError(f"{at}.name: 1 to {_LONGEST_NAME} characters")
        for lost in sorted((group.areas - areas) | (group.seats - seats)):
            raise TransferError(f"{at}: no area or seat {lost}")
        for limit in LIMIT_NAMES:
            number = getattr(limits, limit)
            if number is not None and not is_within_bounds(limit, number):
                raise TransferError(f"{at}.limits.{limit}: {number} is out of bounds")
            if number is None and limit in limits.at_least:
                raise TransferError(f"{at}.limits.at_least: {limit} has no number")


def _check_pictures(library: LibraryFile) -> None:
    """Checks the pictures' areas and positions. The image data are not checked here, but when
    the import decodes the images. Raises: TransferError."""
    areas = {area.id for area in library.areas}
    _once("plan_pictures", (picture.area_id for picture in library.plan_pictures))
    for picture in library.plan_pictures:
        if picture.area_id not in areas:
            raise TransferError(f"plan_pictures: no area {picture.area_id}")
        with named(f"plan_pictures[{picture.area_id}]"):
            check_place(picture.place)


def _check_policy(policy: Policy, venues: Collection[str], areas: Collection[str]) -> None:
    for name in NUMBER_BOUNDS:
        if not is_within_bounds(name, getattr(policy, name)):
            least, most = NUMBER_BOUNDS[name]
            raise TransferError(f"policy.{name}: {least} to {most}")
    for venue_id, values in policy.venues.items():
        if venue_id not in venues:
            raise TransferError(f"policy.venues: no venue {venue_id}")
        _check_values(f"policy.venues[{venue_id}]", values)
    for area_id, numbers in policy.areas.items():
        if area_id not in areas:
            raise TransferError(f"policy.areas: no area {area_id}")
        _check_values(f"policy.areas[{area_id}]", numbers)
    for place, rule in enumerate(policy.opening):
        if rule.venue_id is not None and rule.venue_id not in venues:
            raise TransferError(f"policy.opening[{place}].venue_id: no venue {rule.venue_id}")
        if rule.area_id is not None and rule.area_id not in areas:
            raise TransferError(f"policy.opening[{place}].area_id: no area {rule.area_id}")
    for place, override in enumerate(policy.rule_sets):
        if override.area_id is not None and override.area_id not in areas:
            raise TransferError(f"policy.rule_sets[{place}].area_id: no area {override.area_id}")
        if override.venue_id is not None and override.venue_id not in venues:
            raise TransferError(f"policy.rule_sets[{place}].venue_id: no venue {override.venue_id}")
        _check_values(f"policy.rule_sets[{place}].values", override.values)


def _check_values(where: str, values: Mapping[str, Any]) -> None:
    """Checks the type of each value, and the size of numbers. Raises: TransferError."""
    for name, value in values.items():
        if name in NUMBER_BOUNDS:
            right = type(value) is int and is_within_bounds(name, value)
        else:
            right = name in ("meal_times", "booking_opens_at") or type(value) is bool
        if not right:
            raise TransferError(f"{where}.{name}: {value} is out of bounds")
