from __future__ import annotations

from models.kernel.errors import Conflict, WrongState


class AlreadyAnswered(WrongState):
    """The feedback has another reply already."""

    def __init__(self) -> None:
        super().__init__(state="answered")


class FeedbackChanged(Conflict):
    """The note or the canned answer was changed by another staff member meanwhile."""

    code = "feedback_changed"
