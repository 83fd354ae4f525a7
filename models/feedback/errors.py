from __future__ import annotations

from models.kernel.errors import Conflict, WrongState


class AlreadyAnswered(WrongState):
    """The feedback was answered before with another text."""

    def __init__(self) -> None:
        super().__init__(state="answered")


class FeedbackChanged(Conflict):
    """The staff's note, or the canned answer, was changed by another staff member meanwhile."""

    code = "feedback_changed"
