from __future__ import annotations

from datetime import date, datetime

import msgspec
from msgspec import UNSET, UnsetType

from handlers.http.presenting import clock, later_clock
from handlers.seat_map import schemas
from handlers.texts.labels import day_choice_text
from handlers.texts.pages import START_NOW
from models.kernel.time_range import TimeRange
from models.kernel.zone import Zone
from models.library.entities import Area, Catalog, Seat, Venue, features_of
from models.opening_draw.rules import DRAW_LASTS
from models.policy.open_hours import OpenHours, open_hours
from models.readers.entities import Reader
from models.reference_data import ReferenceData


def catalog(catalog: Catalog) -> schemas.CatalogOut:
    venues = [
        schemas.CatalogVenueOut(
            v.id,
            v.name,
            [_area(catalog, area) for area in catalog.bookable_areas if area.venue_id == v.id],
            dict(v.names) or UNSET,
        )
        for v in catalog.venues_in_use
    ]
    return schemas.CatalogOut(catalog.version, venues, features(catalog))


def features(catalog: Catalog) -> list[schemas.SeatFeatureOut] | UnsetType:
    """The library's own seat features for the API."""
    own = catalog.features.in_use
    return [schemas.SeatFeatureOut(f.id, dict(f.names), f.icon) for f in own] or UNSET


def own_features(catalog: Catalog, seat: Seat) -> list[str] | UnsetType:
    """The ids of the library's own features that the seat has, for the API."""
    return [f.id for f in catalog.features.of(seat.features)] or UNSET


def _area(catalog: Catalog, area: Area) -> schemas.CatalogAreaOut:
    seats = [
        schemas.CatalogSeatOut(
            id=seat.id,
            no=seat.number,
            label=str(catalog.seat_label(seat)),
            **features_of(seat),
            features=own_features(catalog, seat),
        )
        for seat in area.seats
    ]
    return schemas.CatalogAreaOut(id=area.id, **catalog.names_of(area), seats=seats)


def area_summary(catalog: Catalog, area: Area) -> schemas.AreaSummary:
    venue = catalog.venues[area.venue_id]
    names = dict(venue.names) or UNSET
    return schemas.AreaSummary(
        id=area.id, venue=venue.name, venue_names=names, **catalog.names_of(area)
    )


def choice(zone: Zone, instant: datetime, since: datetime | date) -> schemas.Choice:
    """A booking's end as an option. Its label names the day if it is not the day of ``since``."""
    return schemas.Choice(clock(zone, instant), later_clock(zone, since, instant))


def start(value: str) -> schemas.Choice:
    return schemas.Choice(value, START_NOW if value == "now" else value)


def venue(
    reference: ReferenceData, v: Venue, now: datetime, reader: Reader | None = None
) -> schemas.VenueOut:
    """The venue for the API, with the days that the reader (or without one, anybody) may book."""
    days = reference.bookable_dates(reader, now, v.id)
    dates = [_date(reference, v, day, now, reader) for day in days]
    return schemas.VenueOut(v.id, v.name, dates[0].open, dates, dict(v.names) or UNSET)


def date_of_area(reference: ReferenceData, area: Area, day: schemas.DateOut) -> schemas.DateOut:
    """A day of the venue, adapted to one area. If the area is closed on a day on which the venue
    is open, the day is not bookable."""
    place = reference.opening_hours(reference.policy, day.date, area.id)
    if place.intervals or day.open is None:
        return day
    return msgspec.structs.replace(day, bookable=False, open=None, reason=place.reason)


def _date(
    reference: ReferenceData, v: Venue, day: date, now: datetime, reader: Reader | None
) -> schemas.DateOut:
    place, policy = (
        open_hours(reference.zone, reference.policy, day, v.id, None),
        reference.policy_on(day, v.id),
    )
    if reader is not None:
        policy = reference.policy_of_reader(day, v.id, reader)
    opens_at = policy.opens_at_instant(reference.zone, day)
    today = reference.zone.day(now)
    waits = opens_at is not None and day > today and now < opens_at
    draws_at = policy.draw_opens_at(reference.zone, day, now)
    drawn_until = draws_at + DRAW_LASTS if draws_at is not None else now
    hours = reference.policy.day_hours(reference.zone, day, v.id, None).hours or _rest_of_night(
        reference.zone, place, day
    )
    return schemas.DateOut(
        date=day,
        label=day_choice_text(day, today),
        bookable=place.upcoming(now) is not None and not waits,
        opens_at=reference.zone.local_if_any(opens_at) if waits else None,
        drawn_until=reference.zone.local_if_any(drawn_until) if now < drawn_until else None,
        open=schemas.OpenOut(clock(reference.zone, hours.start), clock(reference.zone, hours.end))
        if hours
        else None,
        reason=place.reason,
        filters=[*reference.filters_on(day)] or UNSET,
    )


def _rest_of_night(zone: Zone, place: OpenHours, day: date) -> TimeRange | None:
    """The time early on ``day`` in which the place is still open from the evening before; None
    if the place closed by midnight."""
    if not place.intervals:
        return None
    return TimeRange(zone.midnight(day), place.intervals[0].end)
