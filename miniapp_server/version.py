"""The installed version, which setup.cfg defines."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

NAME: Final = "library-seats"
"""The distribution's name in pip."""
VERSION: Final = version(NAME)
