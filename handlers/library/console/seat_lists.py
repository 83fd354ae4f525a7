"""Lists of seats as people type them: 001-020, 035, A-12."""

from __future__ import annotations

import re
from collections.abc import Sequence

from handlers.texts.console import SEAT_LIST_ENDS, SEAT_RANGE_DASHES, WRONG_TEXT
from models.kernel.errors import Malformed
from models.kernel.text import natural
from models.library.entities import Area, Seat, SeatId
from models.library.seat_names import name_key


def seat_list(area: Area, seats: frozenset[SeatId]) -> str:
    """The text that lists the area's seats in ``seats``, with ranges: 001-010, 015."""
    ordered = in_order(area.seats)
    places, rows = _places(ordered), list[range]()
    for place, seat in enumerate(ordered):
        if seat.id not in seats:
            continue
        if rows and place == rows[-1].stop:
            rows[-1] = range(rows[-1].start, place + 1)
        else:
            rows.append(range(place, place + 1))
    return ", ".join(_row_text(places, ordered, row) for row in rows)


def _row_text(places: dict[str, int], ordered: Sequence[Seat], row: range) -> str:
    """The seats at the indexes ``row`` as a text that ``chosen_seats`` reads back as these
    seats. It is a range like 1-9, or a list if the range could be read as a single seat's name."""
    text = f"{ordered[row[0]].number}-{ordered[row[-1]].number}"
    if len(row) > 1 and _span(places, text) == row:
        return text
    return ", ".join(ordered[place].number for place in row)


def in_order(seats: Sequence[Seat]) -> list[Seat]:
    """The seats sorted by name in the order in which people count: 2 before 10."""
    return sorted(seats, key=lambda seat: natural(seat.number))


def chosen_seats(seats: Sequence[Seat], text: str) -> Sequence[Seat]:
    """The seats that a text such as 001-020, 035 lists; all seats if the text is empty. Raises:
    Malformed, which names the part that is wrong."""
    places = _places(seats)
    indexes: set[int] = set()
    for part in filter(str.strip, re.split(SEAT_LIST_ENDS, text)):
        whole = _span(places, part)
        spans = [whole] if whole is not None else [_span(places, word) for word in part.split()]
        if None in spans:
            wrong = WRONG_TEXT["seat_not_in_area"].format(text=part.strip()[:40])
            raise Malformed("seats", wrong)
        indexes.update(place for span in spans if span is not None for place in span)
    return [seats[place] for place in sorted(indexes)] if indexes else seats


def _places(seats: Sequence[Seat]) -> dict[str, int]:
    """Each seat's index by name and, unless another seat has that name, without leading zeros."""
    plain = {_plain(seat.number): place for place, seat in enumerate(seats)}
    return plain | {name_key(seat.number): place for place, seat in enumerate(seats)}


def _place(places: dict[str, int], text: str) -> int | None:
    index = places.get(name_key(text))
    return places.get(_plain(text)) if index is None else index


def _span(places: dict[str, int], part: str) -> range | None:
    """The indexes of a typed seat or range; None for other text. A seat's name may have a dash."""
    if (place := _place(places, part)) is not None:
        return range(place, place + 1)
    for dash in re.finditer(SEAT_RANGE_DASHES, part):
        first, last = (_place(places, text) for text in (part[: dash.start()], part[dash.end() :]))
        if first is not None and last is not None:
            return range(min(first, last), max(first, last) + 1)
    return None


def _plain(number: str) -> str:
    """The name without leading zeros: 7 for 007."""
    return name_key(number).lstrip("0") or "0"
