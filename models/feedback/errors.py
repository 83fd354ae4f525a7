"""Why a reply is refused."""

from __future__ import annotations

from models.kernel.errors import Conflict, WrongState


class AlreadyAnswered(WrongState):
    """Another reply was given already."""

    def __init__(self) -> None:
        super().__init__(state="answered")


class FeedbackChanged(Conflict):
    """A colleague has changed the note or the canned answer meanwhile."""

    code = "feedback_changed"
