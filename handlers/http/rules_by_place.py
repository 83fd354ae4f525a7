"""The rules that differ by venue or area, as sentences in the order of the venues. Areas that share
their rules share a sentence; retired venues and areas have none."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeVar

from handlers.texts.labels import hours_text
from handlers.texts.policy import VALUES
from handlers.texts.rules_phrases import (
    ALL_AREAS,
    CLAUSES,
    IN_VENUE,
    NAMES,
    OF_PLACE,
    OVERRIDE,
    OVERRIDE_FROM,
    OVERRIDE_PLACE,
    PARTS,
    SENTENCE,
    STAY,
    area_text,
    floors_text,
    place_text,
    rule_text,
)
from languages.text import Text, joined
from models.library.entities import Area, Venue, VenueId
from models.library.names import label_text
from models.policy.entities import AREA_OVERRIDABLE, VENUE_OVERRIDABLE, Policy, PolicyOverride
from models.policy.opening import OpeningPlace
from models.policy.validation import settled
from models.readers.entities import Reader
from models.reference_data import ReferenceData

Value = TypeVar("Value", bound=Hashable)
_ELSEWHERE: Final = frozenset({"max_minutes", "hall_display", "public_occupancy"})
"""Values that are no rules for readers, or that ``longest_stays`` states."""


@dataclass(frozen=True, slots=True)
class PlaceRules:
    """The rules of all places on one day, for one reader or (None) for everybody."""

    reference: ReferenceData
    day: date
    reader: Reader | None

    def usual(self, name: str) -> Any:
        """The value that holds where no other is stated: the library's or, if every venue has
        one of its own, the first venue's."""
        venues = [getattr(self._of_venue(venue.id), name) for venue in self._venues]
        library = getattr(self._of_venue(None), name)
        return library if library in venues or not venues else venues[0]

    def longest_stays(self) -> Text:
        """The longest stay in each area, in words; without an area, the library's."""
        by_text: dict[Text, list[str]] = {}
        for venue in self._venues:
            areas = self._areas(venue)
            stays = _alike(areas, lambda area: self._of_area(area).max_minutes)
            text = joined(
                (
                    STAY.format(areas=_names(venue, alike, areas), length=hours_text(minutes))
                    for minutes, alike in stays.items()
                ),
                CLAUSES,
            )
            if text:
                by_text.setdefault(text, []).append(label_text(venue))
        if len(by_text) < 2:
            return next(iter(by_text), hours_text(self.usual("max_minutes")))
        return joined(
            (
                OF_PLACE.format(place=joined(venues, NAMES), text=text)
                for text, venues in by_text.items()
            ),
            PARTS,
        )

    def differences(self) -> Text:
        """The values of venues that differ from the usual ones, and the values of areas that
        differ from those of their venue. Empty if there are none."""
        sentences = []
        for venue in self._venues:
            of_venue, areas = self._of_venue(venue.id), self._areas(venue)
            own = [
                (name, value)
                for name in VALUES
                if name in VENUE_OVERRIDABLE - _ELSEWHERE
                and (value := getattr(of_venue, name)) != self.usual(name)
            ]
            by_area = _alike(areas, self._own)
            places: list[tuple[Text, list[tuple[str, Any]]]] = [(label_text(venue), own)]
            places += [
                (self._in_venue(venue, _names(venue, alike, areas)), list(numbers))
                for numbers, alike in by_area.items()
            ]
            sentences += [
                SENTENCE.format(text=OF_PLACE.format(place=place, text=_values(dict(values))))
                for place, values in places
                if values
            ]
        return joined(sentences)

    def overrides(self) -> Text:
        """The policy's overrides that are not over: first the library's, then each venue's and
        those of its areas."""
        catalog = self.reference.catalog
        order = {venue.id: place for place, venue in enumerate(self._venues)}
        placed = []
        for rules in settled(self.reference.policy, self.day).rule_sets:
            area = catalog.areas.get(rules.area_id) if rules.area_id is not None else None
            venue_id = area.venue_id if area is not None and area.in_use else rules.venue_id
            if not rules.narrowness:
                placed.append((-1, "", rules))
            elif venue_id in order:
                named = place_text(catalog, OpeningPlace(rules.venue_id, rules.area_id))
                placed.append((order[venue_id], named, rules))
        placed.sort(key=lambda one: (one[0], one[2].narrowness))
        return joined(_override(named, rules) for _order, named, rules in placed)

    @property
    def _venues(self) -> list[Venue]:
        return list(self.reference.catalog.venues_in_use)

    def _areas(self, venue: Venue) -> list[Area]:
        return [a for a in self.reference.catalog.bookable_areas if a.venue_id == venue.id]

    def _of_venue(self, venue_id: VenueId | None) -> Policy:
        if self.reader is None:
            return self.reference.policy_on(self.day, venue_id)
        return self.reference.policy_of_reader(self.day, venue_id, self.reader)

    def _of_area(self, area: Area) -> Policy:
        policy = self.reference.policy_for(area.id, self.day)
        if self.reader is None:
            return policy
        return self.reference.with_groups(policy, self.reader, area.id, self.day)

    def _own(self, area: Area) -> tuple[tuple[str, int], ...]:
        """The area's numbers that differ from those of its venue."""
        of_area, of_venue = self._of_area(area), self._of_venue(area.venue_id)
        return tuple(
            (name, getattr(of_area, name))
            for name in VALUES
            if name in AREA_OVERRIDABLE - _ELSEWHERE
            and getattr(of_area, name) != getattr(of_venue, name)
        )

    def _in_venue(self, venue: Venue, areas: Text) -> Text:
        return (
            IN_VENUE.format(venue=label_text(venue), areas=areas)
            if len(self._venues) > 1
            else areas
        )


def _names(venue: Venue, areas: Sequence[Area], all_areas: Sequence[Area]) -> Text:
    """The areas in words. A floor stands for its areas if all of them are meant."""
    if len(areas) == len(all_areas) > 1:
        return ALL_AREAS
    by_floor = _alike(all_areas, lambda area: area.floor)
    whole = [
        floor
        for floor, alike in by_floor.items()
        if len(alike) > 1 and all(area in areas for area in alike)
    ]
    names = [floors_text(map(venue.floor, whole))] if whole else []
    others = (area_text(venue, area) for area in areas if area.floor not in whole)
    return joined([*names, *others], NAMES)


def _override(place: str, rules: PolicyOverride) -> Text:
    return (OVERRIDE if rules.last is not None else OVERRIDE_FROM).format(
        first=rules.first,
        last=rules.last,
        name=rules.name,
        place=OVERRIDE_PLACE.format(place=place) if place else "",
        numbers=_values(rules.values),
    )


def _values(values: Mapping[str, Any]) -> Text:
    return joined((rule_text(name, value) for name, value in values.items()), CLAUSES)


def _alike(areas: Sequence[Area], value: Callable[[Area], Value]) -> dict[Value, list[Area]]:
    """The areas by value, in their order."""
    by_value: dict[Value, list[Area]] = {}
    for area in areas:
        by_value.setdefault(value(area), []).append(area)
    return by_value
