"""A presence source of a venue is expected to work for a week after its last proof."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest

from models.library.entities import PresenceSource
from models.reservations.presence import PresenceMethod, can_prove_presence
from tests.builders import on

NOW: Final = on("08:00")
WEEK: Final = timedelta(days=7)
KIOSK, GATE, DESK = PresenceSource.KIOSK, PresenceSource.GATE, PresenceSource.DESK
SEAT_LABEL = PresenceSource.SEAT_LABEL
CODE, LAST = PresenceMethod.KIOSK_CODE, WEEK - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("sources", "proofs", "screen", "can"),
    [
        ({KIOSK, DESK}, {}, None, False),
        ({KIOSK, DESK}, {CODE: WEEK, PresenceMethod.DESK: WEEK}, WEEK, False),
        ({KIOSK, DESK}, {CODE: LAST}, None, True),
        ({KIOSK, DESK}, {PresenceMethod.CARD: LAST}, WEEK, True),
        ({KIOSK, DESK}, {}, LAST, True),
        # Only what the venue names.
        ({DESK}, {CODE: LAST}, LAST, False),
        ({GATE}, {PresenceMethod.DESK: LAST}, None, False),
        ({GATE}, {PresenceMethod.GATE: LAST}, None, True),
        ({SEAT_LABEL}, {PresenceMethod.SEAT_LABEL: LAST}, None, True),
        (set(), {CODE: LAST}, LAST, False),
    ],
)
def test_a_presence_method_is_expected_for_a_week_after_its_last_proof(
    sources: set[PresenceSource],
    proofs: dict[PresenceMethod, timedelta],
    screen: timedelta | None,
    can: bool,
) -> None:
    seen = {method: NOW - ago for method, ago in proofs.items()}
    screens = [NOW - screen] if screen is not None else []
    assert can_prove_presence(sources, seen, screens, NOW) is can
