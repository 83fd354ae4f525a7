from __future__ import annotations

from models.kernel.errors import Conflict, Throttled, WrongState


class FaultReported(Conflict):
    """The reader's earlier report of this kind at this seat is open and has another text."""

    code = "fault_reported"


class TooManyFaults(Throttled):
    """The reader has made ``MAX_FAULT_REPORTS_PER_DAY`` reports today."""

    code = "too_many_faults"


class FaultClosed(WrongState):
    """The report was closed before, with another state or answer."""

    def __init__(self) -> None:
        super().__init__(state="closed")
