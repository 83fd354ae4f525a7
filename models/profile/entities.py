"""What a library calls itself, and how far it has been set up."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from enum import StrEnum
from functools import lru_cache
from typing import Final

DEFAULT_ZONE: Final = "Asia/Shanghai"
"""The time zone of a library that has chosen none."""
DEFAULT_ZONE_MINUTES: Final = 480
_HASH_CHARS: Final = 16


@dataclass(frozen=True, slots=True)
class LibraryProfile:
    """A library's names and wording. ``rev`` grows with every change; 0 has never been saved.

    ``running_line`` and ``rules_text`` have named placeholders, in which the policy's numbers are
    filled; an empty one stands for the usual wording. ``rules_text`` is Markdown. ``audience`` says
    for whom the service is. ``zone_minutes`` is how far the clock of ``zone`` is ahead of UTC.
    ``logo`` is a PNG, or empty.
    """

    name: str = ""
    title: str = ""
    contact: tuple[str, ...] = ()
    audience: str = ""
    running_line: str = ""
    rules_text: str = ""
    campus_app: str = ""
    mini_program: str = ""
    menu: str = ""
    zone: str = DEFAULT_ZONE
    zone_minutes: int = DEFAULT_ZONE_MINUTES
    logo: bytes = b""
    rev: int = 0

    @property
    def clock(self) -> timezone:
        """The library's clock, as a fixed distance from UTC."""
        return timezone(timedelta(minutes=self.zone_minutes), self.zone)

    @property
    def logo_name(self) -> str:
        """The file's name, which changes with its content; empty where there is no logo."""
        return _name_of(self.logo) if self.logo else ""


@lru_cache(maxsize=4)
def _name_of(logo: bytes) -> str:
    # Every page asks.
    return f"{hashlib.sha256(logo).hexdigest()[:_HASH_CHARS]}.png"


class SetupStep(StrEnum):
    """A step of the first run, in order. The value is stored and stands in addresses."""

    PROFILE = "profile"
    VENUES = "venues"
    HOURS = "hours"
    FLOORS = "floors"
    RULES = "rules"
    STAFF = "staff"


class StepMark(StrEnum):
    """What somebody has said of a step. The value is stored."""

    DONE = "done"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class SetupProgress:
    """What is stored of the first run. ``rev`` grows with every change; at 0 it has not begun, and
    a library that has areas then needs none."""

    marks: Mapping[SetupStep, StepMark] = field(default_factory=dict)
    finished: bool = False
    rev: int = 0
