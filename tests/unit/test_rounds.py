"""Job rounds of one process align, whenever they began."""

from __future__ import annotations

from functools import partial

import pytest

from models.storage.rounds import SPREAD, pause_s


@pytest.mark.parametrize("every_s", [1.0, 2.0, 5.0])
@pytest.mark.parametrize("began", [0.0, 0.3, 0.5, 1.7])
def test_job_rounds_of_one_process_align_whenever_they_began(every_s: float, began: float) -> None:
    instants = []
    for now in (100.0, 100.0 + began):
        for _ in range(10):
            pause = pause_s(every_s, clock=partial(float, now))
            assert (1 - SPREAD) * every_s <= pause <= (1 + SPREAD) * every_s
            now += pause
        instants.append(now)
    apart = (instants[1] - instants[0]) / every_s
    assert apart == pytest.approx(round(apart))
