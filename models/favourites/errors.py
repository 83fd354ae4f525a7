"""Why a seat does not become a favourite."""

from __future__ import annotations

from models.kernel.errors import RuleViolation


class TooManyFavourites(RuleViolation):
    """The reader has as many as are kept. ``most`` says how many that is."""

    code = "too_many_favourites"

    def __init__(self, most: int) -> None:
        super().__init__(most=most)
