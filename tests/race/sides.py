"""The sides of midnight on which a race runs, where a claim at night is no other than by day."""

from typing import Final

import pytest

both_sides_whole: Final = pytest.mark.parametrize(
    "stage", ["day", pytest.param("night", marks=pytest.mark.whole)], indirect=True
)
"""A race is run by day, and in the whole run once more where what is booked goes over midnight."""
