"""The six digits of a kiosk's code, against the values of RFC 4226, and the steps they hold for."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from bind.kiosk_codes import KioskCodeService
from models.kiosks.errors import QrInvalid
from models.library.entities import KioskId

HERE, THERE = KioskId("here"), KioskId("there")
SECRETS = {
    HERE: base64.b32encode(b"12345678901234567890").decode(),
    THERE: base64.b32encode(b"another secret of 20").decode(),
}
APPENDIX_D = (
    *("755224", "287082", "359152", "969429", "338314"),
    *("254676", "287922", "162583", "399871", "520489"),
)
"""RFC 4226's values of the first secret for the counters 0 to 9."""
STEP_OF_2005, ITS_DIGITS = 37037036, "081804"
"""The end of RFC 6238's 07081804 for this counter."""
STEP = 15


class Kiosks:
    async def kiosk_secret(self, kiosk_id: str) -> str | None:
        return SECRETS.get(KioskId(kiosk_id))

    async def kiosk_secrets(self, kiosk_ids: Iterable[KioskId]) -> dict[KioskId, str]:
        return {id: SECRETS[id] for id in kiosk_ids}


codes = KioskCodeService(cast(Any, Kiosks()), "https://seats.example")


def at(step: int) -> datetime:
    return datetime.fromtimestamp(step * STEP + 14, UTC)


@pytest.mark.parametrize("step", range(len(APPENDIX_D)))
async def test_the_typed_digits_are_those_of_the_rfc_and_end_the_codes_link(step: int) -> None:
    assert (await codes.current(HERE, STEP, at(step))).payload.endswith(APPENDIX_D[step])
    scan = await codes.typed([THERE, HERE], APPENDIX_D[step], STEP, at(step))
    assert (scan.kiosk_id, scan.code_step, scan.is_current) == (HERE, step, True)


async def test_typed_digits_hold_for_their_step_and_the_next_and_are_recognised_later() -> None:
    async def typed(later: int) -> tuple[int, bool]:
        scan = await codes.typed([HERE, THERE], ITS_DIGITS, STEP, at(STEP_OF_2005 + later))
        assert scan.kiosk_id == HERE
        return scan.code_step, scan.is_current

    assert [await typed(later) for later in (0, 1)] == [(STEP_OF_2005, True)] * 2
    assert [await typed(later) for later in (2, 20)] == [(STEP_OF_2005, False)] * 2
    for later in (-1, 21):
        with pytest.raises(QrInvalid):
            await typed(later)


@pytest.mark.parametrize("digits", ["", "81804", "7081804", "000000", "０８１８０４"])
async def test_other_digits_and_those_of_other_kiosks_are_invalid(digits: str) -> None:
    with pytest.raises(QrInvalid):
        await codes.typed([HERE, THERE], digits, STEP, at(STEP_OF_2005))
    with pytest.raises(QrInvalid):
        await codes.typed([THERE], ITS_DIGITS, STEP, at(STEP_OF_2005))
