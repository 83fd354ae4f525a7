"""Steps of the first run. A step is done if the library's data show it, or if staff have marked
it so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from handlers.texts.setup import STEP_KEEP, STEP_STATE, STEP_TEXT, STEP_WHY
from models.library.entities import PresenceSource
from models.policy.entities import Policy
from models.profile.entities import SetupStep, StepMark
from models.reference_data import ReferenceData

STEP_PAGES: Final = {
    SetupStep.PROFILE: "/console/library",
    SetupStep.VENUES: "/console/venues",
    SetupStep.HOURS: "/console/calendar",
    SetupStep.FLOORS: "/console/plans",
    SetupStep.ROOMS: "/console/room-settings",
    SetupStep.RULES: "/console/rules",
    SetupStep.STAFF: "/console/devices",
}


@dataclass(frozen=True, slots=True)
class StepLine:
    """A step of the first run as a line on its page. ``where``: the path of the step's own page.
    ``keep``: the text of the button that accepts the defaults; empty if the step has none."""

    step: SetupStep
    where: str
    state: str
    title: str
    why: str
    keep: str

    @property
    def done(self) -> bool:
        return self.state == "done"

    @property
    def state_text(self) -> str:
        return STEP_STATE[self.state]


def is_under_way(reference: ReferenceData) -> bool:
    """Whether the first run has begun and not ended, or the library is still empty. A library
    that was filled in another way needs no first run."""
    if reference.setup.finished:
        return False
    return reference.setup.rev > 0 or next(reference.catalog.bookable_areas, None) is None


def step_lines(reference: ReferenceData) -> list[StepLine]:
    done, marks = _facts(reference), reference.setup.marks
    lines = []
    for step in SetupStep:
        mark = marks.get(step)
        state = "done" if done[step] or mark is StepMark.DONE else "open"
        if state == "open" and mark is StepMark.LATER:
            state = "later"
        keep = STEP_KEEP.get(step, "")
        lines.append(StepLine(step, STEP_PAGES[step], state, STEP_TEXT[step], STEP_WHY[step], keep))
    return lines


def _facts(reference: ReferenceData) -> dict[SetupStep, bool]:
    catalog, policy, usual = reference.catalog, reference.policy, Policy()
    labels = any(PresenceSource.SEAT_LABEL in v.presence_sources for v in catalog.venues_in_use)
    return {
        SetupStep.PROFILE: reference.profile.rev > 0,
        SetupStep.VENUES: any(catalog.venues_in_use),
        SetupStep.HOURS: policy.opening != usual.opening,
        SetupStep.FLOORS: next(catalog.bookable_areas, None) is not None,
        SetupStep.ROOMS: bool(reference.rooms_in_use()),
        SetupStep.RULES: replace(policy, version=usual.version, opening=usual.opening) != usual,
        SetupStep.STAFF: bool(catalog.kiosks) or labels,
    }
