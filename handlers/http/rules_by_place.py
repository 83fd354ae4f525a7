"""The rules that differ by venue or area, as sentences in the order of the venues. Areas that share
their rules share a sentence; retired venues and areas have none."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeVar

from handlers.texts.rules_phrases import Phrases
from models.library.entities import Area, Venue, VenueId
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
    """The rules of all places on one day, for one reader or (None) for everybody. ``say``: the
    phrases of the page's language."""

    reference: ReferenceData
    day: date
    reader: Reader | None
    say: Phrases

    def usual(self, name: str) -> Any:
        """The value that holds where no other is stated: the library's or, if every venue has
        one of its own, the first venue's."""
        venues = [getattr(self._of_venue(venue.id), name) for venue in self._venues]
        library = getattr(self._of_venue(None), name)
        return library if library in venues or not venues else venues[0]

    def longest_stays(self) -> str:
        """The longest stay in each area, in words; without an area, the library's."""
        by_text: dict[str, list[str]] = {}
        for venue in self._venues:
            areas = self._areas(venue)
            stays = _alike(areas, lambda area: self._of_area(area).max_minutes)
            text = self.say.filling["numbers"].join(
                self.say.filling["max_stay"].format(
                    areas=self._names(alike, areas), length=self.say.length(minutes)
                )
                for minutes, alike in stays.items()
            )
            if text:
                by_text.setdefault(text, []).append(venue.name)
        if len(by_text) < 2:
            return next(iter(by_text), self.say.length(self.usual("max_minutes")))
        return self.say.filling["parts"].join(
            self._sentence(self.say.filling["names"].join(venues), text)
            for text, venues in by_text.items()
        )

    def differences(self) -> str:
        """The values of venues that differ from the usual ones, and the values of areas that
        differ from those of their venue. Empty if there are none."""
        sentences = []
        for venue in self._venues:
            of_venue, areas = self._of_venue(venue.id), self._areas(venue)
            own = [
                (name, value)
                for name in self.say.value_names
                if name in VENUE_OVERRIDABLE - _ELSEWHERE
                and (value := getattr(of_venue, name)) != self.usual(name)
            ]
            by_area = _alike(areas, self._own)
            places = [(venue.name, own)]
            places += [
                (self._in_venue(venue, self._names(alike, areas)), list(numbers))
                for numbers, alike in by_area.items()
            ]
            sentences += [
                self._sentence(place, self._values(dict(values)))
                for place, values in places
                if values
            ]
        return "".join(self.say.filling["sentence"].format(text=text) for text in sentences)

    def overrides(self) -> str:
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
                named = self.say.place(catalog, OpeningPlace(rules.venue_id, rules.area_id))
                placed.append((order[venue_id], named, rules))
        placed.sort(key=lambda one: (one[0], one[2].narrowness))
        return "".join(self._override(named, rules) for _, named, rules in placed)

    def _override(self, place: str, rules: PolicyOverride) -> str:
        filling = self.say.filling
        return filling["override" if rules.last is not None else "override_from"].format(
            first=rules.first,
            last=rules.last,
            name=rules.name,
            area=filling["override_area"].format(area=place) if place else "",
            numbers=self._values(rules.values),
        )

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
            for name in self.say.value_names
            if name in AREA_OVERRIDABLE - _ELSEWHERE
            and getattr(of_area, name) != getattr(of_venue, name)
        )

    def _names(self, areas: Sequence[Area], all_areas: Sequence[Area]) -> str:
        """The areas in words. A floor stands for its areas if all of them are meant."""
        if len(areas) == len(all_areas) > 1:
            return self.say.filling["all_areas"]
        by_floor = _alike(all_areas, lambda area: area.floor)
        whole = [
            floor
            for floor, alike in by_floor.items()
            if len(alike) > 1 and all(area in areas for area in alike)
        ]
        names = [self.say.floors(whole)] if whole else []
        names += [self.say.area(area) for area in areas if area.floor not in whole]
        return self.say.filling["names"].join(names)

    def _in_venue(self, venue: Venue, areas: str) -> str:
        if len(self._venues) < 2:
            return areas
        return self.say.filling["in_venue"].format(venue=venue.name, areas=areas)

    def _sentence(self, place: str, text: str) -> str:
        return self.say.filling["of_place"].format(place=place, text=text)

    def _values(self, values: Mapping[str, Any]) -> str:
        return self.say.filling["numbers"].join(self.say.values(values))


def _alike(areas: Sequence[Area], value: Callable[[Area], Value]) -> dict[Value, list[Area]]:
    """The areas by value, in their order."""
    by_value: dict[Value, list[Area]] = {}
    for area in areas:
        by_value.setdefault(value(area), []).append(area)
    return by_value
