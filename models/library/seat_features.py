"""Features of seats that the library has defined itself, such as a desk lamp. The usual ones are
``SEAT_FEATURES`` of entities.py."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

FALLBACK_LANGUAGE: Final = "zh"
"""The language in which every feature has a name."""
ICONS: Final = (
    *("lamp", "desk", "screens", "usb", "network", "locker"),
    *("quiet", "booth", "sofa", "headset", "board", "diamond"),
)


@dataclass(frozen=True, slots=True)
class SeatFeature:
    """A feature that seats can have. `names`: its name by language tag, as the library wrote it.
    `icon`: one of ``ICONS``. `filter`: whether readers may filter seats by it. Readers do not see
    a `retired` feature; seats keep it, so that it can be brought back."""

    id: str
    names: Mapping[str, str]
    icon: str
    filter: bool = True
    retired: bool = False

    @property
    def name(self) -> str:
        """The name in ``FALLBACK_LANGUAGE``, which stands where there is none in another."""
        return self.names[FALLBACK_LANGUAGE]


@dataclass(frozen=True, slots=True)
class SeatFeatures:
    """All features that the library has defined, in its order. `rev` grows with every change."""

    all: tuple[SeatFeature, ...] = ()
    rev: int = 0

    @property
    def in_use(self) -> tuple[SeatFeature, ...]:
        return tuple(feature for feature in self.all if not feature.retired)

    @property
    def filters(self) -> tuple[str, ...]:
        """The ids of the features by which readers may filter seats."""
        return tuple(feature.id for feature in self.in_use if feature.filter)

    def of(self, ids: Collection[str]) -> tuple[SeatFeature, ...]:
        """The features in use that are among ``ids``."""
        return tuple(feature for feature in self.in_use if feature.id in ids) if ids else ()


NO_FEATURES: Final = SeatFeatures()
