"""From venues and times to the API's shapes."""

from __future__ import annotations

from datetime import date, datetime

from handlers.http.presenting import clock, moment
from handlers.seat_map import schemas
from handlers.texts.labels import day_choice_text
from handlers.texts.pages import START_NOW
from models.kernel.time_range import local_date
from models.library.entities import Venue
from models.readers.entities import Reader
from models.reference_data import ReferenceData


def choice(instant: datetime) -> schemas.Choice:
    return schemas.Choice(clock(instant), clock(instant))


def start(value: str) -> schemas.Choice:
    return schemas.Choice(value, START_NOW if value == "now" else value)


def venue(
    reference: ReferenceData, v: Venue, now: datetime, reader: Reader | None = None
) -> schemas.VenueOut:
    """The venue with the days that the reader may book."""
    dates = [_date(reference, v, day, now, reader) for day in reference.bookable_dates(reader, now)]
    return schemas.VenueOut(v.id, v.name, dates[0].open, dates)


def _date(
    reference: ReferenceData, v: Venue, day: date, now: datetime, reader: Reader | None
) -> schemas.DateOut:
    policy = reference.policy
    place = policy.day_hours(day, v.id, None)
    if reader is not None:
        policy = reference.with_groups(policy, reader, None, day)
    opens_at = policy.opens_at_instant(day)
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
