"""The version of what is installed; setup.cfg is the one place that says it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

NAME: Final = "library-seats"
"""Of the distribution, as pip knows it."""
VERSION: Final = version(NAME)
