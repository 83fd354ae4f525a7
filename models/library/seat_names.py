"""Seat names, such as 065, A-12 and 2F-B07, unique in their area; case makes no difference."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from models.library.entities import AreaId, Seat, SeatId

LONGEST_SEAT_NAME: Final = 20
_DASHES: Final = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")
"""Characters that people and word processors use for a hyphen."""
_BETWEEN: Final = frozenset("-./ ")
"""Characters that may stand between the letters and digits of a seat name."""
_DIGITS: Final = frozenset("0123456789")
_NUMBER: Final = re.compile(r"[0-9]{3}")
_MOST_TRIES: Final = 5000


def tidy(text: str) -> str:
    """The stored form of a name: ASCII for full-width characters and dashes, and single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).translate(_DASHES).split())


def is_seat_name(name: str) -> bool:
    """True for a seat name in its stored form (``tidy``): short, of letters and digits, with
    hyphens, dots, slashes or spaces between them."""
    if not 0 < len(name) <= LONGEST_SEAT_NAME or {name[0], name[-1]} & _BETWEEN:
        return False
    return all(c in _DIGITS or c in _BETWEEN or unicodedata.category(c)[0] == "L" for c in name)


def name_key(name: str) -> str:
    """A key that is equal for all spellings of one name, such as A-12 and a-12."""
    return tidy(name).casefold()


def seat_named(seats: Iterable[Seat], text: str) -> Seat | None:
    """The first seat that has the name ``text``, in any spelling; None if there is none."""
    key = name_key(text)
    return next((seat for seat in seats if name_key(seat.number) == key), None)


def new_ids(area: AreaId, name: str) -> Iterator[SeatId]:
    """Ids that a new seat of the area can get, simplest first. No other area can generate them."""
    if _NUMBER.fullmatch(name):
        yield SeatId(f"{area}-{name}")
        yield from (SeatId(f"{area}-{name}-{n}") for n in range(2, _MOST_TRIES))
        return
    letters = "".join(c for c in name.lower() if c.isascii() and c.isalnum())
    # With a hyphen, 12 would look like the second 001 of an area, and a-12 like another area.
    yield SeatId(f"{area}-s{letters}")
    yield from (SeatId(f"{area}-s{letters}x{n}") for n in range(2, _MOST_TRIES))


def is_id_of(area: AreaId, id: str) -> bool:
    """True if ``new_ids`` could have generated the id for the area."""
    tail = r"([0-9]{3}(-[1-9][0-9]*)?|s[0-9a-z]{0,30})"
    return re.fullmatch(rf"{re.escape(area)}-{tail}", id) is not None
