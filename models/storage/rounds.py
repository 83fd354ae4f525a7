"""When what comes round by itself comes round: together, so that an idle process sleeps in between.

To wake up costs it more than most of what there is to do then.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from time import monotonic
from typing import Final

SPREAD: Final = 0.1
"""Of an interval: a pause may be so much shorter or longer."""
_SHIFT: Final = random.random()
"""The rounds of several processes do not meet."""


def pause_s(every_s: float, clock: Callable[[], float] = monotonic) -> float:
    """How long to wait for the next round: until this process's next whole multiple of ``every_s``
    seconds, as far as that is about as long."""
    now = clock() - _SHIFT
    wanted = round((now + every_s) / every_s) * every_s - now
    return min(max(wanted, (1 - SPREAD) * every_s), (1 + SPREAD) * every_s)
