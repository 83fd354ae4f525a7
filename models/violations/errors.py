from __future__ import annotations

from models.kernel.errors import Conflict, WrongState


class NothingToAppeal(Conflict):
    """The violation is waived, or the reader has appealed against it already."""

    code = "nothing_to_appeal"


class AppealDecided(WrongState):
    """No appeal waits, or it was answered differently."""

    def __init__(self) -> None:
        super().__init__(state="settled")


class SuspensionChanged(WrongState):
    """The reader's suspension has changed meanwhile."""

    def __init__(self) -> None:
        super().__init__(state="suspended")
