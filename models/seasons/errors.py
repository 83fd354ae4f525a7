from __future__ import annotations

from models.kernel.errors import Conflict, RuleViolation


class SeasonNotOpen(Conflict):
    """Applications have not opened yet, or are closed."""

    code = "season_not_open"


class MayNotApply(RuleViolation):
    """The rule gives none of the reader's groups a weight."""

    code = "may_not_apply"


class WishNotGiven(RuleViolation):
    """The season does not give what is wished. Details: ``wish``."""

    code = "wish_not_given"

    def __init__(self, wish: str) -> None:
        super().__init__(wish=wish)


class SeasonChanged(Conflict):
    """The season is not, or no longer, in the state that the step needs."""

    code = "season_changed"


class SeasonOverlaps(Conflict):
    """Another season gives one of the seats or lockers on one of the days. Details: its
    ``title``."""

    code = "season_overlaps"

    def __init__(self, title: str) -> None:
        super().__init__(title=title)


class NothingHeld(Conflict):
    """The reader has nothing of the season, or not what they name."""

    code = "nothing_held"


class SeasonStepNotNow(RuleViolation):
    """The time for the step has not come yet, or has passed."""

    code = "season_step_not_now"


class SecondPersonNeeded(RuleViolation):
    """The step has to be confirmed by another person than the one who started it."""

    code = "second_person_needed"
