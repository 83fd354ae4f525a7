from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import count
from typing import Final

from models.kernel.errors import Malformed
from models.kernel.text import is_printable_line
from models.library.entities import SEAT_FEATURES, Seat, SeatDraft
from models.library.names import HAN
from models.library.seat_features import FALLBACK_LANGUAGE, ICONS, SeatFeature, SeatFeatures
from models.library.seat_names import name_key

MOST_FEATURES: Final = 8
"""At most this many features are in use."""
LONGEST_CHINESE: Final = 12
"""At most this many characters has a name with Chinese ones, which are twice as wide."""
LONGEST_LATIN: Final = 30
MOST_NAMES: Final = 10
_TAG: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}")
_ID: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")


def check_features(features: SeatFeatures, reserved: Collection[str]) -> None:
    """Checks all features together. ``reserved``: the words, as ``name_key``s, that floor files
    use for other columns. Raises: Malformed for the first fault."""
    if len(features.in_use) > MOST_FEATURES:
        raise Malformed("name", "too_many_features", most=MOST_FEATURES)
    ids, names = set[str](), dict[str, str]()
    for feature in features.all:
        if not _ID.fullmatch(feature.id) or feature.id in {*ids, *SEAT_FEATURES}:
            raise Malformed("id", "feature_id_not_allowed", id=feature.id[:40])
        ids.add(feature.id)
        if feature.icon not in ICONS:
            raise Malformed("icon", "feature_icon_unknown")
        _check_names(feature.names)
        for name in feature.names.values():
            if name_key(name) in reserved:
                raise Malformed("name", "feature_name_reserved", name=name)
            if names.setdefault(name_key(name), feature.id) != feature.id:
                raise Malformed("name", "feature_exists", name=name)


def _check_names(names: Mapping[str, str]) -> None:
    if not names.get(FALLBACK_LANGUAGE):
        raise Malformed("name", "feature_name_missing")
    if len(names) > MOST_NAMES:
        raise Malformed("others", "feature_names_number", most=MOST_NAMES)
    for tag, name in names.items():
        if not _TAG.fullmatch(tag):
            raise Malformed("others", "language_tag_unknown", tag=tag[:20])
        most = LONGEST_CHINESE if any(c >= HAN for c in name) else LONGEST_LATIN
        if not 0 < len(name) <= most or not is_printable_line(name) or name != name.strip():
            facts = {"chinese": LONGEST_CHINESE, "latin": LONGEST_LATIN}
            raise Malformed(_FIELDS.get(tag, "others"), "feature_name_length", **facts)


_FIELDS: Final = {"zh": "name", "en": "english"}
"""The console's field for a name in this language; names in others share one field."""


def check_known(seats: Iterable[Seat | SeatDraft], features: SeatFeatures) -> None:
    """Raises: Malformed if a seat has a feature that the library has not defined."""
    ids = {feature.id for feature in features.all}
    unknown = next((f for seat in seats for f in seat.features if f not in ids), None)
    if unknown is not None:
        raise Malformed("seats", "unknown_feature", id=unknown[:40])


def with_new(features: SeatFeatures, new: SeatFeature) -> SeatFeatures:
    """The features with ``new`` as the last one, with an id made from its first Latin name."""
    latin = [name.lower() for name in new.names.values() if name.isascii()]
    slugs = (re.sub(r"[^a-z0-9]+", "-", name).strip("-") for name in latin)
    stem = next((slug for slug in slugs if _ID.fullmatch(slug)), "feature")
    taken = {*SEAT_FEATURES, *(feature.id for feature in features.all)}
    id = next(i for n in count(1) if (i := stem if n == 1 else f"{stem}-{n}") not in taken)
    return SeatFeatures((*features.all, replace(new, id=id)), features.rev + 1)


def with_changed(features: SeatFeatures, new: SeatFeature) -> SeatFeatures:
    """The features with ``new`` in the place of the one with its id."""
    changed = (new if feature.id == new.id else feature for feature in features.all)
    return replace(features, all=tuple(changed), rev=features.rev + 1)


def moved_up(features: SeatFeatures, id: str) -> SeatFeatures:
    """The features in a new order: the one with this id comes before the one that preceded it."""
    order = list(features.all)
    place = next(n for n, feature in enumerate(order) if feature.id == id)
    order.insert(max(0, place - 1), order.pop(place))
    return replace(features, all=tuple(order), rev=features.rev + 1)
