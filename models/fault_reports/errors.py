from __future__ import annotations

from models.kernel.errors import Conflict, Throttled, WrongState


class FaultReported(Conflict):
    """The reader's report of this kind at this seat is still open and has another text."""

    code = "fault_reported"


class TooManyFaults(Throttled):
    """The reader has made all reports that are allowed in a day."""

    code = "too_many_faults"


class FaultClosed(WrongState):
    """The report was closed before, with another state or answer."""

    def __init__(self) -> None:
        super().__init__(state="closed")
