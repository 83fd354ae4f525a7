"""Why a change of a venue or of a floor plan is refused."""

from __future__ import annotations

from models.kernel.errors import Conflict


class PlanChanged(Conflict):
    """Somebody else has changed the area's plan meanwhile, or added one of that id."""

    code = "plan_changed"


class VenueChanged(Conflict):
    """Somebody else has changed the venue meanwhile."""

    code = "venue_changed"


class PictureChanged(Conflict):
    """Somebody else has changed the picture under the area's plan meanwhile."""

    code = "picture_changed"
