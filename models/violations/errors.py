from __future__ import annotations

from models.kernel.errors import Conflict, WrongState


class NothingToAppeal(Conflict):
    """The violation is waived, or the reader has already appealed against it."""

    code = "nothing_to_appeal"


class AppealDecided(WrongState):
    """No appeal waits for an answer, or the appeal was already answered differently."""

    def __init__(self) -> None:
        super().__init__(state="settled")


class SuspensionChanged(WrongState):
    """The reader's suspension was changed since the staff member read it."""

    def __init__(self) -> None:
        super().__init__(state="suspended")
