"""A holder's day is an ordinary reservation. A job writes it before anybody can book that day;
until then the seats of a season are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from typing import Final

from models.booking.writer import ReservationWriter
from models.kernel.ids import ReservationId
from models.kernel.time_range import TimeRange
from models.library.entities import Seat, SeatId
from models.reference_data import ReferenceData
from models.reservation_store.repository import ReservationRepository
from models.reservations.entities import Placement, Reservation
from models.reservations.errors import ClaimLost
from models.reservations.transitions import create_season_day
from models.season_holders.repository import HolderRepository
from models.seasons.entities import Application, Season, SeasonId
from models.seasons.repository import SeasonRepository
from models.storage.transactions import ConcurrentUpdate

_DAY: Final = timedelta(days=1)
_ID_DIGITS: Final = 24


def day_id(season_id: SeasonId, seat_id: SeatId, day: date) -> ReservationId:
    """The id of the holder's day, which is the same however often the day is written."""
    text = f"season day\n{season_id}\n{seat_id}\n{day.isoformat()}"
    return ReservationId(sha256(text.encode()).hexdigest()[:_ID_DIGITS])


@dataclass(frozen=True, slots=True)
class _Hours:
    """When a seat is the holder's on a day, and until when they have to come."""

    span: TimeRange
    come_by: datetime


class SeasonDays:
    """Writes the holders' days of all drawn seasons, day by day."""

    def __init__(
        self,
        seasons: SeasonRepository,
        holders: HolderRepository,
        reservations: ReservationRepository,
        writer: ReservationWriter,
        reference: ReferenceData,
    ) -> None:
        self._seasons, self._holders = seasons, holders
        self._reservations, self._writer = reservations, writer
        self._reference = reference

    async def run(self, now: datetime) -> int:
        """Writes the days that can be booked tomorrow or earlier, and gives the seats of void
        seasons back; returns the number of written days. Raises: Unavailable."""
        await self._seasons.end_void(now)
        written = 0
        while days := await self._write_next_of_all(now):
            written += days
        if written:
            await self._reference.refresh()
        return written

    async def _write_next_of_all(self, now: datetime) -> int:
        """Writes the next day of each season whose time has come; returns the number of days."""
        seasons = await self._holders.drawn(self._reference.zone.day(now))
        unwritten = [one for one in seasons if one.written < one.plan.last]
        return sum([await self._write_next(one, now) for one in unwritten if one.plan.hours])

    async def _write_next(self, season: Season, now: datetime) -> bool:
        """Writes the season's next day, if it is time; False if it was not written. A day whose
        writing fails is written by the next run."""
        today = self._reference.zone.day(now)
        day = max(season.written + _DAY, today)
        if day > today + _DAY + self._longest_window(season, day):
            return False
        holders = await self._holders.holders(season)
        made = await self._free(self._days(season, holders, day, now))
        try:
            await self._writer.insert_all(day, made, self._holders.note_written(season, day))
        except (ConcurrentUpdate, ClaimLost):
            return False
        return True

    def _longest_window(self, season: Season, day: date) -> timedelta:
        seats = self._reference.catalog.all_seats
        areas = {seats[SeatId(id)].area_id for id in season.plan.ids if id in seats}
        days = (self._reference.longest_window(area_id, day) for area_id in areas)
        return max(days, default=0) * _DAY

    def _days(
        self, season: Season, holders: Sequence[Application], day: date, now: datetime
    ) -> list[Reservation]:
        """The holders' reservations of the day, without those of seats that are out of service or
        whose area is closed."""
        made = []
        for holder in holders:
            seat = self._reference.catalog.seats.get(SeatId(holder.thing or ""))
            hours = self._hours(season, seat, day) if seat is not None else None
            if seat is None or hours is None or now >= hours.come_by:
                continue
            venue_id = self._reference.catalog.areas[seat.area_id].venue_id
            zone, span = self._reference.zone, hours.span
            made.append(
                create_season_day(
                    id=day_id(season.id, seat.id, day),
                    placement=Placement(
                        zone, holder.reader_id, venue_id, seat.area_id, seat.id, span
                    ),
                    policy=self._reference.policy_for(seat.area_id, day),
                    season_id=season.id,
                    check_in_until=hours.come_by,
                    now=now,
                )
            )
        return made

    def _hours(self, season: Season, seat: Seat, day: date) -> _Hours | None:
        """The hours of the season in which the seat's area is open; None if it is not."""
        plan, zone = season.plan, self._reference.zone
        assert plan.hours is not None and plan.come_by is not None
        policy = self._reference.policy_for(seat.area_id, day)
        of_season = self._span(day, plan.hours)
        spans = [
            TimeRange(max(open.start, of_season.start), min(open.end, of_season.end))
            for open in self._reference.opening_hours(policy, day, seat.area_id).intervals
            if open.start < of_season.end and of_season.start < open.end
        ]
        span = max(spans, key=lambda each: each.end - each.start, default=None)
        if span is None or seat.unavailable_reason(day) is not None:
            return None
        least = span.start + timedelta(minutes=policy.check_in_after_minutes)
        come_by = max(zone.instant(day, plan.come_by), least)
        return _Hours(span, min(come_by, span.end))

    def _span(self, day: date, hours: tuple[time, time]) -> TimeRange:
        start = self._reference.zone.instant(day, hours[0])
        return TimeRange(start, self._reference.zone.instant(day, hours[1]))

    async def _free(self, made: Sequence[Reservation]) -> list[Reservation]:
        """The reservations among these whose seat and reader are free: somebody may have booked
        before the season was announced, and its holder may have booked another seat."""
        taken = await self._reservations.taken({claim for r in made for claim in r.claims})
        return [r for r in made if taken.isdisjoint(r.claims)]
