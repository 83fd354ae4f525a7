"""The installed version, which setup.cfg defines."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

NAME: Final = "library-seats"
VERSION: Final = version(NAME)
