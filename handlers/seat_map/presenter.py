"""From venues and times to the API's shapes."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from handlers.http.presenting import clock, moment
from handlers.seat_map import schemas
from handlers.texts.labels import day_choice_text
from handlers.texts.pages import START_NOW
from models.kernel.time_range import local_date
from models.library.entities import Area, Venue
from models.reference_data import ReferenceData


def choice(instant: datetime) -> schemas.Choice:
    return schemas.Choice(clock(instant), clock(instant))


def start(value: str) -> schemas.Choice:
    return schemas.Choice(value, START_NOW if value == "now" else value)


def venue(reference: ReferenceData, v: Venue, now: datetime) -> schemas.VenueOut:
    dates = [_date(reference, v, day, now) for day in reference.policy.bookable_dates(now)]
    return schemas.VenueOut(v.id, v.name, dates[0].open, dates)


def date_of_area(reference: ReferenceData, area: Area, day: schemas.DateOut) -> schemas.DateOut:
    """The venue's day as it is for one of its areas, which may be closed for itself."""
    place = reference.opening_hours(reference.policy, day.date, area.id)
    if place.hours is not None or day.open is None:
        return day
    return msgspec.structs.replace(day, bookable=False, open=None, reason=place.reason)


def _date(reference: ReferenceData, v: Venue, day: date, now: datetime) -> schemas.DateOut:
    place = reference.policy.day_hours(day, v.id, None)
    opens_at = reference.policy_on(day).opens_at_instant(day)
    today = local_date(now)
    waits = opens_at is not None and day > today and now < opens_at
    over = place.hours is not None and now >= place.hours.end
    hours = place.hours
    return schemas.DateOut(
        date=day,
        label=day_choice_text(day, today),
        bookable=hours is not None and not waits and not over,
        opens_at=moment(opens_at) if waits else None,
        open=schemas.OpenOut(clock(hours.start), clock(hours.end)) if hours else None,
        reason=place.reason,
    )
