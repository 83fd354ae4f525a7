from __future__ import annotations

from models.kernel.errors import RuleViolation


class TooManyFavourites(RuleViolation):
    """The reader has the largest number of favourite seats. Details: ``most``, this number."""

    code = "too_many_favourites"

    def __init__(self, most: int) -> None:
        super().__init__(most=most)
