"""Why a fault report, or its closing, is refused."""

from __future__ import annotations

from models.kernel.errors import Conflict, Throttled, WrongState


class FaultReported(Conflict):
    """The reader has reported the same fault of the seat, and it is still open."""

    code = "fault_reported"


class TooManyFaults(Throttled):
    """The reader's reports of the day are used up."""

    code = "too_many_faults"


class FaultClosed(WrongState):
    """The report was closed otherwise already."""

    def __init__(self) -> None:
        super().__init__(state="closed")
