from __future__ import annotations

from collections.abc import Container, Iterable

from models.kernel.ids import ReaderId
from models.library.entities import Area
from models.occupancy.joined import OccupancyView
from models.seat_map.availability import (
    UNAVAILABLE,
    AreaCount,
    MapQuery,
    SeatState,
    SeatStatus,
    count_area,
    seat_state,
)


class AreaMap:
    """The map of an area as it is for all readers of the same groups. `barred`: indices of the
    seats that are reserved for other groups. `version` grows with every change of a seat."""

    def __init__(self, area: Area, barred: Container[int] = frozenset()) -> None:
        self.area, self.barred = area, barred
        self.version = 0
        self.views: list[SeatState] = []
        self.query: MapQuery | None = None
        self._place = {seat.id: place for place, seat in enumerate(area.seats)}
        self._changed_at = [0] * len(area.seats)
        self._occupancy: OccupancyView | None = None
        self._occupancy_version = 0
        self._count: tuple[int, AreaCount] | None = None

    def refresh(self, occupancy: OccupancyView, query: MapQuery) -> None:
        """Brings the map up to date. Pass the same ``query`` object while minute and policy are the
        same: then only seats whose reservations have changed are computed."""
        touched = (
            occupancy.since(self._occupancy_version)
            if occupancy is self._occupancy and query is self.query
            else None
        )
        if touched is None:
            places: Iterable[int] = range(len(self.area.seats))
        elif touched:
            places = {self._place[seat_id] for seat_id in touched if seat_id in self._place}
        else:
            return
        self._occupancy, self.query, self._occupancy_version = occupancy, query, occupancy.version
        first = not self.views
        self.views = self.views or [UNAVAILABLE] * len(self.area.seats)
        new = self.version + 1
        for place in places:
            seat = self.area.seats[place]
            taken = occupancy.by_seat.get(seat.id, ())
            view = seat_state(seat, taken, query, None, barred=place in self.barred)
            if first or view != self.views[place]:
                self.views[place] = view
                self._changed_at[place] = new
                self.version = new

    def changed_since(self, version: int) -> list[int]:
        return [place for place, at in enumerate(self._changed_at) if at > version]

    @property
    def count(self) -> AreaCount:
        if self._count is None or self._count[0] != self.version:
            self._count = self.version, count_area(self.views)
        return self._count[1]

    def count_with_features(self, features: frozenset[str]) -> AreaCount:
        if not features:
            return self.count
        seats = zip(self.area.seats, self.views, strict=True)
        return count_area(view for seat, view in seats if seat.has(features))

    def overlay_for(self, reader_id: ReaderId, granted: bool) -> list[tuple[int, SeatState]]:
        """The seats whose state for this reader differs from the common map, by index: the
        reader's own and, if ``granted``, the accessible seats that are reserved."""
        assert self._occupancy is not None and self.query is not None
        rows = self._occupancy.by_reader.get(reader_id, ())
        sees_reserved = granted and self.query.policy.accessible_only
        if not rows and not sees_reserved:
            return []
        places = {self._place[row.seat_id] for row in rows if row.seat_id in self._place}
        if sees_reserved:
            places |= {place for place, seat in enumerate(self.area.seats) if seat.accessible}
        overlay = []
        for place in sorted(places):
            seat = self.area.seats[place]
            taken = self._occupancy.by_seat.get(seat.id, ())
            view = seat_state(
                seat, taken, self.query, reader_id, granted, barred=place in self.barred
            )
            if view.status is SeatStatus.MINE or (sees_reserved and seat.accessible):
                overlay.append((place, view))
        return overlay
