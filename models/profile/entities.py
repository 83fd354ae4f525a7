from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Final

from languages.text import SOURCE
from models.kernel.zone import Zone
from models.profile.zones import zone_of

DEFAULT_ZONE: Final = "Asia/Shanghai"
DEFAULT_ZONE_MINUTES: Final = 480
SHORT_TITLE_CHARS: Final = 12
"""A title of at most this length is not cut off below a home screen's icon."""
_HASH_CHARS: Final = 16


@dataclass(frozen=True, slots=True)
class LibraryProfile:
    """A library's names, wording and time zone.

    `running_line` and `rules_text` (Markdown) contain placeholders for numbers of the policy; an
    empty text stands for the default wording. `audience`: the people that the service is for.
    `language`: the tag of the language of kiosks, hall displays, posters and labels.
    `zone_minutes`: minutes by which the standard time of ``zone`` was ahead of UTC when the zone
    was chosen; claims count half hours on that clock. `logo`: a PNG, or empty. `rev` grows with
    every change; 0 is the default that was never saved.
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
    language: str = SOURCE
    zone: str = DEFAULT_ZONE
    zone_minutes: int = DEFAULT_ZONE_MINUTES
    logo: bytes = b""
    rev: int = 0

    @property
    def clock(self) -> Zone:
        return zone_of(self.zone, self.zone_minutes)

    @property
    def short_name(self) -> str:
        """The title if it is short, otherwise the library's name."""
        return self.title if len(self.title) <= SHORT_TITLE_CHARS else self.name

    @property
    def logo_name(self) -> str:
        """The logo's file name, derived from its content; empty without a logo."""
        return _name_of(self.logo) if self.logo else ""


@lru_cache(maxsize=64)  # a process may serve many libraries
def _name_of(logo: bytes) -> str:
    # Cached: each page needs it.
    return f"{hashlib.sha256(logo).hexdigest()[:_HASH_CHARS]}.png"


class SetupStep(StrEnum):
    """A step of the first run, in order. The value is stored and is part of URLs."""

    PROFILE = "profile"
    VENUES = "venues"
    HOURS = "hours"
    FLOORS = "floors"
    ROOMS = "rooms"
    RULES = "rules"
    STAFF = "staff"


class StepMark(StrEnum):
    """An administrator's mark on a step of the first run. The value is stored."""

    DONE = "done"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class SetupProgress:
    """An administrator's progress through the first run. ``rev`` grows with every change. With
    ``rev`` 0 the first run has not begun; a library that has areas does not need a first run."""

    marks: Mapping[SetupStep, StepMark] = field(default_factory=dict)
    finished: bool = False
    rev: int = 0
